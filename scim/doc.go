// Package scim owns the provisioning door: SCIM 2.0 (RFC 7643, RFC 7644) at /scim/v2,
// by which an identity provider keeps the people and the groups of an organization.
//
//	request ─▶ mux ─▶ gate ──────────────────▶ handler ──────────────▶ answer
//	                   1 manage/door            parse: scim/filter,    application/scim+json,
//	                   2 Caller.Provisioning    patch.go               or an error, by
//	                   3 rate limit per token   one use case of        answerTo alone
//	                                            manage, or one for
//	                                            each member of a group
//
// A User is an identity that is a person: userName is its username, active whether it
// is enabled. Technical users do not exist here. A Group is a group; its members are
// its direct members and its child groups. What clients send beyond what is kept is
// ignored, as identity providers send all they have.
//
// The package refuses to know how anything is stored, and who may do what.
package scim
