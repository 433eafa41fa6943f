// Package peers lets libraries that others wrote, unmodified and of a pinned
// version, use the built binary as their users do: discovery, the grants with
// Basic and without a client, verification by the published keys, introspection
// and revocation, each with a token that the library must refuse. It is a module
// of its own, so that the libraries never become the product's. It refuses to know how
// a guard is configured where a page of docs/integrations tells: it takes the text from there.
//
//	world: cambio dev (http, https), cambio serve (a service for each algorithm)
//	  ├──▶ Go: x/oauth2 with go-oidc; go-jose
//	  ├──▶ node/verify.mjs: oauth4webapi; openid-client; jose
//	  ├──▶ typescript/roundtrip.ts: a client of the management API, generated from
//	  │    api/openapi.yaml at each run by @hey-api/openapi-ts
//	  └──▶ python/verify.py: Authlib; requests-oauthlib; PyJWT
//	guarded: cambio serve, and tokens for an API that differ from a good one in one thing
//	  ├──▶ processes: HAProxy, Apache, oauth2-proxy (a module in its folder), uvicorn with
//	  │    FastAPI, Express, Ruby
//	  └──▶ Go: the API server's authenticator of Kubernetes, OPA, cap/jwt
//	provider/provider.mjs: oidc-provider ──▶ console/login: people log in and out
//	seaweedfs: an object store that takes JWTs for keys ──▶ the SDK of AWS uses those of an exchange
//
// SeaweedFS is built from a module of its own, which takes minutes the first time. It tells
// nobody that it runs.
package peers
