// Command dist makes a release: an archive for each platform, what is in it, and
// checksums. `make dist` runs it.
//
//	VERSION, git ─▶ go build -trimpath ─▶ binary ─┬─▶ archive: binary, README, LICENSE, licences of
//	                                              │   others, completions, manual
//	                  what Go wrote into it ──────┴─▶ bill of materials (CycloneDX)
//	                                                  SHA256SUMS over all
//
// The same commit and the same Go give the same bytes, wherever and whenever it is
// run: the only time in them is that of the commit, and names are sorted. What a
// binary consists of is read from the binary, not from go.mod.
//
// It refuses to publish, sign or tag anything, to make a release of what is not
// committed, and to hand out a module whose licence it does not know.
package main

//go:generate go test . -run ^TestLicensesAreReviewed$ -update
