// Package api owns the management REST API: personal access tokens, and the
// keys that sign what they are exchanged for. openapi.yaml is its source; the
// models and the routes are generated from it.
//
//	request ─▶ mux ─▶ gate ─────────────────────▶ handler ───────────▶ answer
//	                   1 no secret in the URI      parse, strictly      JSON, no-store
//	                   2 one credential            rights and scope     or Failure, by
//	                   3 exchange, by manage/door  pat, directory,      answerTo alone
//	                   4 rate limit per token      keys: one use case
//	                   5 query parameters known
//
// A route exists only by the generated registration, and no route skips the
// gate; the reference, which says nothing that openapi.yaml does not, is no route. Who acts is a caller: what they may do is what their owner may do now
// and what their token covers. What they may not see does not exist.
//
// The package refuses to know how a token is stored or checked, what a scope
// means elsewhere, and sessions: cookies are not read.
package api

//go:generate go tool -modfile=../.ci/tools.mod oapi-codegen -config codegen.yaml openapi.yaml
