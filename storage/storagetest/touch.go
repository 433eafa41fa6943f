package storagetest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

func runTouch(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"once under 1000":           touchRace,
		"once in a day":             touchWindow,
		"used and seen":             touchIndependent,
		"uses of the old secret":    touchOldUses,
		"a newer digest":            touchRehash,
		"a token that is not there": touchMissing,
	})
}

func mustTouch(t *testing.T, s Stores, touch pat.Touch) bool {
	t.Helper()
	touch.Now = clock()
	written, err := s.Uses.Touch(t.Context(), touch)
	require.NoError(t, err)
	return written
}

func touchRace(t *testing.T, s Stores) {
	t.Helper()
	for name, before := range map[string]time.Time{"never used": {}, "used a day ago": clock().Add(-pat.TouchInterval)} {
		record := newToken(t, s, func(r *pat.Record) { r.LastUsed = before })
		var written atomic.Int64
		together(1000, func(int) {
			assert.NoError(t, insist(func() error {
				wrote, err := s.Uses.Touch(t.Context(), pat.Touch{ID: record.ID, Now: clock(), Used: true, Seen: true})
				if wrote {
					written.Add(1)
				}
				return err
			}))
		})
		require.EqualValues(t, 1, written.Load(), name)
		after := mustFind(t, s, record.ID)
		require.WithinDuration(t, clock(), after.LastUsed, time.Minute, name)
		require.WithinDuration(t, clock(), after.LastSeen, time.Minute, name)
		after.LastUsed, after.LastSeen = before, time.Time{}
		require.Equal(t, record, after, name)
	}
	require.Empty(t, drain(t, s), "a use is no change of state")
}

func touchWindow(t *testing.T, s Stores) {
	t.Helper()
	for name, c := range map[string]struct {
		last time.Duration // from now
		want bool
	}{
		"just now":               {0, false},
		"a minute short of it":   {-pat.TouchInterval + time.Minute, false},
		"a day ago":              {-pat.TouchInterval, true},
		"long ago":               {-100 * pat.TouchInterval, true},
		"in the future":          {time.Hour, false},
		"days ahead, after skew": {3 * pat.TouchInterval, false},
	} {
		last := clock().Add(c.last)
		record := newToken(t, s, func(r *pat.Record) { r.LastUsed, r.LastSeen = last, last })
		require.Equal(t, c.want, mustTouch(t, s, pat.Touch{ID: record.ID, Used: true, Seen: true}), name)
		after := mustFind(t, s, record.ID)
		require.Equal(t, c.want, !after.LastUsed.Equal(last), name)
		require.Equal(t, c.want, !after.LastSeen.Equal(last), name)
		require.False(t, after.LastUsed.Before(last), "%s: it never goes back", name)
	}
}

func touchIndependent(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	require.False(t, mustTouch(t, s, pat.Touch{ID: record.ID}), "nothing asked")
	require.Equal(t, record, mustFind(t, s, record.ID))
	require.False(t, mustTouch(t, s, pat.Touch{ID: record.ID, Seen: true}), "it reports LastUsed")
	seen := mustFind(t, s, record.ID)
	require.Zero(t, seen.LastUsed)
	require.NotZero(t, seen.LastSeen)
	require.True(t, mustTouch(t, s, pat.Touch{ID: record.ID, Used: true, Seen: true}))
	used := mustFind(t, s, record.ID)
	require.NotZero(t, used.LastUsed)
	require.Equal(t, seen.LastSeen, used.LastSeen, "a sighting is not due again")
}

func touchOldUses(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	start := clock().Add(-time.Hour)
	use := func(minute, host int) pat.OldUse {
		return pat.OldUse{At: start.Add(time.Duration(minute) * time.Minute), IP: fmt.Sprintf("192.0.2.%d", host), UserAgent: fmt.Sprintf(`a "b" %d`, minute)}
	}
	touch := func(u pat.OldUse) { mustTouch(t, s, pat.Touch{ID: record.ID, OldUse: &u}) }
	touch(use(1, 1))
	touch(use(3, 3))
	touch(use(2, 2)) // arrives late
	touch(use(4, 1)) // the same address again
	touch(use(0, 3)) // older than what is known of the address
	require.Equal(t, []pat.OldUse{use(4, 1), use(3, 3), use(2, 2)}, mustFind(t, s, record.ID).OldUses)
	for i := range 2 * pat.MaxOldUses {
		touch(use(5+i, 10+i))
	}
	after := mustFind(t, s, record.ID)
	require.Len(t, after.OldUses, pat.MaxOldUses)
	for i, got := range after.OldUses {
		require.Equal(t, use(4+2*pat.MaxOldUses-i, 9+2*pat.MaxOldUses-i), got)
	}
	touch(use(0, 1))
	require.Equal(t, after, mustFind(t, s, record.ID), "older than all that are kept")
	require.Equal(t, record.Revision, after.Revision)
	require.Empty(t, drain(t, s))
}

func touchRehash(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, func(r *pat.Record) {
		r.Verifier = pat.Verifier{Current: digest(1, "a"), Previous: digest(1, "z"), PreviousUntil: clock().Add(time.Hour)}
	})
	for name, replaces := range map[string]pat.Digest{
		"other sum": digest(1, "b"), "other version": digest(2, "a"), "the previous one": digest(1, "z"), "none": {},
	} {
		mustTouch(t, s, pat.Touch{ID: record.ID, Rehash: digest(2, "b"), Replaces: replaces})
		require.Equal(t, record, mustFind(t, s, record.ID), name)
	}
	mustTouch(t, s, pat.Touch{ID: record.ID, Rehash: digest(2, "b"), Replaces: digest(1, "a")})
	record.Verifier.Current = digest(2, "b")
	require.Equal(t, record, mustFind(t, s, record.ID))
	mustTouch(t, s, pat.Touch{ID: record.ID, Replaces: digest(2, "b")})
	require.Equal(t, record, mustFind(t, s, record.ID), "nothing to move to")
	require.Equal(t, record, mustUse(t, s, present(&record, digest(2, "b"))).Record)
	require.Empty(t, drain(t, s))
}

// touchMissing: a token deleted between its use and the writes after it is no
// error, and is not brought back.
func touchMissing(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	require.NoError(t, s.PATs.Delete(t.Context(), record.ID, event("DELETED")))
	for _, token := range []pat.ID{record.ID, pat.ID(id.New()), "{}"} {
		require.False(t, mustTouch(t, s, pat.Touch{
			ID: token, Used: true, Seen: true, OldUse: &pat.OldUse{At: clock(), IP: "192.0.2.1"},
			Rehash: digest(2, "b"), Replaces: right(&record),
		}))
		_, err := s.PATs.Find(t.Context(), token)
		require.ErrorIs(t, err, pat.ErrNotFound)
	}
	again := newRecord(record.Owner)
	again.ID = record.ID
	mustCreate(t, s, again)
	require.Equal(t, again, mustFind(t, s, record.ID), "no trace of the writes")
}
