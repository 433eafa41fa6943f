// Package pat owns the personal access token: its format, the keyed digest of
// its secret, its record, and its life from creation to deletion.
//
//	"cambio_pat_<id>_<secret><crc>"
//	      │ Parse: total, strict, no store call on a wrong checksum
//	      ▼
//	    Token ──Peppers.Digests──▶ Presentation ──UseStore.Use──▶ Used ──verify──▶ Use
//	                                              one round trip:  digest, state, expiry, owner
//
//	create ─▶ Active ─use─▶ Active            Expired is derived: ACTIVE and now ≥ expiry
//	            │  └─expiry─▶ Expired ─use with the right secret─▶ Auto-revoked
//	            └─revoke─▶ Revoked ─reactivate, where allowed─▶ Active
//
// It refuses to know HTTP, OAuth, audiences' meaning and the JWT that a use
// ends in. Storage implements the ports it declares.
package pat
