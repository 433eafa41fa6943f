package storagetest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

func runUse(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"right secret":              useRight,
		"wrong secret, unknown id":  useWrong,
		"any live pepper":           usePeppers,
		"previous secret":           usePrevious,
		"owner deleted":             useWithoutOwner,
		"expired":                   useExpired,
		"expired, previous secret":  useExpiredPrevious,
		"expired, 200 at once":      useExpiredRace,
		"expires at this very time": useExpiresNow,
		"ended already":             useEnded,
	})
}

func mustUse(t *testing.T, s Stores, p pat.Presentation) *pat.Used {
	t.Helper()
	used, err := s.Uses.Use(t.Context(), p)
	require.NoError(t, err)
	require.WithinDuration(t, clock(), used.Now, time.Minute)
	return used
}

func useRight(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, func(r *pat.Record) { r.Expiration = clock().Add(time.Hour) })
	used := mustUse(t, s, present(&record, right(&record)))
	require.Equal(t, record, used.Record)
	require.Equal(t, record.Owner, used.Owner.ID)
	require.False(t, used.Transitioned)
	require.Equal(t, record, mustFind(t, s, record.ID), "a use by itself writes nothing")
	require.Empty(t, drain(t, s))
}

// useWrong proves that neither answer tells whether the id exists.
func useWrong(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	unknown := newRecord(record.Owner)
	ill := newRecord(record.Owner)
	ill.ID = "{}"
	for name, p := range map[string]pat.Presentation{
		"wrong secret":  present(&record, digest(1, "wrong")),
		"wrong pepper":  present(&record, digest(2, "secret of "+string(record.ID))),
		"no candidate":  present(&record),
		"zero digest":   present(&record, pat.Digest{}),
		"unknown id":    present(&unknown, right(&unknown)),
		"ill-formed id": present(&ill, right(&ill)),
	} {
		used := mustUse(t, s, p)
		require.Zero(t, used.Record, name)
		require.Zero(t, used.Owner, name)
		require.False(t, used.Transitioned, name)
		require.False(t, used.Verifier.Current.IsZero(), name)
		for _, candidate := range p.Candidates {
			require.NotEqual(t, candidate, used.Verifier.Current, name)
		}
	}
	require.Equal(t, record, mustFind(t, s, record.ID))
	require.Empty(t, drain(t, s))
}

func usePeppers(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, func(r *pat.Record) { r.Verifier.Current = digest(2, "b") })
	for name, candidates := range map[string][]pat.Digest{
		"only":   {digest(2, "b")},
		"newest": {digest(2, "b"), digest(1, "a")},
		"older":  {digest(3, "c"), digest(2, "b")},
		"oldest": {digest(4, "d"), digest(3, "c"), digest(2, "b")},
	} {
		require.Equal(t, record, mustUse(t, s, present(&record, candidates...)).Record, name)
	}
	require.Zero(t, mustUse(t, s, present(&record, digest(3, "b"), digest(1, "b"))).Record, "the sum of another version")
}

// usePrevious proves that the secret before a rotation opens the record, in its
// grace and after it: what follows from that the service decides.
func usePrevious(t *testing.T, s Stores) {
	t.Helper()
	for name, until := range map[string]time.Time{"in grace": clock().Add(time.Hour), "after grace": clock().Add(-time.Hour)} {
		record := newToken(t, s, func(r *pat.Record) {
			r.Verifier = pat.Verifier{Current: digest(2, "new"), Previous: digest(1, "old"), PreviousUntil: until}
		})
		for _, secret := range []pat.Digest{digest(1, "old"), digest(2, "new")} {
			used := mustUse(t, s, present(&record, digest(3, "other"), secret))
			require.Equal(t, record.Verifier, used.Verifier, name)
			require.Equal(t, record, used.Record, name)
		}
		wrong := mustUse(t, s, present(&record, digest(1, "wrong")))
		require.Equal(t, record.Verifier, wrong.Verifier, name)
		require.Zero(t, wrong.Record, name)
	}
	require.Empty(t, drain(t, s))
}

