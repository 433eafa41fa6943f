package pat_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// spy counts the calls of a store and may answer in its place.
type spy struct {
	pat.UseStore
	used, touched atomic.Int64
	answer        func(*pat.Used) (*pat.Used, error)
}

func (s *spy) Use(ctx context.Context, p pat.Presentation) (*pat.Used, error) {
	s.used.Add(1)
	used, err := s.UseStore.Use(ctx, p)
	if err == nil && s.answer != nil {
		return s.answer(used)
	}
	return used, err
}

func (s *spy) Touch(ctx context.Context, t pat.Touch) (bool, error) {
	s.touched.Add(1)
	return s.UseStore.Touch(ctx, t)
}

func requireRefusal(tb testing.TB, err error, cause pat.Cause, description string) {
	tb.Helper()
	refusal, ok := errors.AsType[*pat.RefusedError](err)
	require.True(tb, ok, "%v", err)
	require.Equal(tb, cause, refusal.Cause)
	require.Equal(tb, description, refusal.Description)
	require.Equal(tb, description, err.Error())
}

func TestUse(t *testing.T) {
	w := newWorld(t)
	token, record := w.create()
	use, err := w.use(token)
	require.NoError(t, err)
	require.Equal(t, record.ID, use.Record.ID)
	require.Equal(t, w.owner.ID, use.Owner.ID)
	require.False(t, use.OldSecret)
	require.EqualValues(t, 1, w.uses.used.Load(), "one round trip")
}

func TestUseUnproved(t *testing.T) {
	w := newWorld(t)
	token, _ := w.create()
	unknown := newFormat(t).New(pat.NewID(w.owner.ID))
	for name, bad := range map[string]pat.Token{"unknown id": unknown, "wrong secret": newFormat(t).New(token.ID())} {
		_, err := w.use(bad)
		require.Equal(t, pat.ErrUnproved, err, name)
	}
}

func TestUseExpired(t *testing.T) {
	w := newWorld(t)
	at := w.clock.now().Add(time.Hour)
	token, record := w.create(func(d *pat.Draft) { d.Expiration = at })
	w.clock.advance(time.Hour - time.Millisecond)
	_, err := w.use(token)
	require.NoError(t, err)

	w.clock.advance(time.Millisecond) // now == expiry
	_, err = w.use(newFormat(t).New(token.ID()))
	require.Equal(t, pat.ErrUnproved, err)
	require.Equal(t, pat.StateActive, w.stored(record.ID).State, "nobody changes a state by knowing an id")
	require.Equal(t, pat.Expired, func() pat.Status { r := w.stored(record.ID); return r.Status(w.clock.now()) }())

	const text = "the token expired on 2026-11-22T13:00:00.123Z and is now auto-revoked"
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			_, err := w.use(token)
			refusal, ok := errors.AsType[*pat.RefusedError](err)
			if !ok || refusal.Description != text {
				t.Errorf("got %v", err)
			}
		})
	}
	group.Wait()
	require.Equal(t, pat.StateAutoRevoked, w.stored(record.ID).State)
	events := w.events(audit.TokenExpired)
	require.Len(t, events, 1, "exactly one transition")
	require.Equal(t, string(record.ID), events[0].PATID)
	require.Equal(t, origin.IP, events[0].IP)
	_, err = w.use(token)
	requireRefusal(t, err, pat.CauseAutoRevoked, text)
}

func TestUseCappedByPolicy(t *testing.T) {
	w := newWorld(t)
	token, record := w.create()
	w.policy.MaxLifetimeSeconds = 60
	w.clock.advance(60 * time.Second)
	_, err := w.use(token)
	require.NoError(t, err, "a new limit is not enforced on existing tokens unless asked")

	w.policy.EnforceOnExisting = true
	_, err = w.use(token)
	requireRefusal(t, err, pat.CauseExpired, "the token expired on 2026-11-22T12:01:00.123Z and is now auto-revoked")
	require.Equal(t, pat.StateAutoRevoked, w.stored(record.ID).State)
	require.Len(t, w.events(audit.TokenExpired), 1)

	early, _ := w.create(func(d *pat.Draft) { d.Expiration = w.clock.now().Add(time.Second) })
	use, err := w.use(early)
	require.NoError(t, err)
	require.Equal(t, use.Record.Expiration, pat.EffectiveExpiration(&use.Record, &w.policy), "the earlier of the two counts")
}

