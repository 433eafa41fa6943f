// Package instant owns how times are written: RFC 3339 in UTC with exactly three
// fractional digits, and read from any RFC 3339 time.
package instant
