// Package forwardauth owns the door for reverse proxies: nginx auth_request, Traefik
// ForwardAuth, Caddy forward_auth and Envoy's HTTP ext_authz ask it about each request,
// and what only knows JWTs gets one for the PAT that the client sent.
//
//	request ─▶ no secret in the query ─▶ one credential ─▶ audience, scope ─▶ exchange ─▶ headers
//	                                     Basic, Bearer,    query or route     the one
//	                                     private-token     table              pipeline
//
// Each request runs the whole pipeline; only the JWT is kept for the next one that would
// get the same (Cache, exchange.Reuse). Answers are a status and headers, never a body:
//
//	200  Authorization, and identity headers which are always there, empty if nothing is known
//	401  challenges; the same for every cause
//	403  the secret was right and the use is refused: cause and denial id; or no route
//	429  too many failures; 503 the store cannot tell; both with Retry-After
//
// What a client says counts only as its proxy passes it on: the query of Path is the
// proxy's own, headers about the original request are read from trusted proxies, and
// where several ways to read them would find different routes, none is taken.
// It refuses to know what a token or an owner may do.
package forwardauth
