// Package conformance holds the product to docs/conformance.md, row by row. It
// owns the tests and nothing else: every row of the document has a Case under
// its id, and a Case is a few HTTP requests with what must come back.
//
//	docs/conformance.md ──▶ rows ─┐
//	                              ├─▶ TestDocument: each has the other
//	cases() ──────────────▶ rows ─┘
//	   │
//	   └─▶ TestConformance/<place>/<row>/<case>
//	         bolt, redis   every case but those of the other places
//	         served        cambio serve with services of its own
//	         outage        a Redis server that is stopped and paused
//	         console       cambio serve twice, with people who log in to its console
//	         alone         starts what it needs
//
// It talks to the built binary over the wire. It refuses to know the product's
// code but where the front door has no API yet: people, roles and organizations
// are put into the store through the domain, and tokens are forged with the
// server's own keys, which no client could do.
package conformance