// A token that is past its cap, and deleted before this use could end it, is still the one
// that the refusal tells of.
func TestUseCappedAndDeleted(t *testing.T) {
	w := newWorld(t)
	token, record := w.create()
	w.policy.MaxLifetimeSeconds, w.policy.EnforceOnExisting = 60, true
	w.clock.advance(60 * time.Second)
	w.uses.answer = func(used *pat.Used) (*pat.Used, error) {
		return used, w.service.Delete(t.Context(), &record, w.actor())
	}
	use, err := w.use(token)
	requireRefusal(t, err, pat.CauseExpired, "the token expired on 2026-11-22T12:01:00.123Z and is now auto-revoked")
	require.Equal(t, record.ID, use.Record.ID)
	require.Equal(t, record.Owner, use.Record.Owner)
}

func TestUseRevoked(t *testing.T) {
	w := newWorld(t)
	token, record := w.create()
	_, changed, err := w.service.Revoke(t.Context(), &record, pat.End{}, w.actor())
	require.NoError(t, err)
	require.True(t, changed)
	_, err = w.use(token)
	requireRefusal(t, err, pat.CauseRevoked, "the token was revoked on 2026-11-22T12:00:00.123Z")
}

func TestUseOwner(t *testing.T) {
	w := newWorld(t)
	token, record := w.create()

	w.setOwner(func(i *directory.Identity) { i.Enabled = false })
	_, err := w.use(token)
	requireRefusal(t, err, pat.CauseOwnerDisabled, "its owner is disabled")
	require.Equal(t, pat.StateActive, w.stored(record.ID).State)

	w.setOwner(func(i *directory.Identity) { i.Enabled = true })
	_, err = w.use(token)
	require.NoError(t, err, "mended when the owner is")

	w.policy.LogonInactivityDays = 1
	w.clock.advance(24 * time.Hour)
	_, err = w.use(token)
	requireRefusal(t, err, pat.CauseOwnerInactive, "its owner is inactive: log in interactively to use it again")

	w.uses.answer = func(used *pat.Used) (*pat.Used, error) { used.Owner = directory.Identity{}; return used, nil }
	_, err = w.use(token)
	requireRefusal(t, err, pat.CauseOwnerGone, "its owner does not exist any more")
}

// What the store answers is not believed where it can be checked.
func TestUseFailsClosed(t *testing.T) {
	w := newWorld(t)
	token, _ := w.create()
	_, other := w.create()
	for name, answer := range map[string]func(*pat.Used) (*pat.Used, error){
		"store down":      func(*pat.Used) (*pat.Used, error) { return nil, fault.ErrUnavailable },
		"another record":  func(used *pat.Used) (*pat.Used, error) { used.Record = other; return used, nil },
		"no record":       func(used *pat.Used) (*pat.Used, error) { used.Record = pat.Record{}; return used, nil },
		"no organization": func(used *pat.Used) (*pat.Used, error) { used.Record.Organization = "x"; return used, nil },
	} {
		w.uses.answer = answer
		_, err := w.use(token)
		require.ErrorIs(t, err, fault.ErrUnavailable, name)
	}
	w.uses.answer = func(used *pat.Used) (*pat.Used, error) { used.Record.State = "?"; return used, nil }
	_, err := w.use(token)
	requireRefusal(t, err, pat.CauseRevoked, "the token was revoked")
	w.uses.answer = func(used *pat.Used) (*pat.Used, error) { used.Verifier = pat.Verifier{}; return used, nil }
	_, err = w.use(token)
	require.Equal(t, pat.ErrUnproved, err, "a record without digest matches nothing")
}

func TestTouchWritesOncePerDay(t *testing.T) {
	w := newWorld(t)
	token, record := w.create()
	touch := func(kind pat.Kind) {
		use, err := w.use(token)
		require.NoError(t, err)
		require.NoError(t, w.service.Touch(t.Context(), &use, kind, origin))
	}
	touch(pat.Minted)
	first := w.clock.now()
	require.True(t, first.Equal(w.stored(record.ID).LastUsed))
	require.Zero(t, w.stored(record.ID).LastSeen)

	w.clock.advance(24*time.Hour - time.Millisecond)
	calls := w.uses.touched.Load()
	touch(pat.Minted)
	require.Equal(t, calls, w.uses.touched.Load(), "no second round trip when nothing is due")
	require.True(t, first.Equal(w.stored(record.ID).LastUsed))

	touch(pat.Presented)
	require.True(t, w.clock.now().Equal(w.stored(record.ID).LastSeen))

	w.clock.advance(time.Millisecond)
	touch(pat.Minted)
	require.True(t, w.clock.now().Equal(w.stored(record.ID).LastUsed))
}

