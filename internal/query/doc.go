// Package query owns how lists are asked for: the little language of filters, the
// sorters, and what they mean for values of different kinds. Which fields a list
// has, its columns, is its owner's to say.
//
//	filters  lastUsed le 2023-02-05T10:59:27.214Z and status eq "Active"
//	sorters  name,-created
//
// Both are parsed as a whole or refused, with the place of the fault and the fix.
package query
