// Package jobs runs what nobody asks for: work that is due by the clock, once
// among all processes that share a store.
//
//	Lease.Hold ──held──▶ each Job that is due ──▶ its Run
//	    ▲                        │
//	    └──── renewed meanwhile ─┘        lost: the Run's context ends
//
// A process that ends or stalls loses its lease to another after a term, which
// then runs every job at once: a job has to be idempotent, and two of it may
// overlap for a moment. The package knows neither what a job does nor where a
// lease is kept.
package jobs
