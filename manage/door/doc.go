// Package door owns how the management doors (api, scim) learn who acts: the one
// credential of a request is read, and the one pipeline of package exchange judges it.
//
//	request ─▶ no secret in the URI ─▶ one credential ─▶ exchange ─▶ rate limit ─▶ manage.Caller
//	                                                                  per token
//
// It refuses to know routes, rights, and how a door words its answers.
package door
