// Package directory owns who there is: organizations, identities, groups with
// nested membership, role assignments, and what follows from them, the rights
// of an identity and whether it may act at all.
//
//	stored                                   in memory
//	organizations, groups, assignments  ──▶  Snapshot (≤ 1 s old, else not ready)
//	identities, each in its shard       ──▶  read with the token they own, as of now
//	                                             │
//	                                 Snapshot.AccessOf(identity) ──▶ Access: roles, groups, rights
//
// Nobody gets a role implicitly, not even an administrator. The package knows
// no token, key or request; it reads and writes through the ports it declares.
package directory
