// Package idp is an OpenID provider for tests, over real HTTP: people are named by the
// test and log in without a form, and whatever it sends can be bent.
//
//	New ──▶ Provider: discovery, authorize, token, userinfo, jwks, end_session
//	Bend ──▶ Knobs: one lie or fault at a time
//	Authorize ──▶ the query that a browser would bring back
//
// It holds the client to what a strict provider does: registered redirect URIs, client
// authentication, one use of a code, PKCE by S256, state and nonce. It shares no code
// with the product, so that a test cannot pass by that.
package idp
