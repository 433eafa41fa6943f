package bolt

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/storage/storagetest"
	"github.com/cambio-sts/cambio/storage/transfer"
)

func TestKept(t *testing.T) {
	config := Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now}
	db, err := Open(config)
	require.NoError(t, err)
	storagetest.RunKept(t, db.Kept(), db.Kept())
	require.NoError(t, db.Kept().Put(t.Context(), "session", []byte("x"), time.Minute))
	require.NoError(t, db.Close())
	db, err = Open(config)
	require.NoError(t, err)
	value, found, err := db.Kept().Get(t.Context(), "session")
	require.NoError(t, err)
	require.True(t, found, "it outlives the process")
	require.Equal(t, "x", string(value))
	require.NoError(t, db.Close())
}

// atClock opens a new store with a clock that stands still.
func atClock(t *testing.T, now *time.Time) *DB {
	t.Helper()
	db, err := Open(Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: func() time.Time { return *now }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// keptLen is how many values and how many expiries lie in the file.
func keptLen(t *testing.T, db *DB) (values, expiries int) {
	t.Helper()
	require.NoError(t, db.bolt.View(func(tx *bbolt.Tx) error {
		values, expiries = tx.Bucket(bucketKept).Stats().KeyN, tx.Bucket(bucketKeptExpiry).Stats().KeyN
		return nil
	}))
	return values, expiries
}

// TestKeptExpiresByTheClock: to the millisecond, and what has expired is cleared away
// by what is put later, a bounded number at once.
func TestKeptExpiresByTheClock(t *testing.T) {
	ctx, now := t.Context(), time.UnixMilli(1_800_000_000_000)
	db := atClock(t, &now)
	kept := db.Kept()
	const n = 2*forgetAtOnce + 50
	require.NoError(t, db.write(ctx, "fill", func(tx *bbolt.Tx) error {
		for i := range n {
			ends := sortable(millis(now.Add(time.Second)))
			require.NoError(t, tx.Bucket(bucketKept).Put([]byte(strconv.Itoa(i)), append(ends, 'x')))
			require.NoError(t, tx.Bucket(bucketKeptExpiry).Put(append(sortable(millis(now.Add(time.Second))), strconv.Itoa(i)...), nil))
		}
		return nil
	}))
	require.NoError(t, kept.Put(ctx, "0", []byte("again"), time.Second))
	now = now.Add(time.Second - time.Millisecond)
	require.True(t, isKept(t, kept, "0"))
	now = now.Add(time.Millisecond)
	require.False(t, isKept(t, kept, "0"))
	_, found, err := kept.Take(ctx, "1")
	require.NoError(t, err)
	require.False(t, found)
	for _, want := range []int{n - forgetAtOnce + 1, n - 2*forgetAtOnce + 1, 1, 1} {
		require.NoError(t, kept.Put(ctx, "new", []byte("x"), time.Minute))
		values, expiries := keptLen(t, db)
		require.Equal(t, want, values)
		require.Equal(t, want, expiries)
	}
	require.NoError(t, kept.Delete(ctx, "new"))
	values, expiries := keptLen(t, db)
	require.Zero(t, values+expiries)
}

func isKept(t *testing.T, kept Kept, key string) bool {
	t.Helper()
	_, found, err := kept.Get(t.Context(), key)
	require.NoError(t, err)
	return found
}

// TestUpgradeKept: a file that was made before anything was kept opens, of whichever
// layout; one that lost half of it is damaged.
func TestUpgradeKept(t *testing.T) {
	for name, missing := range map[string][][]byte{withoutMembers: {bucketMembers, bucketCounts}, formatVersion: {}} {
		t.Run("layout "+name, func(t *testing.T) {
			config := Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now}
			db, err := Open(config)
			require.NoError(t, err)
			identity := addIdentity(t, db)
			require.NoError(t, db.bolt.Update(func(tx *bbolt.Tx) error {
				for _, bucket := range append(keptBuckets(), missing...) {
					require.NoError(t, tx.DeleteBucket(bucket))
				}
				return tx.Bucket(bucketAbout).Put(keyFormat, []byte(name))
			}))
			require.NoError(t, db.Close())
			db, err = Open(config)
			require.NoError(t, err)
			_, err = db.Identities().Find(t.Context(), identity)
			require.NoError(t, err)
			require.NoError(t, db.Kept().Put(t.Context(), "a", []byte("x"), time.Minute))
			require.NoError(t, db.Close())
			db, err = Open(config)
			require.NoError(t, err)
			require.True(t, isKept(t, db.Kept(), "a"), "what is there stays")
			require.NoError(t, db.bolt.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketKeptExpiry) }))
			require.NoError(t, db.Close())
			_, err = Open(config)
			require.ErrorContains(t, err, "bucket kept_by_expiry is missing")
		})
	}
}

// TestKeptStaysBehind: neither a copy that is carried to another store nor a backup
// has what was kept, so no restore revives a session.
func TestKeptStaysBehind(t *testing.T) {
	ctx, now := t.Context(), time.Now()
	from, to := atClock(t, &now), atClock(t, &now)
	identity := addIdentity(t, from)
	require.NoError(t, from.Kept().Put(ctx, "session/x", []byte("x"), time.Hour))
	require.NoError(t, transfer.Copy(ctx, &transfer.Source{Readable: from, Name: "from"}, to, func(int) {}))
	require.NoError(t, to.Finish(ctx))
	_, err := to.Identities().Find(ctx, identity)
	require.NoError(t, err)
	require.False(t, isKept(t, to.Kept(), "session/x"))

	path := filepath.Join(t.TempDir(), "backup.db")
	file, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, from.Backup(ctx, file))
	require.NoError(t, file.Close())
	backup, err := Open(Config{Path: path, Now: time.Now})
	require.NoError(t, err)
	require.NoError(t, backup.SetTaken(ctx, now))
	values, expiries := keptLen(t, backup)
	require.Zero(t, values+expiries)
	_, err = backup.Identities().Find(ctx, identity)
	require.NoError(t, err)
	require.NoError(t, backup.Close())
	require.True(t, isKept(t, from.Kept(), "session/x"), "the store itself keeps it")
}
