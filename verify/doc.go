// Package verify protects a service with the access tokens of one authorization
// server: JWTs as RFC 9068 has them, and, where AcceptPAT says so, the personal
// access tokens behind them.
//
//	Authorization: Bearer … ──▶ Middleware ──▶ Verify ─┬─ JWT ──▶ form ▸ key ▸ signature ▸ claims ▸ Revocations ──▶ *Claims
//	                                                   └─ PAT ──▶ cache ▸ token exchange (RFC 8693) ▸ the same
//	discovery (RFC 8414) ▸ JWKS (RFC 7517) ──▶ one goroutine, which refreshes ahead and on an unknown kid
//
// One line protects a handler:
//
//	verifier, err := verify.New(ctx, "https://sts.example.com", "https://orders.example.com")
//	mux.Handle("GET /orders", verifier.Middleware(orders, verify.Require("orders:order:read")))
//
// A token is refused for whatever two parsers might read differently: padding,
// spare bits, duplicate members, a second Authorization header. Nothing in a
// token chooses how it is checked: the key brings its algorithm along.
//
// The package refuses to know what a scope allows, who may have it, and how the
// authorization server stores anything. It imports the standard library and
// golang-jwt only, logs no token and keeps no personal access token.
package verify
