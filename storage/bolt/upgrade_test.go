package bolt

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/directory"
)

// TestUpgrade: a file of the layout before this one knows the members of its groups
// once it was opened.
func TestUpgrade(t *testing.T) {
	config := Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now}
	db, err := Open(config)
	require.NoError(t, err)
	made := []directory.ID{addIdentity(t, db), addIdentity(t, db)}
	require.NoError(t, db.bolt.Update(func(tx *bbolt.Tx) error {
		require.NoError(t, tx.DeleteBucket(bucketMembers))
		return tx.Bucket(bucketAbout).Put(keyFormat, []byte(withoutMembers))
	}))
	require.NoError(t, db.Close())
	for range 2 {
		db, err = Open(config)
		require.NoError(t, err)
		require.NoError(t, db.Ping(t.Context()))
		for _, group := range made { // each is in a group of its own id
			var members []directory.ID
			for identity, err := range db.Identities().Members(t.Context(), group) {
				require.NoError(t, err)
				members = append(members, identity.ID)
			}
			require.Equal(t, []directory.ID{group}, members)
		}
		require.NoError(t, db.Close())
	}
}
