// Package httpjson is the provider of credentials for any service that speaks HTTP and
// JSON, so that people attach their own.
//
//	POST url                      Authorization: Bearer <JWT for the audience of the service>
//	  {"expires_at":"<RFC 3339>"}   when the access token ends: the wish
//	200 {…}                       fields ─▶ members, expiry, handle
//
//	POST revoke URL               Authorization: Bearer <the JWT they were issued for>
//	  {"handle":"…"}
//	2xx, 404 or 410
//
// The service checks the JWT by the keys of the issuer, as any other does. Nothing long-lived
// is kept here: what has been issued can be revoked as long as this process remembers the JWT
// that it was issued for, and ends by its expiry otherwise.
//
// It calls the configured host alone, at the addresses that internal/egress lets through,
// and follows no redirect. It refuses to know what the members mean.
package httpjson
