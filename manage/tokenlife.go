package manage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

const (
	// endTimeout bounds the end of tokens, which outlives the client that asked for
	// it: what is begun is brought to its end, children and technical user too.
	endTimeout = 10 * time.Second
	// changeAttempts is how often a change is worked out anew for a token that changed
	// meanwhile.
	changeAttempts = 10
)

// TokenChange works out what of a token, as it is shown, shall change. The zero change
// is none.
type TokenChange func(before *Token) (pat.Change, error)

// Rotation says how a token gets a new secret.
type Rotation struct {
	Grace  *time.Duration // in which both work; nil: pat.DefaultGrace, or none for one that leaked
	Reason pat.Reason
}

// grace is how long both secrets shall work.
func (r *Rotation) grace() time.Duration {
	switch {
	case r.Grace != nil:
		return *r.Grace
	case r.Reason == pat.Compromised:
		return 0
	default:
		return pat.DefaultGrace
	}
}

// RotationError says that a token is wider than the one that the caller acts by, whose
// holder would get the new secret.
type RotationError struct{ Wider *pat.WiderError }

func (e *RotationError) Error() string { return e.Wider.Error() }

// Unwrap returns the *pat.WiderError.
func (e *RotationError) Unwrap() error { return e.Wider }

// update changes the token that read returns, all of the change or nothing.
func (m *Manager) update(ctx context.Context, c *Caller, read func() (*pat.Record, error), match Match, change TokenChange) (*Token, error) {
	for range changeAttempts {
		record, err := read()
		if err == nil {
			err = cmp.Or(match.check(etagOf(record)), m.bySecretBefore(c, record))
		}
		if err != nil {
			return nil, err
		}
		shown, err := m.show(ctx, c, record)
		if err != nil {
			return nil, err
		}
		wanted, err := change(shown)
		if err != nil {
			return nil, err
		}
		if wanted == (pat.Change{}) {
			return shown, nil
		}
		if wanted.Audience != nil {
			if err := m.checkAudience(ctx, record.Organization, *wanted.Audience, record.Audience); err != nil {
				return nil, err
			}
		}
		wanted.Revision = record.Revision
		after, err := m.tokens.Update(ctx, record.ID, &wanted, c.Policy, m.actor(c))
		if err == nil {
			return m.show(ctx, c, &after)
		}
		if !errors.Is(err, pat.ErrConflict) {
			return nil, err
		}
	}
	return nil, pat.ErrConflict
}

func (m *Manager) rotate(ctx context.Context, c *Caller, record *pat.Record, match Match, input Input[Rotation]) (pat.Token, *Token, error) {
	rotation, err := input()
	if err != nil {
		return pat.Token{}, nil, err
	}
	if err := cmp.Or(match.check(etagOf(record)), m.bySecretBefore(c, record)); err != nil {
		return pat.Token{}, nil, err
	}
	how := pat.Rotation{Grace: rotation.grace(), Reason: rotation.Reason}
	if match != nil {
		how.Revision = record.Revision
	}
	token, after, err := m.tokens.Rotate(ctx, record.ID, how, c.Policy, m.actor(c))
	if wider, ok := errors.AsType[*pat.WiderError](err); ok {
		return pat.Token{}, nil, &RotationError{Wider: wider}
	}
	if err != nil {
		return pat.Token{}, nil, changedSince(err, match)
	}
	shown, err := m.show(ctx, c, &after)
	return token, shown, err
}

// bySecretBefore refuses to change a token by the secret before its last rotation while
// both work, or by a JWT, which may be made by it: who only has that one would take the
// token over from who has the new one.
func (m *Manager) bySecretBefore(c *Caller, record *pat.Record) error {
	if record.ID == c.Token.ID && (c.OldSecret || c.JWT != nil) && m.now().Before(record.Verifier.PreviousUntil) {
		return ErrOldSecret
	}
	return nil
}

// changedSince is ErrChanged for a conflict with what the caller has read.
func changedSince(err error, match Match) error {
	if match != nil && errors.Is(err, pat.ErrConflict) {
		return ErrChanged
	}
	return err
}

// revoke ends a token. Whoever gives up a token of their own means it for good.
func (m *Manager) revoke(ctx context.Context, c *Caller, record *pat.Record, match Match, input Input[pat.End]) (*Token, error) {
	end, err := input()
	if err != nil {
		return nil, err
	}
	if err := match.check(etagOf(record)); err != nil {
		return nil, err
	}
	end.Reversible = !c.owns(record)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	after, _, err := m.tokens.Revoke(ctx, record, end, m.actor(c))
	if err != nil {
		return nil, err
	}
	return m.show(ctx, c, &after)
}

func (m *Manager) remove(ctx context.Context, c *Caller, record *pat.Record, match Match) error {
	if err := match.check(etagOf(record)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if err := m.tokens.Delete(ctx, record, m.actor(c)); err != nil {
		return err
	}
	return m.removeTechnicalUser(ctx, c, record)
}

// removeTechnicalUser removes the owner that was made with a group's or an
// organization's token.
func (m *Manager) removeTechnicalUser(ctx context.Context, c *Caller, record *pat.Record) error {
	if record.Level == pat.Personal {
		return nil
	}
	owner := directory.Identity{ID: record.Owner, Organization: record.Organization}
	if err := m.directory.RemoveIdentity(ctx, &owner, c.keeper()); err != nil && !errors.Is(err, directory.ErrNotFound) {
		return fmt.Errorf("delete the technical user of a token: %w", err)
	}
	return nil
}
