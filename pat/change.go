package pat

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
)

const (
	// DefaultGrace is how long both secrets work after a rotation, unless said.
	DefaultGrace = 24 * time.Hour
	// MaxGrace is the longest such time.
	MaxGrace = 30 * 24 * time.Hour

	replaceAttempts   = 20
	afterwardsTimeout = 5 * time.Second
)

// ErrNotReactivatable says that a token is not revoked, or for good.
var ErrNotReactivatable = errors.New("the token cannot be reactivated")

// ErrNotActive says that a token that has ended cannot be changed that way.
// NotActiveError says how it ended.
var ErrNotActive = errors.New("the token is not active")

// NotActiveError is ErrNotActive with the state that the token is in.
type NotActiveError struct {
	Status Status // Revoked or Auto-revoked; Expired only at a rotation
	// Reversible says that a Revoked one may be reactivated; any other is so for good.
	Reversible bool
}

func (e *NotActiveError) Error() string { return ErrNotActive.Error() + ": " + string(e.Status) }

// Unwrap returns ErrNotActive.
func (e *NotActiveError) Unwrap() error { return ErrNotActive }

func notActive(record *Record, now time.Time) error {
	return &NotActiveError{Status: record.Status(now), Reversible: record.Reactivatable(now)}
}

// Change names the fields to be changed; nil leaves one as it is.
type Change struct {
	Name                     *string
	Description              *string
	Scope                    *[]string
	Audience                 *[]string
	Networks                 *[]netip.Prefix
	Expiration               *time.Time // zero: never
	NeverExpiresAcknowledged *bool
	// Revision that the change was made from; 0: any. ErrConflict if the token
	// has another by now.
	Revision int64
}

// Update changes the fields of a token that has not ended (*NotActiveError). An Expired one whose expiry moves into the
// future is Active again. Errors as Create's, ErrNotFound and ErrConflict.
func (s *Service) Update(ctx context.Context, id ID, change *Change, policy *directory.Policy, actor Actor) (Record, error) {
	return s.replace(ctx, id, policy.MaxTokensPerOwner, audit.TokenUpdated, &actor, func(record *Record, now time.Time) error {
		if change.Revision != 0 && change.Revision != record.Revision {
			return ErrConflict
		}
		if record.State != StateActive {
			return notActive(record, now)
		}
		if err := change.apply(record, policy, now); err != nil {
			return err
		}
		if !change.bounded() {
			return nil
		}
		return s.boundChange(ctx, record, policy, &actor)
	})
}

// boundChange refuses a change that makes a token wider than the one by means
// of which it is changed, or than the one by means of which it was made, as long as there is that.
func (s *Service) boundChange(ctx context.Context, record *Record, policy *directory.Policy, actor *Actor) error {
	if err := within(record, actor.Parent, policy); err != nil {
		return err
	}
	if record.CreatedByPAT == "" {
		return nil
	}
	maker, err := s.store.Find(ctx, record.CreatedByPAT)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the token that made it: %w", err)
	}
	err = within(record, &maker, policy)
	if wider, ok := errors.AsType[*WiderError](err); ok {
		wider.ByMaker = true
	}
	return err
}

// bounded reports whether the change touches what a parent bounds.
func (c *Change) bounded() bool {
	return c.Scope != nil || c.Expiration != nil || c.Audience != nil || c.Networks != nil
}

