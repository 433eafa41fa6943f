// Package reference owns the public pages that describe the management API, made
// from its OpenAPI document once, when the process starts.
//
//	openapi.yaml ─▶ document ─┬─▶ openapi.yaml, openapi.json   without what only our build reads
//	                          └─▶ page ─▶ html/template ─▶ docs, docs/reference.css
//
// The pages need no credential, no script and nothing from elsewhere, and their
// Content-Security-Policy allows nothing else. What the document may hold is what
// document.go reads: a reference that leads nowhere is an error at the start.
//
// The package knows nothing of what the API does.
package reference
