// Package bolt keeps everything in one file of one process. It implements the
// ports of pat, directory, keys and internal/audit on bbolt, plainly: a change is one
// transaction with its audit event, and is answered after the fsync.
//
//	Use ──▶ recent.go, if no write has begun since it read the token; or else as
//	Live, Find, List      ──▶ View ─────────────────────▶ memory-mapped file
//	Create, Revoke, …     ──▶ Update, or Batch for callers ─▶ pages, fsync, meta page, fsync ──▶ answer
//	                          that come at the same time
//
// Past maxUnshipped events that wait to be shipped, a change is refused rather
// than made without a trace; but not one that ends access (outbox.go).
//
// The buckets. Keys join their parts with a zero byte, which no id has in it;
// "at" is a creation time. A row is a list of numbered members (rows.go, wire.go).
//
//	about               "format"                   version of this layout
//	                    "import"                   mark of an import that is not finished (storage/transfer)
//	                    "taken"                    when a backup began
//	                    "done", job                until when the work of a job is done
//	tokens              token                      row of a pat.Record
//	token_names         holder, name               token
//	tokens_by_holder    holder, at, token          usable until (what limits count)
//	tokens_by_time      organization, at, token    –
//	tokens_by_ancestor  ancestor, at, token        –
//	tokens_by_owner     owner, token               –
//	token_counts        organization               how many there are, and how many are managed
//	jtis                token, jti                 expiry of a revoked JWT
//	jtis_by_expiry      expiry, token, jti         –
//	identities          identity                   row of a directory.Identity
//	identities_by_time  organization, at, identity –
//	identities_by_group group, identity            –
//	logins              organization, kind, key    identity
//	organizations, groups, assignments             row of each, by its id
//	catalog             "version"                  number that each of their changes raises
//	keys                "ring"                     JSON
//	outbox              sequence                   JSON of an audit event
//	ended               sequence                   row of a pat.Ended
//	kept                key                        expiry, value: what the console keeps for a while
//	kept_by_expiry      expiry, key                –
//
// What is kept is no record: it stays behind when the rest is carried to another
// store, and a backup has none of it (kept.go). What ended (ended.go) is told for
// pat.EndedWindow in the transaction that ended it, and cleared away by later ones. It
// is no record either, and not carried (transfer.Item.Ended). A file that was made before these three
// buckets gets them as it is opened; a program from before them opens it all the same.
//
// A file is made under another name, synced and then linked to its place, so a
// half-made one never lies there; and it is read through and checked before
// bbolt opens it (file.go), because bbolt mends silently what must not be: it
// takes a bad meta page for the end of a crash and goes back to the transaction
// before, which would undo a revocation.
//
// The package knows no policy. It decides nothing but what its ports ask to be
// decided in one step: digest, state and expiry of a use, uniqueness and limits.
package bolt
