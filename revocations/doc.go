// Package revocations owns the feed that tells verifiers who check JWTs offline which of
// them are dead before their exp.
//
//	pat.EndedLog ──pass──▶ what ended within the window ──since──▶ content, ETag ──▶ signed answer
//	               at most each 250 ms,  hashes, in memory            made once for all who ask
//	               only while somebody asks
//
//	GET /revocations?since=<unix ms>        application/jwt, a compact JWS of typ revocations+jwt
//	    If-None-Match, Prefer: wait=25      held until there is something else to tell, else 304
//
// The payload is {iss, iat, since, next, window, ended}. iat, in seconds, is as of when the
// answer holds; since and next, in milliseconds, are cursors; window, in seconds, is how
// long an entry has to be remembered. An entry of ended is {h, gen, iat}:
//
//	h    base64url of the first 16 bytes of SHA-256 of "pat:"+pat_id, "jti:"+jti or "own:"+pat_id
//	gen  of these, JWTs with a pat_gen up to it; absent: with any
//	iat  of these, JWTs with an iat up to it, in seconds; absent: with any
//
// A JWT is dead if one of its three hashes is listed and gen and iat, where present, cover
// it. Entries may be told again, and only ever cover more.
//
// Cursors work at every process that serves the feed. An entry counts as since when it
// arrived there, by that process's clock, and next lies two pat.MaxSkew before the last
// pass over the log began: whatever that pass did not see arrives later than next by any
// clock that may be in use. Cursors are rounded down so that answers are shared.
//
// An owner who was disabled is told by each token that they own ("own:"), with an iat: they
// may be enabled again. By their sub they could not be: it may have changed since.
//
// So is a token of which more than a thousand JWTs were revoked by themselves: its owner has
// all that were issued until then refused, and nobody else pays for it.
//
// Anybody may ask. A stranger learns how much ended, and when owners were disabled and how
// many tokens they had; who knows the id of a token or a JWT can test whether it is listed.
// Nobody learns an id from it: they are random.
//
// What cannot be read is not told: when the log has not been read for 3 s the answer is
// 503, never a signed "nothing ended". The package refuses to know how a log is kept, who
// owners are, and who listens.
package revocations
