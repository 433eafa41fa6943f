package pat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
)

// cascadeTimeout bounds the end of all that was made by means of a token.
const cascadeTimeout = time.Minute

// End says how a token is to be revoked.
type End struct {
	Reason Reason // Other if empty
	// Reversible asks for a revocation that Reactivate undoes; it is granted to
	// group and organization tokens that did not leak.
	Reversible bool
	// Cascade ends the tokens made by means of this one too; a leak always does.
	Cascade bool
}

// Revoke ends a token. Revoking one that has ended changes nothing and is no
// error, yet a final revocation makes a reversible one final. changed says
// whether this call ended it. ErrNotFound, fault.ErrUnavailable: then the token must be assumed
// alive.
func (s *Service) Revoke(ctx context.Context, record *Record, end End, actor Actor) (after Record, changed bool, err error) {
	if end.Reason == "" {
		end.Reason = Other
	}
	end.Reversible = end.Reversible && record.Level != Personal && end.Reason != Compromised
	after, changed, err = s.revokeOne(ctx, record, end, &actor)
	if err != nil {
		return Record{}, false, err
	}
	if end.Cascade || end.Reason == Compromised {
		err = s.revokeDescendants(ctx, record, end, &actor)
	}
	return after, changed, err
}

func (s *Service) revokeOne(ctx context.Context, record *Record, end End, actor *Actor) (Record, bool, error) {
	event := s.event(audit.TokenRevoked, record, actor, end.Reason)
	return s.end(ctx, Revocation{
		ID: record.ID, Generation: record.Generation, To: StateRevoked, At: event.Time, By: actor.Identity, Reason: end.Reason, Reversible: end.Reversible,
	}, event)
}

// end applies a revocation to the token as it is now.
func (s *Service) end(ctx context.Context, revocation Revocation, event audit.Event) (Record, bool, error) {
	for range replaceAttempts {
		after, changed, err := s.store.Revoke(ctx, revocation, event)
		if err != nil {
			return Record{}, false, fmt.Errorf("revoke token: %w", err)
		}
		if after.State != StateActive {
			return after, changed, nil
		}
		// It was rotated or reactivated since it was read. Who asks to end it means
		// the token as it is now.
		revocation.Generation = after.Generation
	}
	return Record{}, false, fmt.Errorf("revoke token: %w", ErrConflict)
}

// revokeDescendants ends, for good, all that was made by means of a token,
// directly or through others. It goes on when the client leaves, and past what cannot be ended.
//
// A descendant can make others until it is ended itself. So it lists anew until
// a list has none left that is alive: all that could make one had ended before.
func (s *Service) revokeDescendants(ctx context.Context, record *Record, end End, actor *Actor) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cascadeTimeout)
	defer cancel()
	end.Reversible = false
	for {
		ended, err := s.revokeListed(ctx, record, end, actor)
		if err != nil || ended == 0 {
			return err
		}
	}
}

// revokeListed ends the descendants of one list, and returns how many were alive.
func (s *Service) revokeListed(ctx context.Context, record *Record, end End, actor *Actor) (ended int, failed error) {
	for descendant, err := range s.store.List(ctx, Query{Organization: record.Organization, Ancestor: record.ID}) {
		if err != nil {
			return ended, errors.Join(failed, fmt.Errorf("list tokens made by means of one: %w", err))
		}
		if descendant.State == StateAutoRevoked || descendant.State == StateRevoked && !descendant.Reversible {
			continue
		}
		ended++
		if _, _, err := s.revokeOne(ctx, &descendant, end, actor); err != nil && !errors.Is(err, ErrNotFound) {
			failed = errors.Join(failed, err)
		}
	}
	return ended, failed
}

// Delete removes a token; only the audit trail remains. ErrNotFound.
func (s *Service) Delete(ctx context.Context, record *Record, actor Actor) error {
	if err := s.store.Delete(ctx, record.ID, s.event(audit.TokenDeleted, record, &actor, "")); err != nil {
		return fmt.Errorf("delete token: %w", err)
	}
	return nil
}

// RevokeAccessToken ends one JWT that was minted from a token; revoking it
// again, or one that has expired, changes nothing, and changed is false.
// ErrNotFound when the token is gone.
func (s *Service) RevokeAccessToken(ctx context.Context, record *Record, jti string, expiry time.Time, actor Actor) (changed bool, err error) {
	event := s.event(audit.AccessTokenRevoked, record, &actor, "")
	event.JTI = jti
	if changed, err = s.uses.RevokeJTI(ctx, record.ID, jti, expiry, event); err != nil {
		return false, fmt.Errorf("revoke access token: %w", err)
	}
	return changed, nil
}
