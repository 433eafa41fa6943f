package bolt_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/storagetest"
)

func TestStore(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Stores {
		t.Helper()
		db := open(t, filepath.Join(t.TempDir(), "cambio.db"))
		return storagetest.Stores{
			PATs: db.PATs(), Uses: db.Uses(), Identities: db.Identities(), Catalog: db.Catalog(), Keys: db.Keys(), Outbox: db.Outbox(),
			Ended: db.Ended(),
		}
	})
}

// open opens the file at path, makes it if there is none, and closes it at the
// end of the test.
func open(tb testing.TB, path string) *bolt.DB {
	tb.Helper()
	db, err := bolt.Open(bolt.Config{Path: path, Create: true, Now: time.Now})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	return db
}
