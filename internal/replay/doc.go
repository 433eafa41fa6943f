// Package replay ends again, on a store that was put back to an older state,
// what had ended since: the audit trail knows of it, the backup does not.
//
//	audit.Verify ──▶ audit.Read ──▶ Replay.Apply ──▶ pat, directory, keys ──▶ the store, with new events
//	                                      │
//	                                      └─▶ Report: applied, held already, lost
//
// Only ends are repeated, and that an identity was disabled. The trail does not hold
// what was made or changed, so that is lost, and the report says how much: a restore
// that undoes that a token was narrowed, or that somebody left a group, is for the
// operator to see.
//
// What is done for one token follows from all its events at once:
//
//	deleted                           delete it
//	expired as it was used            auto-revoke it
//	rotated after the backup          revoke it for good: its old secret may have leaked, and its new one is lost
//	revoked, and not reactivated      revoke it for good: the trail does not say whether it might be reactivated
//	revoked, and reactivated          revoke and reactivate it, so that JWTs from before stay dead;
//	                                  where the second fails it stays revoked
//
// Applying events again changes nothing. It does rely on being given all trails
// at once: the time of a replayed reactivation hides rotations before it.
//
// The package knows no files and no flags; that the trail is whole is for its
// caller to have proved.
package replay
