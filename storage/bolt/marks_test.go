package bolt_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/storagetest"
)

func TestMarks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cambio.db")
	db, err := bolt.Open(bolt.Config{Path: path, Create: true, Now: time.Now})
	require.NoError(t, err)
	storagetest.RunMarks(t, db, db)
	want, err := db.Mark(t.Context(), "work")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	got, err := open(t, path).Mark(t.Context(), "work")
	require.NoError(t, err)
	require.Equal(t, want, got, "it outlives the process")
}
