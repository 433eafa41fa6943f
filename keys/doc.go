// Package keys owns the signing keys: their ring, their sealing, the JWKS that
// publishes them, and the RFC 9068 access tokens they sign and verify.
//
// There is one chain of keys per algorithm. The times of a key are fixed in its
// record, so every replica tells its state from the clock alone:
//
//	           published ──▶ active ──▶ retiring ──▶ retired
//	           │             │          │            │
//	Created ───┘  ActiveFrom ┘          └ RetireFrom └ RemoveAfter
//	in JWKS     ├─────────────────────────────────────┤
//	signs                    ├──────────┤
//	verifies    ├─────────────────────────────────────┤
//
//	any state ── Revoke ──▶ revoked: neither signs, nor verifies, nor is in JWKS
//
// A key begins to sign no sooner than one lead (JWKS max-age + poll + 30 s of
// clock skew) after it was published, and stays published until the last token
// it signed has expired, plus JWKS max-age and skew. So every token verifies
// with any copy of the JWKS that is not older than its max-age. The first keys
// of a fresh store are the exception: nobody holds a copy yet. The successor of
// the active key is published as soon as that key becomes active, so it has
// been known for a whole rotation when its turn comes, and an emergency revoke
// finds a key to promote.
//
//	Store ──load──▶ canary ──▶ open, match ──▶ snapshot ──▶ Mint, Verify, JWKS
//	  ▲                                           │           (one atomic read)
//	  └───── SwapKeys, guarded by a version ◀── plan
//
// The whole ring is one stored record, replaced by compare-and-set: however
// many replicas race, a generation has one key. A key is made only from a state
// that was read, whose canary opened, and that lacks the key; a failed read or a
// wrong master key never makes one.
//
// The package refuses to know HTTP, OAuth grants, personal access tokens and
// policy: Mint signs Claims that were decided elsewhere, after linting them.
package keys
