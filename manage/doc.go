// Package manage owns the management use cases: what people and administrators do
// to tokens, identities, groups, roles and policies, and who may do what.
//
//	caller, action, target ─▶ permits (rights.go) ─▶ use case ─▶ pat, directory, keys
//	                          deny by default         no HTTP
//
// Every use case begins with its action in the one table of permits. What a caller
// may not see does not exist for them (ErrNotFound); what they see and may not do
// is refused with what they lack. No use case gives anyone what the caller neither
// holds nor may assign (give.go).
//
// The directory of an organization goes out into a file and comes in again
// (directoryexport.go, directoryimport.go): each change that a file makes is one of
// the changes above.
//
// The doors (api, scim, console) translate to and from it. The package refuses to
// know requests, languages, and how anything is stored.
package manage
