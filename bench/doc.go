// Command bench compares the product with bench/floor, the least that an
// exchange can cost, in one run on one machine, and prints the ratios. It owns
// the load, the clocks and the arithmetic; it refuses to judge: no exit code
// depends on a time, and what fails it is an answer that is not a token.
//
//	build cambio, floor ──▶ start-up time and memory at rest
//	each store, each number of connections (a cell)
//	    fresh folder, fresh Redis ──▶ start both ──▶ same claims and members? ──▶ warm up
//	    ──▶ round: cambio, floor ──▶ round: cambio, floor ──▶ …
//	each thing of -vary ──▶ deploy twice, cambio serve with it and without ──▶ rounds: with, without
//	-replicas ──▶ one Redis, the most of them ──▶ rounds: the first, the first two, …
//	-tokens ──▶ fill a store with each number ──▶ rounds: each store
//	medians, ratios of the rounds with their spread ──▶ tables, JSON
//
// The servers live through a whole cell and take turns, so that whatever
// else the machine does falls on all. Processor time, memory and allocations
// are read from /proc and from the servers' profiles, before and after a round.
// What a server logs goes to a file, as it would in production.
package main
