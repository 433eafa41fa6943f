// Package sts is what the SDK says to the authorization server, on the wire.
//
//	Discover ──▶ GET  <issuer>/.well-known/oauth-authorization-server   RFC 8414
//	Keys     ──▶ GET  jwks_uri                                          RFC 7517
//	Exchange ──▶ POST token_endpoint                                    RFC 8693
//	Ended    ──▶ GET  revocations_uri, held until there is news         Cambio's
//
// Each call is one bounded request: ten seconds, a body of at most 256 KiB, no
// redirect; Ended may take ten more than it asks to be held, and 64 MiB. It refuses to know what a token or a key says, to repeat a request
// and to remember anything.
package sts
