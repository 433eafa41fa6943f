package pat

import (
	"context"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
)

// Lost is the end of a token that its store does not know, because an older
// state of it was put into place.
type Lost struct {
	To         State     // StateRevoked or StateAutoRevoked
	At         time.Time // when the token ended
	Reason     Reason    // Other if empty; none of an auto-revoked one
	Reversible bool      // as End.Reversible
}

// EndAgain ends a token as it had ended before, at that time. Unlike Revoke it
// ends none of those that were made by means of it, not even after a leak: they
// have ends of their own to be repeated. changed is false if the token has ended
// already, yet a final end makes a reversible one final. ErrNotFound,
// fault.ErrUnavailable: then the token must be assumed alive.
func (s *Service) EndAgain(ctx context.Context, record *Record, lost Lost, actor Actor) (after Record, changed bool, err error) {
	revocation := Revocation{ID: record.ID, Generation: record.Generation, To: lost.To, At: Milliseconds(lost.At), By: actor.Identity}
	name := audit.TokenExpired
	if lost.To == StateRevoked {
		name = audit.TokenRevoked
		revocation.Reason = lost.Reason
		if revocation.Reason == "" {
			revocation.Reason = Other
		}
		revocation.Reversible = lost.Reversible && record.Level != Personal && lost.Reason != Compromised
	}
	return s.end(ctx, revocation, s.event(name, record, &actor, revocation.Reason))
}
