// Package wildcard owns patterns of names in the configuration: a * stands for some
// characters, or none, and every other character for itself.
//
// It refuses to know what is named.
package wildcard
