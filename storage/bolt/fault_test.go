package bolt_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
)

// checkTree lets bbolt check every page of the file.
func checkTree(t *testing.T, path string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, PreLoadFreelist: true})
	require.NoError(t, err)
	require.NoError(t, db.View(func(tx *bbolt.Tx) error {
		var all error
		for err := range tx.Check() {
			all = errors.Join(all, err)
		}
		return all
	}))
	require.NoError(t, db.Close())
}

// TestBackup restores copies that were taken under load.
func TestBackup(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "cambio.db"))
	owner := anOwner(t, db)
	testCtx := t.Context()
	ctx, cancel := context.WithCancel(testCtx)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				record := aToken(owner)
				if err := db.PATs().Create(testCtx, record, 0, anEvent(audit.TokenCreated)); err != nil {
					t.Error(err)
				}
				r := pat.Revocation{ID: record.ID, Generation: 1, To: pat.StateRevoked}
				if _, _, err := db.PATs().Revoke(testCtx, r, anEvent(audit.TokenRevoked)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 5 {
		before := storedToken(t, db)
		path := filepath.Join(t.TempDir(), strconv.Itoa(i)+".db")
		file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
		require.NoError(t, err)
		require.NoError(t, db.Backup(t.Context(), file))
		require.NoError(t, file.Close())
		checkTree(t, path)
		copied := open(t, path)
		used, err := copied.Uses().Use(t.Context(), presented(&before))
		require.NoError(t, err)
		require.Equal(t, before, used.Record)
		storedToken(t, copied)
	}
	cancel()
	all.Wait()
	require.ErrorIs(t, db.Backup(ctx, io.Discard), fault.ErrUnavailable)
	require.ErrorIs(t, db.Backup(t.Context(), brokenPipe{}), fault.ErrUnavailable)
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestFileGone: what is written into a file that nobody will find again is not
// acknowledged.
func TestFileGone(t *testing.T) {
	for name, take := range map[string]func(t *testing.T, path string){
		"removed": func(t *testing.T, path string) {
			t.Helper()
			require.NoError(t, os.Remove(path))
		},
		"replaced": func(t *testing.T, path string) {
			t.Helper()
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path+".copy", data, 0o600))
			require.NoError(t, os.Rename(path+".copy", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cambio.db")
			db := open(t, path)
			record := storedToken(t, db)
			require.NoError(t, db.Ping(t.Context()))
			take(t, path)
			require.ErrorIs(t, db.Ping(t.Context()), fault.ErrUnavailable)
			err := db.PATs().Create(t.Context(), aToken(record.Owner), 0, anEvent(audit.TokenCreated))
			require.ErrorIs(t, err, fault.ErrUnavailable)
		})
	}
}

func TestPingTruncated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cambio.db")
	db := open(t, path)
	require.NoError(t, os.Truncate(path, int64(2*os.Getpagesize())))
	require.ErrorIs(t, db.Ping(t.Context()), fault.ErrUnavailable)
}

func TestClosed(t *testing.T) {
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now})
	require.NoError(t, err)
	record := storedToken(t, db)
	require.NoError(t, db.Close())
	require.NoError(t, db.Close(), "twice")
	require.ErrorIs(t, db.Ping(t.Context()), fault.ErrUnavailable)
	_, err = db.Uses().Use(t.Context(), presented(&record))
	require.ErrorIs(t, err, fault.ErrUnavailable)
	err = db.PATs().Delete(t.Context(), record.ID, anEvent(audit.TokenDeleted))
	require.ErrorIs(t, err, fault.ErrUnavailable)
}

// TestSkew: a caller whose clock is far from the store's gets no answer, and
// ends no token (A107).
func TestSkew(t *testing.T) {
	var ahead time.Duration
	db, err := bolt.Open(bolt.Config{
		Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: func() time.Time { return time.Now().Add(ahead) },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	record := storedToken(t, db) // it lives for a day
	for _, ahead = range []time.Duration{-25 * time.Hour, -time.Minute, time.Minute, 25 * time.Hour} {
		_, err := db.Uses().Use(t.Context(), presented(&record))
		require.ErrorIs(t, err, fault.ErrUnavailable, ahead)
		_, err = db.Uses().Touch(t.Context(), pat.Touch{ID: record.ID, Now: time.Now(), Used: true})
		require.ErrorIs(t, err, fault.ErrUnavailable, ahead)
		found, err := db.PATs().Find(t.Context(), record.ID)
		require.NoError(t, err)
		require.Equal(t, record, found)
	}
	ahead = 0
	used, err := db.Uses().Use(t.Context(), presented(&record))
	require.NoError(t, err)
	require.Equal(t, record, used.Record)
}
