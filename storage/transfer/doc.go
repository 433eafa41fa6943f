// Package transfer carries everything that a store keeps to another one: it is how
// cambio migrates, backs up (into a file of storage/bolt) and restores (out of one).
//
//	from.Items ──batch, place──▶ Copy ──▶ to.Import: items and mark
//	                              │ sum        │
//	                              ▼            ▼
//	                            Verify ◀── sum of to.Items ──▶ marked as verified ──▶ … ──▶ to.Finish
//
// A mark in the target says from where its items come and up to which place; a store
// that has one opens for nobody else. So a copy that was interrupted goes on where it
// was, and nobody serves half of one.
//
// The package knows no store: bolt and redis implement Store.
package transfer
