// Command floor is what an exchange costs at the very least: what it takes to
// receive the same form, find the same token, sign the same JWT and send the
// same answer, with net/http, go-redis and golang-jwt as they come. It owns the
// lower bound that bench compares the product with; it refuses to know policy,
// audit, throttling, logs, metrics, durability and whatever else the product is
// for.
//
//	POST /oauth2/token ──▶ ParseForm ──▶ map look-up, or one HMGET
//	    ──▶ compare the secret's hash ──▶ ES256 ──▶ JSON
//
// It knows the one token it is started with. When it is ready it prints a line
// of JSON with its addresses.
package main
