// Package filter owns the text of SCIM filters (RFC 7644 §3.4.2.2) and of the paths of
// SCIM patches (§3.5.2): it is parsed into a tree, which prints as it parses.
//
//	filter   or   := and { "or" and }
//	         and  := term { "and" term }
//	         term := ["not"] "(" or ")" | path "[" or "]" | path operator [value]
//	target   path [ "[" or "]" [ "." name ] ]
//
// Length, depth and the number of comparisons are bounded. The package refuses to know
// which attributes there are, and what they hold.
package filter