// useWithoutOwner: a token goes with its owner, and is then as unknown as any.
func useWithoutOwner(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	require.NoError(t, s.Identities.Delete(t.Context(), record.Owner, event(audit.IdentityDeleted)))
	used := mustUse(t, s, present(&record, right(&record)))
	require.Zero(t, used.Record)
	require.Zero(t, used.Owner)
}

func useExpired(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, func(r *pat.Record) { r.Expiration = clock().Add(-time.Millisecond) })
	mustUse(t, s, present(&record, digest(1, "wrong")))
	require.Equal(t, record, mustFind(t, s, record.ID), "a wrong secret changes nothing")
	require.Empty(t, drain(t, s))

	p := present(&record, right(&record))
	used := mustUse(t, s, p)
	require.True(t, used.Transitioned)
	require.Equal(t, record.Owner, used.Owner.ID)
	want := record
	want.State = pat.StateAutoRevoked
	want.RevokedAt = used.Record.RevokedAt
	want.Revision++
	require.Equal(t, want, used.Record)
	require.Equal(t, want, mustFind(t, s, record.ID))
	require.WithinDuration(t, used.Now, want.RevokedAt, 0)

	events := drain(t, s)
	require.Len(t, events, 1)
	require.WithinDuration(t, used.Now, events[0].Time, time.Second)
	require.Equal(t, pat.ExpiredEvent(&want, &p, events[0].Time.UTC()), utc(events[0]))

	again := mustUse(t, s, p)
	require.False(t, again.Transitioned)
	require.Equal(t, want, again.Record)
	require.Empty(t, drain(t, s))

	more := newRecord(record.Owner)
	require.NoError(t, s.PATs.Create(t.Context(), more, 1, event(audit.TokenCreated)), "an ended one is not counted")
}

func utc(e audit.Event) audit.Event {
	e.Time = e.Time.UTC()
	return e
}

// useExpiredPrevious: the secret before a rotation is right in its grace only.
func useExpiredPrevious(t *testing.T, s Stores) {
	t.Helper()
	for name, c := range map[string]struct {
		until time.Time
		want  bool
	}{
		"in grace":    {clock().Add(time.Hour), true},
		"after grace": {clock().Add(-time.Millisecond), false},
	} {
		record := newToken(t, s, func(r *pat.Record) {
			r.Expiration = clock().Add(-time.Hour)
			r.Verifier = pat.Verifier{Current: digest(1, "new"), Previous: digest(1, "old"), PreviousUntil: c.until}
		})
		require.Equal(t, c.want, mustUse(t, s, present(&record, digest(1, "old"))).Transitioned, name)
		require.Equal(t, c.want, mustFind(t, s, record.ID).State == pat.StateAutoRevoked, name)
		require.Len(t, drain(t, s), map[bool]int{true: 1, false: 0}[c.want], name)
	}
}

func useExpiredRace(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, func(r *pat.Record) { r.Expiration = clock().Add(-time.Hour) })
	var transitions atomic.Int64
	together(200, func(i int) {
		var used *pat.Used
		candidate := right(&record)
		if i%4 == 0 {
			candidate = digest(1, "wrong")
		}
		err := insist(func() (err error) {
			used, err = s.Uses.Use(t.Context(), present(&record, candidate))
			return err
		})
		if !assert.NoError(t, err) {
			return
		}
		assert.NotEqual(t, pat.StateActive, used.Record.State)
		if used.Transitioned {
			transitions.Add(1)
		}
	})
	require.EqualValues(t, 1, transitions.Load())
	require.Len(t, drain(t, s), 1)
	require.Equal(t, record.Revision+1, mustFind(t, s, record.ID).Revision)
}

// useExpiresNow watches tokens pass their expiry: at that very millisecond they
// are expired.
func useExpiresNow(t *testing.T, s Stores) {
	t.Helper()
	for range 5 {
		record := newToken(t, s, func(r *pat.Record) { r.Expiration = clock().Add(20 * time.Millisecond) })
		for deadline := clock().Add(10 * time.Second); ; {
			used := mustUse(t, s, present(&record, right(&record)))
			expired := !used.Now.Before(record.Expiration)
			require.Equal(t, expired, used.Record.State == pat.StateAutoRevoked, "at %s of %s", used.Now, record.Expiration)
			require.Equal(t, expired, used.Transitioned)
			if expired {
				break
			}
			require.True(t, clock().Before(deadline), "the store's clock stands still")
		}
	}
}

