package bolt_test

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/storage/bolt"
)

// TestInspect: it sees what lies in a file that nobody has, changes no byte of it,
// and says what is wrong with one that it cannot read.
func TestInspect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cambio.db")
	db, err := bolt.Open(bolt.Config{Path: path, Create: true, Now: time.Now})
	require.NoError(t, err)
	next := keys.Stored{Version: 1, Canary: []byte("canary")}
	require.NoError(t, db.Keys().SwapKeys(t.Context(), 0, next, audit.Event{ID: "0123456789abcdef0123456789abcdef"}))
	_, err = bolt.Inspect(path)
	require.ErrorIs(t, err, bolt.ErrLocked, "while it is served")
	require.NoError(t, db.Close())

	sum := func() [32]byte {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		return sha256.Sum256(text)
	}
	before := sum()
	seen, err := bolt.Inspect(path)
	require.NoError(t, err)
	require.Equal(t, bolt.Inspection{Keys: next, Waiting: 1}, seen)
	require.Equal(t, before, sum())

	var wrong *bolt.FileError
	_, err = bolt.Inspect(path + ".none")
	require.ErrorAs(t, err, &wrong)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.Truncate(path, 5000))
	_, err = bolt.Inspect(path)
	require.ErrorAs(t, err, &wrong)
	require.Contains(t, wrong.Cause, "damaged")
}
