package exchange

import (
	"errors"
	"time"

	"github.com/cambio-sts/cambio/pat"
)

// ErrUnproved says that no token was proved: malformed, unknown, or another
// secret. Doors answer it with one failure, the same for every cause.
var ErrUnproved = pat.ErrUnproved

// ErrClient says that the client credentials beside a subject token are not a
// token of the same owner.
var ErrClient = errors.New("client authentication failed")

// DeniedError is the refusal of a token whose secret was proved.
type DeniedError struct {
	Cause       pat.Cause
	Description string // a fixed sentence; repeats nothing that was sent
	ID          string // 32 hex characters; finds the audit event
}

func (d *DeniedError) Error() string { return d.Description }

// provedError is the refusal of a request whose token was proved.
type provedError struct {
	token pat.ID
	err   error
}

func (p *provedError) Error() string { return p.err.Error() }
func (p *provedError) Unwrap() error { return p.err }

// Proved returns the id of the token that was proved before err refused what was asked
// for by it; empty if none was. An id whose secret was wrong is nobody's word and no such.
func Proved(err error) pat.ID {
	if proved, ok := errors.AsType[*provedError](err); ok {
		return proved.token
	}
	return ""
}

// The causes of a denial that this package adds to pat's.
const (
	CauseRole     pat.Cause = "role"
	CauseNetwork  pat.Cause = "network"
	CauseAudience pat.Cause = "audience"
	CauseSubject  pat.Cause = "subject" // the owner lacks what the JWT's sub shall be
	CauseEnding   pat.Cause = "ending"  // less than a second is left
	// CauseCredentials: a claim of the owner does not fit into a template of a provider.
	CauseCredentials pat.Cause = "credentials"
)

// TargetError says that the named audience or resource is not to be had
// (invalid_target, RFC 8693 §2.2.2).
type TargetError struct{ Description string }

func (e *TargetError) Error() string { return e.Description }

// ScopeError says that the scope is malformed or not to be had
// (invalid_scope, RFC 6749 §5.2).
type ScopeError struct{ Description string }

func (e *ScopeError) Error() string { return e.Description }

// ThrottledError takes the place of ErrUnproved when a network or a token id has
// had too many failures. A right secret is never throttled.
type ThrottledError struct{ RetryAfter time.Duration }

func (e *ThrottledError) Error() string { return "too many failed attempts" }

// Unwrap makes a throttled failure a failure of proof.
func (e *ThrottledError) Unwrap() error { return ErrUnproved }
