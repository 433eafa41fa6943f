package storagetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

func runRevoke(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"guard":               revokeGuard,
		"reversible to final": revokeFinally,
		"100 at once":         revokeRace,
		"racing uses":         revokeAgainstUses,
		"unknown":             revokeUnknown,
	})
}

func revokeGuard(t *testing.T, s Stores) {
	t.Helper()
	before := clock().Add(-time.Hour)
	plain := func(*pat.Revocation) {}
	reversible := func(r *pat.Record) { r.State, r.RevokedAt, r.Reversible = pat.StateRevoked, before, true }
	for name, c := range map[string]struct {
		stored func(*pat.Record)
		revoke func(*pat.Revocation)
		want   bool
	}{
		"active":                        {unchanged, plain, true},
		"expired":                       {func(r *pat.Record) { r.Expiration = before }, plain, true},
		"reversibly":                    {unchanged, func(v *pat.Revocation) { v.Reversible = true }, true},
		"to auto-revoked":               {unchanged, func(v *pat.Revocation) { v.To = pat.StateAutoRevoked }, true},
		"a later generation was meant":  {unchanged, func(v *pat.Revocation) { v.Generation++ }, true},
		"by the platform":               {unchanged, func(v *pat.Revocation) { v.By, v.Reason = "", pat.Unused }, true},
		"an earlier generation":         {unchanged, func(v *pat.Revocation) { v.Generation-- }, false},
		"final already":                 {func(r *pat.Record) { r.State, r.RevokedAt = pat.StateRevoked, before }, plain, false},
		"auto-revoked already":          {func(r *pat.Record) { r.State, r.RevokedAt = pat.StateAutoRevoked, before }, plain, false},
		"reversible stays so":           {reversible, func(v *pat.Revocation) { v.Reversible = true }, false},
		"reversible, earlier, to final": {reversible, func(v *pat.Revocation) { v.Generation-- }, false},
	} {
		record := newToken(t, s, func(r *pat.Record) {
			r.Generation = 5
			c.stored(r)
		})
		v, want := revocation(&record), record
		c.revoke(&v)
		revoked := event(audit.TokenRevoked)
		if c.want {
			want.State, want.RevokedAt, want.RevokedBy, want.RevokeReason, want.Reversible = v.To, v.At, v.By, v.Reason, v.Reversible
			want.Revision++
		}
		got, changed, err := s.PATs.Revoke(t.Context(), v, revoked)
		require.NoError(t, err, name)
		require.Equal(t, c.want, changed, name)
		require.Equal(t, want, got, name)
		require.Equal(t, want, mustUse(t, s, present(&record, right(&record))).Record, name)
		got, changed, err = s.PATs.Revoke(t.Context(), v, event(audit.TokenRevoked))
		require.NoError(t, err, name)
		require.False(t, changed, "%s: a replay", name)
		require.Equal(t, want, got, name)
		if c.want {
			requireEvents(t, s, revoked)
		}
		require.Empty(t, drain(t, s), name)
	}
}

// revokeFinally: a leak makes a reversible revocation final and keeps when it
// began; nothing makes a final one reversible.
func revokeFinally(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	first := revocation(&record)
	first.At, first.Reversible = clock().Add(-time.Hour), true
	_, changed, err := s.PATs.Revoke(t.Context(), first, event(audit.TokenRevoked))
	require.NoError(t, err)
	require.True(t, changed)
	final := revocation(&record)
	final.Reason, final.By = pat.Compromised, ""
	got, changed, err := s.PATs.Revoke(t.Context(), final, event(audit.TokenRevoked))
	require.NoError(t, err)
	require.True(t, changed)
	want := record
	want.State, want.RevokedAt, want.RevokeReason, want.Revision = pat.StateRevoked, first.At, pat.Compromised, record.Revision+2
	require.Equal(t, want, got)
	require.Equal(t, want, mustFind(t, s, record.ID))
	_, changed, err = s.PATs.Revoke(t.Context(), first, event(audit.TokenRevoked))
	require.NoError(t, err)
	require.False(t, changed)
	require.Len(t, drain(t, s), 2)
	require.NoError(t, s.PATs.Create(t.Context(), newRecord(record.Owner), 1, event(audit.TokenCreated)), "it makes room")
}

func revokeRace(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	changedOnce(t, 100, func() func() (bool, error) {
		revoked := event(audit.TokenRevoked)
		return func() (bool, error) {
			_, changed, err := s.PATs.Revoke(t.Context(), revocation(&record), revoked)
			return changed, err
		}
	})
	require.Len(t, drain(t, s), 1)
	require.Equal(t, record.Revision+1, mustFind(t, s, record.ID).Revision)
}

// revokeAgainstUses: no use that starts after Revoke returned sees the token
// ACTIVE, and neither does a look for one of its JWTs.
func revokeAgainstUses(t *testing.T, s Stores) {
	t.Helper()
	for range 5 {
		record := newToken(t, s, unchanged)
		var (
			revoked atomic.Bool
			enough  atomic.Int64
			users   sync.WaitGroup
		)
		for range 16 {
			users.Go(func() {
				for after := 0; after < 5 && useOnce(t, s, &record, &revoked, &after); {
					enough.Add(1)
				}
			})
		}
		for deadline := clock().Add(10 * time.Second); enough.Load() < 50 && clock().Before(deadline); {
			mustFind(t, s, record.ID)
		}
		_, changed, err := s.PATs.Revoke(t.Context(), revocation(&record), event(audit.TokenRevoked))
		revoked.Store(true)
		users.Wait()
		require.NoError(t, err)
		require.True(t, changed)
	}
}

// useOnce uses the token and looks for one of its JWTs; if it was revoked before
// that began, it counts in after and proves that both show it.
func useOnce(t *testing.T, s Stores, record *pat.Record, revoked *atomic.Bool, after *int) bool {
	t.Helper()
	ended := revoked.Load()
	used, err := s.Uses.Use(t.Context(), present(record, right(record)))
	if !assert.NoError(t, err) {
		return false
	}
	live, err := s.Uses.Live(t.Context(), record.ID, "jti")
	if !assert.NoError(t, err) {
		return false
	}
	if ended {
		*after++
		assert.Equal(t, pat.StateRevoked, used.Record.State)
		assert.Equal(t, pat.StateRevoked, live.Record.State)
	}
	return true
}

func revokeUnknown(t *testing.T, s Stores) {
	t.Helper()
	for _, token := range []pat.ID{pat.ID(id.New()), "{}", ""} {
		_, changed, err := s.PATs.Revoke(t.Context(), pat.Revocation{
			ID: token, Generation: 1, To: pat.StateRevoked, At: clock(), Reason: pat.Other,
		}, event(audit.TokenRevoked))
		require.ErrorIs(t, err, pat.ErrNotFound)
		require.False(t, changed)
	}
	require.Empty(t, drain(t, s))
}

// changedOnce: of n at once one makes the change. Whoever lost the answer to it hears at
// a second call that it was made, and not that he made it.
func changedOnce(t *testing.T, n int, each func() func() (changed bool, err error)) {
	t.Helper()
	var changes, lost atomic.Int64
	together(n, func(int) {
		change := each()
		assert.NoError(t, insist(func() error {
			changed, err := change()
			if changed {
				changes.Add(1)
			}
			if err != nil {
				lost.Add(1)
			}
			return err
		}))
	})
	if lost.Load() == 0 {
		require.EqualValues(t, 1, changes.Load())
	}
	require.LessOrEqual(t, changes.Load(), int64(1))
}
