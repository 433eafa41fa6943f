// Package soak loads processes of the product for as long as it is told to, while
// what they stand on breaks again and again, and judges what has become of them.
//
//	                                        ┌─▶ steady      is never restarted: it must not grow
//	load: 32 connections, at 70 % of what ──┼─▶ restarted   by SIGTERM
//	      was measured before               └─▶ killed      by SIGKILL
//	clerk: creates, rotates, revokes tokens ───▶ each in turn │
//	                                                          ▼
//	faults: one after the other ──▶ proxies ──▶ Redis: a primary, two replicas, three Sentinels
//
//	watch ──▶ goroutines, files, memory of each process      ─┐
//	trail ──▶ the audit folders, against what was acknowledged ┼─▶ report: Markdown, JSON lines
//	tally ──▶ answers and times, in and outside of faults     ─┘
//
// `make soak` takes ten minutes, `make soak SOAK=1h` the hour. Without the flag -soak
// a rehearsal of some seconds holds that all of this still works: it judges answers and
// the trail, and neither growth nor times.
package soak
