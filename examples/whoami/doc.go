// Command whoami is a service that tells callers who they are, protected by one
// line of verify. It takes JWTs of the authorization server $ISSUER for
// $AUDIENCE, and personal access tokens in their place; it listens at $ADDR.
//
//	Authorization: Bearer … ──▶ verify ──▶ GET /whoami ──▶ {"sub":"…","client_id":"…","scopes":["whoami:me:read"]}
//
// Its test is the acceptance test of the SDK: against a real server it refuses
// every kind of bad token, and survives key rollovers under load. It refuses to
// know how tokens are checked.
package main
