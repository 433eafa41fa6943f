// Package webhook sends the events of the audit trail to receivers, signed by the
// Standard Webhooks specification.
//
//	audit.Sink ──▶ files ──After──▶ follower ──▶ match ──▶ sign ──▶ egress ─▶ receiver
//	                                   │                                        │
//	                                cursor ◀──────── 2xx, or given up ──────────┘
//
// Each receiver has a follower and a cursor of its own: one that is down holds up
// neither another nor whoever records events, and what waits for it waits in the files
// of the trail. The cursor moves behind an event when that is delivered or given up,
// so a crash repeats at most, under the same webhook-id, and loses nothing that
// retention has not removed. The order is that of the trail.
//
// Processes that share a folder share its cursors: one of them has the lock of a
// receiver and delivers all that lies there. Processes with folders of their own
// deliver what each holds, and an event of a change of state lies in one of them.
//
// The package decides neither what is an event nor where receivers are configured. It
// trusts no name: the addresses that a receiver's name stands for are looked at when
// they are dialled.
package webhook
