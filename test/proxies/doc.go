// Package proxies proves the recipes for reverse proxies by real ones.
//
//	client ──▶ nginx, Caddy ──▶ a server that knows JWTs only, by the JWKS
//	git clone       │
//	                └─▶ /forward-auth of cambio dev
//
// Each proxy runs the configuration of its page in docs/integrations, of which only
// addresses, and what a test machine needs around it, are others. It refuses to know
// how the product works: it has its binary and its front door.
package proxies
