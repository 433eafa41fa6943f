// Package authz is the authorization server in the word of RFC 6749 §1.1: the
// server that issues access tokens. It decides no authorization itself. What a
// token may get is package exchange's business, who may do what is package
// directory's; here HTTP becomes one call of the pipeline, and its result HTTP.
//
//	POST /oauth2/token, /oauth/token
//
//	request ─▶ strict front ─▶ fosite ─────────────────────────────▶ writers
//	           httpx.ReadForm   │ client authentication: which         one answer
//	           each parameter   │   credential was sent, not whether   for each error,
//	           once, UTF-8,     │   it is right                        one success
//	           64 KiB           └ grant ─▶ exchange.Request ─▶ Exchanger.Exchange
//
//	POST /oauth2/introspect, /oauth2/revoke     front ─▶ exchange ─▶ writers
//	GET  /oauth2/userinfo                       Bearer ─▶ exchange ─▶ writers
//	GET  /.well-known/…, /oauth/info            bytes from memory
//
// This is the only package that knows fosite, and it uses fosite for the token
// endpoint alone: to find who answers for a grant type and to run client
// authentication before it, so that no grant can forget either. fosite's HTTP
// edge stays unused. It accepts duplicate parameters and malformed escapes, puts
// request input into descriptions and answers 401 without a challenge. So the
// front parses before it and fosite is handed a form that holds the grant type
// and nothing else: no secret ever lies in a structure that fosite might store
// or trace. Its stock grants, token strategies, introspection and revocation
// handlers stay out for the same reason: they expect registered clients, bcrypt
// and stored sessions, and there is none of these.
//
// The package refuses to know how a token is checked, signed or stored, and what
// the management API looks like. Every error becomes an answer in one function,
// answerTo; no text of an error that it does not know leaves the server.
package authz
