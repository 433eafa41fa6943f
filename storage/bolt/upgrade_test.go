package bolt

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
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

// TestUpgradeCounts: it also counts the tokens that are there, and goes on from there.
func TestUpgradeCounts(t *testing.T) {
	config := Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now}
	db, err := Open(config)
	require.NoError(t, err)
	owner := directory.ID(id.New())
	organizations := []directory.ID{directory.ID(id.New()), directory.ID(id.New())}
	require.NoError(t, db.write(t.Context(), "fill", func(tx *bbolt.Tx) error {
		for i := range 10 {
			made := pat.NewID(owner)
			record := pat.Record{ID: made, Organization: organizations[i%4/3], Owner: owner, Name: string(made), Level: pat.Personal, Managed: i < 3, Revision: 1}
			if err := putToken(tx, nil, &record); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, db.bolt.Update(func(tx *bbolt.Tx) error {
		require.NoError(t, tx.DeleteBucket(bucketCounts))
		return tx.Bucket(bucketAbout).Put(keyFormat, []byte(withoutMembers))
	}))
	require.NoError(t, db.Close())
	for range 2 {
		db, err = Open(config)
		require.NoError(t, err)
		var counts []int
		for _, organization := range organizations {
			for _, managed := range []bool{true, false} {
				n, err := db.PATs().Count(t.Context(), pat.Query{Organization: organization}, managed)
				require.NoError(t, err)
				counts = append(counts, n)
			}
		}
		require.Equal(t, []int{8, 5, 2, 2}, counts)
		require.NoError(t, db.Close())
	}
}
