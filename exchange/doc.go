// Package exchange owns the one pipeline that every door calls: a credential
// in, a JWT out.
//
//	Request ─▶ 1 parse      pat.Format, checksum; no store call before it passes
//	           2 use        pat.Service.Use: load, digest, state, expiry, owner
//	           3 decide     role, network, audience, scope, lifetime   (policy.go, pure)
//	           4 mint       keys.Ring; or a JWT that says the same, if the door keeps some (Reuse)
//	           5 touch      lastUsed, or lastSeen if none was minted, if it is due
//	           6 audit      USED or USE_FAILED, with the cause
//	           7 answer     Issued, or an error that tells no more than it may
//
// Each stage consumes only the result of the one before; what reaches a claim
// has passed Decide. Failures to prove a secret are one error, ErrUnproved;
// whoever proved it gets a *DeniedError with the cause. The package knows no HTTP,
// no fosite and no storage.
package exchange
