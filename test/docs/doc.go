// Package docs runs what the documents say.
//
//	*.md ──▶ fences ─┬─ sh ───▶ bash -euo pipefail, in order, in one copy of the repository for each document,
//	                 │          against a `cambio dev` of its own; a line that starts a server is started,
//	                 │          awaited, and ended with its fence as Ctrl-C does
//	                 ├─ json ─▶ parses; after a sh fence: has the members of what that printed
//	                 ├─ yaml ─▶ parses
//	                 ├─ go ───▶ are lines of an example_test.go, which the compiler checks
//	                 └─ none ─▶ a picture: holds no command
//	     ──▶ links, `make …` and `cambio …` in running text ──▶ exist
//	     ──▶ `package TestName`, and in columns "Held by" every mutant, row and fault ──▶ exist
//
// A fence of commands that cannot run here says why in its info string,
// `sh norun=docker`; notRun lists each of them, so that none is added in silence.
//
// It refuses to know what a command should print: a document that is wrong about
// that needs a test of the product.
package docs
