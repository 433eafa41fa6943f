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
// The log of what ended (pat.EndedLog) is not carried: who checks JWTs keeps what it has
// learnt. For who begins to, a target tells anew of what the things themselves say has
// ended within pat.EndedWindow: tokens that are revoked or were renewed, revoked JWTs and
// disabled identities (Item.Ended). Of tokens that were deleted in that time it says
// nothing; and what ended after a backup, internal/replay ends again in the usual way.
//
// The package knows no store: bolt and redis implement Store.
package transfer
