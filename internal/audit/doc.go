// Package audit records who did what: the events, and the local sink that
// keeps them as hash-chained JSON lines.
//
//	a change of state ──▶ committed with its event by the store ──▶ Outbox ──▶ Shipper ─┐
//	                                                                                    ├▶ Sink ──▶ *.jsonl, each line naming
//	a use, allowed or refused ──────────────────────────────────────────────▶ Record ───┘            the hash of the one before
//
// Audit is not logging: it has a schema, an operation that cannot be audited
// does not happen, and an edited or missing line is found by Verify. The
// package knows no token, identity or key: an event holds strings that its
// callers have already proved to be no secret.
//
// # Files
//
// Each process is one writer with an id of its own. It never touches the lines
// of another.
//
//	20261122T025400.123Z-<writer>.jsonl    lines: an Event's members, then seq, writer, prev
//	<writer>.head                          the last line known to be on disk, fsynced after it
//	<writer>-<seq>.checkpoint              the last line that retention has removed
//
// seq counts from 1 over all files of a writer. prev is the hex SHA-256 of the
// bytes of the line before, without its newline; that of the first line is the
// SHA-256 of the writer id's 32 characters. A writer that was shut down in
// order ends with a WriterEnded line.
//
// Read takes the changes of state out of all of it, for a restore; an Archive finds the
// newest events of an organization, reading from the end while sinks write, and counts
// the uses of each day, reading no line twice.
//
// # Following
//
// Sink.After hands out the lines of the folder behind Bookmarks, those of ended and
// of other writers too, once they are on disk. Whoever keeps the bookmarks durably
// misses nothing that retention has not removed, and may see the last lines twice.
//
// # What Verify sees, and what it cannot see
//
// Seen: any change of, and any line missing from, inserted into or moved
// within what the head covers; files removed by other hands than retention's;
// a tail that was cut; a head that is gone; lines after the end of a writer.
//
// Not seen, because the chain holds no key: a rewrite of everything from some
// line on, together with the head; and the removal of a writer whole, files
// and marks. The log line "audit file closed" names the position and hash of
// each finished file for that reason: kept on another machine, it gives the
// rewrite away. Nor, for a writer that crashed, a cut or change behind its
// head: those lines, of at most SyncEvery, had no evidence yet, and a cut there
// looks like the crash.
package audit
