package bolt

import (
	"encoding/binary"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
)

// TestOutboxFull: past maxUnshipped events nothing changes any more, until some
// are shipped.
func TestOutboxFull(t *testing.T) {
	db, err := Open(Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.bolt.Update(func(tx *bbolt.Tx) error {
		outbox := tx.Bucket(bucketOutbox)
		if err := outbox.SetSequence(maxUnshipped - 1); err != nil {
			return err
		}
		return outbox.Put(binary.BigEndian.AppendUint64(nil, 1), []byte("{}"))
	}))
	addIdentity(t, db) // the last one that fits
	another := directory.Identity{ID: directory.ID(id.New()), Username: "another", Revision: 1}
	err = db.Identities().Create(t.Context(), another, audit.Event{ID: id.New()})
	require.ErrorIs(t, err, fault.ErrUnavailable)
	_, err = db.Identities().Find(t.Context(), another.ID)
	require.ErrorIs(t, err, directory.ErrNotFound)
	oldest, err := db.Outbox().Pending(t.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, db.Outbox().Discard(t.Context(), oldest))
	require.NoError(t, db.Identities().Create(t.Context(), another, audit.Event{ID: id.New()}))
}
