// Package faults breaks what the product stands on, and attacks its doors, and
// looks at what comes of it. Everything goes through the front door of the
// built binary, on a bolt file and on a real Redis server.
//
//	rows.md ──▶ one line a fault, each with an id ─┐
//	                                               ├─▶ TestRows: each row has a holder, and each holder exists
//	rows() ──▶ what holds the row ─────────────────┘
//	             tests of this package
//	             tests of the package that the fault strikes, or rows of docs/conformance.md
//	             or what has to be built first
//
// It refuses to know the product's code: what a test needs it reads off the
// wire, the files and the processes; services check JWTs by the SDK, verify. Counts of 10⁴ and more run at a hundredth,
// kills at a tenth, and in full with CAMBIO_FULL=1 or CAMBIO_MARATHON=1.
package faults