func useEnded(t *testing.T, s Stores) {
	t.Helper()
	for _, state := range []pat.State{pat.StateRevoked, pat.StateAutoRevoked} {
		record := newToken(t, s, func(r *pat.Record) {
			r.State, r.RevokedAt, r.Expiration = state, clock().Add(-2*time.Hour), clock().Add(-time.Hour)
		})
		used := mustUse(t, s, present(&record, right(&record)))
		require.Equal(t, record, used.Record)
		require.False(t, used.Transitioned)
		require.Equal(t, record, mustFind(t, s, record.ID))
	}
	require.Empty(t, drain(t, s))
}

func runLive(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"changes nothing": liveReads,
		"a JWT revoked":   liveJTI,
		"expired entries": liveJTIExpiry,
	})
}

func liveReads(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, func(r *pat.Record) { r.Expiration = clock().Add(-time.Hour) })
	live, err := s.Uses.Live(t.Context(), record.ID, "jti")
	require.NoError(t, err)
	require.Equal(t, record, live.Record, "an expired token is not ended by a look at it")
	require.Equal(t, record.Owner, live.Owner.ID)
	require.False(t, live.Revoked)
	require.WithinDuration(t, clock(), live.Now, time.Minute)
	require.Equal(t, record, mustFind(t, s, record.ID))
	require.Empty(t, drain(t, s))
}

func liveJTI(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	other := newToken(t, s, unchanged)
	ctx, until := t.Context(), clock().Add(time.Hour)
	revoked := event(audit.AccessTokenRevoked)
	changedOnce(t, 50, func() func() (bool, error) {
		return func() (bool, error) { return s.Uses.RevokeJTI(ctx, record.ID, "jti 1", until, revoked) }
	})
	requireEvents(t, s, revoked)
	for _, c := range []struct {
		token *pat.Record
		jti   string
		want  bool
	}{{&record, "jti 1", true}, {&record, "jti 2", false}, {&record, "", false}, {&other, "jti 1", false}} {
		live, err := s.Uses.Live(ctx, c.token.ID, c.jti)
		require.NoError(t, err)
		require.Equal(t, c.want, live.Revoked, c.jti)
		p := present(c.token, right(c.token))
		p.JTI = c.jti
		used, err := s.Uses.Use(ctx, p)
		require.NoError(t, err)
		require.Equal(t, c.want, used.JTIRevoked, c.jti)
		require.False(t, used.Transitioned)
		require.Equal(t, c.token.ID, used.Record.ID, "what is asked about a JWT does not touch the rest")
	}
	require.Equal(t, record, mustFind(t, s, record.ID), "the token lives on")

	_, err := s.Uses.RevokeJTI(ctx, pat.ID(id.New()), "jti 1", until, event(audit.AccessTokenRevoked))
	require.ErrorIs(t, err, pat.ErrNotFound)
	require.NoError(t, s.PATs.Delete(ctx, record.ID, event(audit.TokenDeleted)))
	drain(t, s)
	_, err = s.Uses.RevokeJTI(ctx, record.ID, "jti 2", until, event(audit.AccessTokenRevoked))
	require.ErrorIs(t, err, pat.ErrNotFound)
	require.Empty(t, drain(t, s))
}

// liveJTIExpiry: an entry need not outlive its JWT, and one that is dead
// already needs none.
func liveJTIExpiry(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	ctx := t.Context()
	changed, err := s.Uses.RevokeJTI(ctx, record.ID, "past", clock().Add(-time.Second), event(audit.AccessTokenRevoked))
	require.NoError(t, err)
	require.False(t, changed, "the JWT ended by itself")
	require.Empty(t, drain(t, s))
	changed, err = s.Uses.RevokeJTI(ctx, record.ID, "future", clock().Add(time.Hour), event(audit.AccessTokenRevoked))
	require.NoError(t, err)
	require.True(t, changed)
	for jti, want := range map[string]bool{"past": false, "future": true} {
		live, err := s.Uses.Live(ctx, record.ID, jti)
		require.NoError(t, err)
		require.Equal(t, want, live.Revoked, jti)
	}
}
