package bolt

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// endedLen is how many ends lie in the file.
func endedLen(t *testing.T, db *DB) (n int) {
	t.Helper()
	require.NoError(t, db.bolt.View(func(tx *bbolt.Tx) error {
		n = tx.Bucket(bucketEnded).Stats().KeyN
		return nil
	}))
	return n
}

func told(t *testing.T, cursor pat.EndedCursor) []pat.Ended {
	t.Helper()
	out, err := cursor.Next(t.Context())
	require.NoError(t, err)
	return out
}

// fillEnded tells of n JWTs in one step.
func fillEnded(tb testing.TB, db *DB, n int) {
	tb.Helper()
	ended := make([]pat.Ended, 0, n)
	for i := range n {
		ended = append(ended, pat.Ended{Kind: pat.EndedJWT, ID: "jti " + strconv.Itoa(i)})
	}
	require.NoError(tb, db.write(tb.Context(), "fill", func(tx *bbolt.Tx) error { return db.tell(tx, ended...) }))
}

// TestEndedWindow: an end is told for EndedWindow, to the millisecond, and is then
// cleared away by what ends later, a bounded number at once.
func TestEndedWindow(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000).UTC()
	db := atClock(t, &now)
	owner := addIdentity(t, db)
	const n = 2*forgetAtOnce + 50
	fillEnded(t, db, n)
	all := told(t, db.Ended().Follow())
	require.Len(t, all, n)
	require.Equal(t, pat.Ended{Kind: pat.EndedJWT, ID: "jti 0", At: now}, all[0])

	deleteOne := func() {
		record := addToken(t, db, owner, time.Time{})
		require.NoError(t, db.PATs().Delete(t.Context(), record.ID, audit.Event{ID: id.New()}))
	}
	now = now.Add(pat.EndedWindow)
	require.Len(t, told(t, db.Ended().Follow()), n, "it is kept so long at least")
	deleteOne()
	require.Equal(t, n+1, endedLen(t, db))
	now = now.Add(time.Millisecond)
	require.Len(t, told(t, db.Ended().Follow()), 1, "and then told no more")
	for _, want := range []int{n + 2 - forgetAtOnce - 1, n + 3 - 2*(forgetAtOnce+1), 4, 5} {
		deleteOne()
		require.Equal(t, want, endedLen(t, db))
	}
	require.Len(t, told(t, db.Ended().Follow()), 5)
}

// TestEndedPages: more than are read at once, and the place of a cursor outlives all
// that was cleared away.
func TestEndedPages(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000).UTC()
	db := atClock(t, &now)
	cursor := db.Ended().Follow()
	for _, n := range []int{endedPage - 1, endedPage, 2*endedPage + 1} {
		fillEnded(t, db, n)
		all := told(t, cursor)
		require.Len(t, all, n)
		require.Equal(t, "jti "+strconv.Itoa(n-1), all[n-1].ID)
	}
	now = now.Add(2 * pat.EndedWindow)
	fillEnded(t, db, endedLen(t, db)) // clears all of them away
	require.Len(t, told(t, cursor), 4*endedPage)
	require.Empty(t, told(t, cursor))
}

// TestUpgradeEnded: a file from before the log was kept gets it; one that is damaged
// besides does not.
func TestUpgradeEnded(t *testing.T) {
	for name, missing := range map[string][][]byte{
		"the log":                {bucketEnded},
		"and what is kept":       append(keptBuckets(), bucketEnded),
		"half of what is kept":   {bucketEnded, bucketKeptExpiry},
		"the log and the outbox": {bucketEnded, bucketOutbox},
	} {
		t.Run(name, func(t *testing.T) {
			config := Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now}
			db, err := Open(config)
			require.NoError(t, err)
			owner := addIdentity(t, db)
			require.NoError(t, db.bolt.Update(func(tx *bbolt.Tx) error {
				for _, bucket := range missing {
					require.NoError(t, tx.DeleteBucket(bucket))
				}
				return nil
			}))
			require.NoError(t, db.Close())
			db, err = Open(config)
			if name == "half of what is kept" || name == "the log and the outbox" {
				require.ErrorContains(t, err, "is missing")
				return
			}
			require.NoError(t, err)
			record := addToken(t, db, owner, time.Time{})
			require.NoError(t, db.PATs().Delete(t.Context(), record.ID, audit.Event{ID: id.New()}))
			require.Len(t, told(t, db.Ended().Follow()), 1)
			require.NoError(t, db.Close())
			db, err = Open(config)
			require.NoError(t, err)
			require.Len(t, told(t, db.Ended().Follow()), 1, "what is there stays")
			require.NoError(t, db.Close())
		})
	}
}

// BenchmarkEndedPass reads what nobody added to, behind few and behind many.
func BenchmarkEndedPass(b *testing.B) {
	for _, n := range []int{0, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			db, err := Open(Config{Path: filepath.Join(b.TempDir(), "cambio.db"), Create: true, Now: time.Now})
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, db.Close()) })
			fillEnded(b, db, n)
			cursor := db.Ended().Follow()
			began := time.Now()
			all, err := cursor.Next(b.Context())
			require.NoError(b, err)
			require.Len(b, all, n)
			first := time.Since(began)
			for b.Loop() {
				_, err := cursor.Next(b.Context())
				require.NoError(b, err)
			}
			b.ReportMetric(float64(first.Microseconds()), "us/first")
		})
	}
}
