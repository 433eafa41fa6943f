// Package redis keeps everything in Redis of version 7.0 or later: one server, a
// primary that Sentinel names, or a Cluster.
//
//	pat, directory, keys, audit ──port──▶ DB ──▶ session ──one script──▶ one slot of the primary
//	                                       │         │     EVALSHA       checked, changed and recorded in one step
//	                                       │         │     WAIT          confirmed by replicas, if it is a change
//	                                       │         └─ another server answers than before
//	                                       └─ sent ──▶ next session: what ended access is repeated there first
//
// Uses that come together are sent in one piece, and not one behind the other
// (together.go).
//
// The first two hexadecimal digits of an id are its shard, and all keys of a
// shard carry the hash tag {xx}; what belongs to no shard carries {cfg}. No
// command touches two of them.
//
//	cambio:{xx}:pat:<token>               hash    a token: what scripts look at or change, a field each; the rest packed in "record"
//	cambio:{xx}:idn:<identity>            hash    an identity, packed in "record"
//	cambio:{xx}:names:<holder>            hash    name → token
//	cambio:{xx}:live:<holder>             zset    tokens that are ACTIVE and not managed, by expiry: a limit is a ZCOUNT
//	cambio:{xx}:owned:<identity>          set     tokens that it owns and another holds, to delete with it and those of its names
//	cambio:{xx}:kids:<token>              set     tokens of this shard made by means of that one, directly or through others; it may lie in another
//	cambio:{xx}:org:<org>:by_created      zset    tokens, by creation
//	cambio:{xx}:org:<org>:managed         zset    those of them that are managed, by creation
//	cambio:{xx}:org:<org>:identities      zset    identities, by creation
//	cambio:{xx}:grp:<group>               set     identities of this shard that are in that group, which may lie in another
//	cambio:{xx}:jti                       zset    <token>:<jti> of revoked JWTs, by expiry; pruned by each write
//	cambio:{xx}:requests:<token>:<mount>  string  requests in the window of a rate limit; it expires with that
//	cambio:{xx}:kept:<name>               string  what the console keeps for a while, in the shard of a hash of its name; it expires
//	cambio:{xx}:epoch                     string  counts the security writes; every script answers it
//	cambio:{xx}:audit                     stream  events that await shipping, each added by the script of its change
//	cambio:{xx}:ended                     stream  what ended there within pat.EndedWindow, each added by the script that ended it; it expires
//	cambio:{cfg}:catalog                  hash    version of the next three
//	cambio:{cfg}:organizations            hash    id → JSON
//	cambio:{cfg}:groups                   hash    id → JSON
//	cambio:{cfg}:assignments              hash    id → JSON
//	cambio:{cfg}:keys                     hash    version, state: the key ring as JSON
//	cambio:{cfg}:login:<org>              hash    kind NUL name → "<identity> <time> <nonce>", see logins.go
//	cambio:{cfg}:served                   zset    processes that serve, by when they said so last
//	cambio:{cfg}:repeated                 zset    servers on which a process has repeated what it sent (settle.go), likewise
//	cambio:{cfg}:notes                    zset    what they want one another to know, each with its process, likewise
//	cambio:{cfg}:format                   hash    version of this layout; absent: 1
//	cambio:{cfg}:import                   hash    mark of an import that is not finished (storage/transfer)
//	cambio:{cfg}:jobs                     hash    job → until when its work is done
//	cambio:{cfg}:epoch, cambio:{cfg}:audit        as in a shard
//	cambio:{cfg}:audit:lease              string  the process that ships; it expires too
//	cambio:{cfg}:lease:<name>       string  the process that has a lease, until it expires
//
// An id is written in hexadecimal in a key, and as its 16 bytes where it is a member
// of one of these indexes or packed (codec.go). A token takes less than a KiB of the
// server's memory with all that belongs to it (TestMemory).
//
// Times are Unix milliseconds, by the server's clock where the server decides; a
// use is not decided when that differs from the caller's by more than
// pat.MaxSkew. An absent field is a zero member. A script that creates is
// refused by a server that is full, all others work there; none is read-only, so
// that a replica refuses each. Some keys are named by the scripts themselves, as
// only the record tells them: those of a token's owner, holder and ancestors, in
// the slot of the record. Scripts look at those before they write: one that is on its
// way to another server of a cluster ends them with nothing done. While too many events of a shard await shipping, its
// changes are refused, but none that ends access (room.inc.lua).
//
// A promoted replica may lack what its primary had. A session (session.go) knows the
// servers by the life they live as a primary, and a shard by its epoch, which each
// change raises and each script answers; see renew.go for what becomes of others.
//
// Nothing is repeated by the client library. A command whose connection broke
// is sent once more by DB, a change under the id of its event, by which the
// script recognises what it has done already. A caller that tries again with the
// same event after fault.ErrUnavailable is answered likewise. Whatever is no answer of a port is
// a fault.ErrUnavailable. The package decides nothing that pat or directory
// decide, and makes nothing by itself in an empty server.
package redis
