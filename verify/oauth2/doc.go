// Package oauth2 makes a personal access token a token source of
// golang.org/x/oauth2, for clients of services that take JWTs.
//
//	http.Client of x/oauth2 ──▶ Token ─┬─ fresh ──────────────▶ the JWT at hand
//	                                   ├─ 70 % of life over ──▶ the JWT at hand; one exchange (RFC 8693) begins
//	                                   └─ about to expire ────▶ waits for that exchange
//
// It refuses to know where a personal access token is kept, and keeps none: it
// asks for it at each exchange, so that a rotated one is taken up.
package oauth2