// TestNewerDigestIsNotMovedBack: a process that has a newer pepper, and does not yet
// digest by it, leaves alone what another has moved.
func TestNewerDigestIsNotMovedBack(t *testing.T) {
	w := newWorld(t)
	token, record := w.create()
	w.service = w.over(pepper(2), pepper(1))
	for range 2 {
		use, err := w.use(token)
		require.NoError(t, err)
		require.NoError(t, w.service.Touch(t.Context(), &use, pat.Presented, origin))
		require.Equal(t, 2, w.stored(record.ID).Verifier.Current.Pepper)
		w.service = w.over(pepper(1), pepper(2))
	}
}

func TestTouchMovesTheDigestToTheNewestPepper(t *testing.T) {
	w := newWorld(t)
	token, record := w.create()
	w.service = w.over(pepper(2), pepper(1))
	use, err := w.use(token)
	require.NoError(t, err)
	require.NoError(t, w.service.Touch(t.Context(), &use, pat.Presented, origin))
	require.Equal(t, 2, w.stored(record.ID).Verifier.Current.Pepper)

	w.service = w.over(pepper(2)) // the old master key is retired
	_, err = w.use(token)
	require.NoError(t, err)
	w.service = w.over(pepper(3))
	_, err = w.use(token)
	require.Equal(t, pat.ErrUnproved, err)
}

func TestTouchFails(t *testing.T) {
	w := newWorld(t)
	token, record := w.create()
	use, err := w.use(token)
	require.NoError(t, err)
	require.NoError(t, w.service.Delete(t.Context(), &record, w.actor()))
	err = w.service.Touch(t.Context(), &use, pat.Minted, origin)
	if err != nil {
		require.ErrorIs(t, err, pat.ErrNotFound)
	}
}

func TestUseJWT(t *testing.T) {
	w := newWorld(t)
	token, record := w.create(func(d *pat.Draft) { d.Expiration = w.clock.now().Add(time.Hour) })
	jti := id.New()
	useJWT := func() error {
		_, err := w.service.UseJWT(t.Context(), record.ID, 1, jti, w.snapshot())
		return err
	}
	require.NoError(t, useJWT())

	_, err := w.service.UseJWT(t.Context(), pat.NewID(w.owner.ID), 1, jti, w.snapshot())
	requireRefusal(t, err, pat.CauseRevoked, "the token behind it does not exist any more")
	_, err = w.service.UseJWT(t.Context(), record.ID, 2, jti, w.snapshot())
	requireRefusal(t, err, pat.CauseGeneration, "the token behind it was renewed")

	for _, want := range []bool{true, false} {
		changed, err := w.service.RevokeAccessToken(t.Context(), &record, jti, w.clock.now().Add(time.Minute), w.actor())
		require.NoError(t, err)
		require.Equal(t, want, changed)
	}
	requireRefusal(t, useJWT(), pat.CauseTokenRevoked, "the access token was revoked")
	require.Len(t, w.events(audit.AccessTokenRevoked), 1)
	jti = id.New()
	require.NoError(t, useJWT(), "another JWT of the same token")
	_, err = w.use(token)
	require.NoError(t, err, "the token itself lives on")

	w.setOwner(func(i *directory.Identity) { i.Enabled = false })
	requireRefusal(t, useJWT(), pat.CauseOwnerDisabled, "its owner is disabled")
	w.setOwner(func(i *directory.Identity) { i.Enabled = true })

	w.clock.advance(time.Hour)
	requireRefusal(t, useJWT(), pat.CauseExpired, "the token behind it expired on 2026-11-22T13:00:00.123Z")
	require.Equal(t, pat.StateActive, w.stored(record.ID).State, "a JWT changes no state")
	_, _, err = w.service.Revoke(t.Context(), &record, pat.End{}, w.actor())
	require.NoError(t, err)
	requireRefusal(t, useJWT(), pat.CauseRevoked, "the token behind it was revoked")

	_, err = w.service.UseJWT(t.Context(), record.ID, 1, jti, directory.NewSnapshot(&directory.Catalog{}))
	require.ErrorIs(t, err, fault.ErrUnavailable)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = w.service.UseJWT(ended, record.ID, 1, jti, w.snapshot())
	require.Error(t, err)
}
