// Package mutants proves that the tests hold the checks of a use: it removes
// each of them in turn from the source, and a test must fail every time.
//
//	mutants ─▶ one line of one file changed, in an overlay ─▶ go test of the packages that hold it ─▶ must fail
//
// A mutant that does not compile, or whose line is gone, fails too: the table
// has to follow the code. Nothing is written to the source tree.
package mutants