func (c *Change) apply(record *Record, policy *directory.Policy, now time.Time) error {
	named := c.Name != nil && *c.Name != record.Name // a name that stays was accepted once
	set(&record.Name, c.Name)
	set(&record.Description, c.Description)
	set(&record.Audience, c.Audience)
	set(&record.Networks, c.Networks)
	set(&record.NeverExpiresAcknowledged, c.NeverExpiresAcknowledged)
	if c.Scope != nil {
		record.Scope = *c.Scope
		if len(record.Scope) == 0 {
			record.Scope = []string{ScopeDefault}
		}
	}
	if c.Expiration != nil || c.NeverExpiresAcknowledged != nil {
		wanted := record.Expiration
		set(&wanted, c.Expiration)
		if !wanted.Equal(record.Expiration) || wanted.IsZero() {
			expiration, err := expiry(Milliseconds(wanted), record.NeverExpiresAcknowledged, policy, record.Created, now)
			if err != nil {
				return err
			}
			record.Expiration = expiration
		}
	}
	var wrong error
	if named {
		wrong = validName(record.Name)
	}
	return errors.Join(wrong, validText("description", record.Description, maxDescription),
		validScopes(record.Scope), validAudiences(record.Audience))
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// Rotation says how a token gets a new secret.
type Rotation struct {
	Grace  time.Duration // in which both secrets work
	Reason Reason
	// Revision of the token that is meant; 0: any. ErrConflict if it has another.
	Revision int64
}

func (r *Rotation) check() error {
	if r.Grace < 0 || r.Grace > MaxGrace {
		return Broken("gracePeriodSeconds", RuleRange, 0, int(MaxGrace.Seconds()))
	}
	if r.Grace > 0 && r.Reason == Compromised { // neither wish goes before the other
		return Broken("gracePeriodSeconds", RuleNoGrace)
	}
	return nil
}

// rotatable refuses a token that is wider than the one by means of which it is rotated,
// of which the holder would have the new secret. It is as wide as itself, unless the
// actor holds less of it.
func rotatable(record, parent *Record, policy *directory.Policy) error {
	if parent != nil && parent.ID == record.ID {
		return withinScope(record, parent)
	}
	return within(record, parent, policy)
}

// Rotate gives an active token a new secret under the same id, and returns it.
// For the grace both secrets work; with none the old one and every JWT made by it
// die at once. If the old one leaked (Compromised), so does all that was made by
// means of the token. *NotActiveError, *WiderError, ErrNotFound, ErrConflict, *FieldError.
func (s *Service) Rotate(ctx context.Context, id ID, how Rotation, policy *directory.Policy, actor Actor) (Token, Record, error) {
	if err := how.check(); err != nil {
		return Token{}, Record{}, err
	}
	token := s.format.New(id)
	record, err := s.replace(ctx, id, 0, audit.TokenRotated, &actor, func(record *Record, now time.Time) error {
		if how.Revision != 0 && how.Revision != record.Revision {
			return ErrConflict
		}
		if record.Status(now) != Active {
			return notActive(record, now)
		}
		if err := rotatable(record, actor.Parent, policy); err != nil {
			return err
		}
		record.Verifier = Verifier{Current: s.peppers.Newest(token), Previous: record.Verifier.Current}
		if how.Grace > 0 {
			record.Verifier.PreviousUntil = now.Add(how.Grace)
		} else { // no time is named: the store's clock need not be this one
			record.Generation++
		}
		return nil
	}, how.Reason)
	if err != nil {
		return Token{}, Record{}, err
	}
	if how.Reason == Compromised {
		if err := s.revokeDescendants(ctx, &record, End{Reason: Compromised}, &actor); err != nil {
			return Token{}, Record{}, err
		}
	}
	return token, record, nil
}

// Reactivate makes a reversibly revoked token active again. JWTs from before
// stay dead. revision is that of the token that is meant; 0: any. ErrNotReactivatable,
// ErrLimit, ErrNotFound, ErrConflict if it has another revision.
func (s *Service) Reactivate(ctx context.Context, id ID, revision int64, policy *directory.Policy, actor Actor) (Record, error) {
	return s.replace(ctx, id, policy.MaxTokensPerOwner, audit.TokenReactivated, &actor, func(record *Record, now time.Time) error {
		if revision != 0 && revision != record.Revision {
			return ErrConflict
		}
		if !record.Reactivatable(now) {
			return ErrNotReactivatable
		}
		record.State, record.Reversible = StateActive, false
		record.RevokedAt, record.RevokedBy, record.RevokeReason = time.Time{}, "", ""
		record.Generation++
		return nil
	})
}

// replace reads a record, changes it and writes it back if nobody else did in
// between; else it starts anew.
func (s *Service) replace(
	ctx context.Context, id ID, limit int, name audit.Name, actor *Actor, change func(*Record, time.Time) error, reason ...Reason,
) (Record, error) {
	for range replaceAttempts {
		record, err := s.store.Find(ctx, id)
		if err != nil {
			return Record{}, fmt.Errorf("find token: %w", err)
		}
		now := s.clock()
		if err := change(&record, now); err != nil {
			return Record{}, err
		}
		record.Modified = now
		event := s.event(name, &record, actor, append(reason, "")[0])
		event.Time = now // the trail and the record tell of one moment
		err = s.store.Replace(ctx, record, limit, event)
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return Record{}, fmt.Errorf("replace token: %w", err)
		}
		record.Revision++
		return record, nil
	}
	return Record{}, ErrConflict
}
