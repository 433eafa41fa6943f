package bolt

import (
	"bytes"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// withoutMembers is the version of the layout that had no index of the members of
// groups, and no numbers of tokens.
const withoutMembers = "2"

// upgrade gives a file of an earlier layout what it lacks, in one step. Any other
// stays as it is.
func upgrade(db *bbolt.DB) error {
	earlier, unkept := false, false
	err := db.View(func(tx *bbolt.Tx) error {
		about := tx.Bucket(bucketAbout)
		if about == nil {
			return nil
		}
		format := string(about.Get(keyFormat))
		earlier = format == withoutMembers && tx.Bucket(bucketIdentities) != nil && tx.Bucket(bucketTokens) != nil
		// What is kept came without a version of its own, as who does not know of it
		// reads the file all the same.
		unkept = format == formatVersion && lacksKept(tx)
		return nil
	})
	if err != nil || !earlier && !unkept {
		return err
	}
	return db.Update(func(tx *bbolt.Tx) error {
		if err := makeBuckets(tx, keptBuckets()); err != nil || !earlier {
			return err
		}
		if err := makeBuckets(tx, [][]byte{bucketMembers, bucketCounts}); err != nil {
			return err
		}
		if err := indexMembers(tx); err != nil {
			return err
		}
		if err := countAll(tx); err != nil {
			return err
		}
		return tx.Bucket(bucketAbout).Put(keyFormat, []byte(formatVersion))
	})
}

// lacksKept reports whether a file lacks both buckets of what is kept, and nothing else:
// one that is damaged is not changed.
func lacksKept(tx *bbolt.Tx) bool {
	for _, name := range allBuckets() {
		kept := bytes.Equal(name, bucketKept) || bytes.Equal(name, bucketKeptExpiry)
		if there := tx.Bucket(name) != nil; there == kept {
			return false
		}
	}
	return true
}

func makeBuckets(tx *bbolt.Tx, names [][]byte) error {
	for _, name := range names {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("make bucket %s: %w", name, err)
		}
	}
	return nil
}

func indexMembers(tx *bbolt.Tx) error {
	return tx.Bucket(bucketIdentities).ForEach(func(key, row []byte) error {
		var identity directory.Identity
		if err := decodeIdentity(directory.ID(key), row, &identity); err != nil {
			return fmt.Errorf("identity %s: %w", key, err)
		}
		return reindex(tx, nil, memberEntries(&identity))
	})
}

// countAll counts the tokens that are there.
func countAll(tx *bbolt.Tx) error {
	tallies, lists := map[string]tally{}, skipped(&pat.Query{Columns: pat.ColumnID})
	err := tx.Bucket(bucketTokens).ForEach(func(key, row []byte) error {
		var record pat.Record
		if err := decodeColumns(row, lists, &record); err != nil {
			return fmt.Errorf("token %s: %w", key, err)
		}
		tallies[string(record.Organization)] = tallies[string(record.Organization)].with(&record, 1)
		return nil
	})
	if err != nil {
		return err
	}
	for organization, t := range tallies {
		if err := t.put(tx, organization); err != nil {
			return err
		}
	}
	return nil
}
