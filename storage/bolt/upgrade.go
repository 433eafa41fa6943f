package bolt

import (
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/directory"
)

// withoutMembers is the version of the layout that had no index of the members of
// groups.
const withoutMembers = "2"

// upgrade gives a file of an earlier layout what it lacks, in one step. Any other
// stays as it is.
func upgrade(db *bbolt.DB) error {
	earlier := false
	err := db.View(func(tx *bbolt.Tx) error {
		about, identities := tx.Bucket(bucketAbout), tx.Bucket(bucketIdentities)
		earlier = about != nil && identities != nil && string(about.Get(keyFormat)) == withoutMembers
		return nil
	})
	if err != nil || !earlier {
		return err
	}
	return db.Update(func(tx *bbolt.Tx) error {
		members, err := tx.CreateBucketIfNotExists(bucketMembers)
		if err != nil {
			return fmt.Errorf("make bucket %s: %w", bucketMembers, err)
		}
		err = tx.Bucket(bucketIdentities).ForEach(func(key, row []byte) error {
			var identity directory.Identity
			if err := decodeIdentity(directory.ID(key), row, &identity); err != nil {
				return fmt.Errorf("identity %s: %w", key, err)
			}
			return reindex(members.Tx(), nil, memberEntries(&identity))
		})
		if err != nil {
			return err
		}
		return tx.Bucket(bucketAbout).Put(keyFormat, []byte(formatVersion))
	})
}
