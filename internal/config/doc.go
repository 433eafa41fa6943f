// Package config owns the one typed configuration of `cambio serve`: which keys
// there are, what each means and defaults to, where a value came from, and
// whether the whole can be served with.
//
//	table (table.go) ──┬─ defaults ─┐
//	                   ├─ file ─────┤  each value is parsed by its row's kind,
//	                   ├─ CAMBIO_… ─┤  koanf merges: flag > environment > file > default
//	                   ├─ flags ────┘
//	                   └─ docs/configuration.md, Example
//	                          │
//	                          ▼
//	                Config ─ validate ─ *Error with every problem at once
//
// Everything fails closed: an unknown key, an unknown CAMBIO_ variable, a key
// written twice, a value of the wrong type or out of bounds, and a password
// inside a URL all refuse to start. No message repeats a value, so that a
// secret written to the wrong place is not printed.
//
// The package knows no product package: who uses a value turns it into its own
// type. It reads secret files only when asked, by ReadSecretFile.
package config

//go:generate go test . -run ^TestReferenceIsCommitted$ -update
