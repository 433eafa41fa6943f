package bolt

import (
	"fmt"
	"slices"

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
	earlier, lacks := false, false
	err := db.View(func(tx *bbolt.Tx) error {
		about := tx.Bucket(bucketAbout)
		if about == nil {
			return nil
		}
		format := string(about.Get(keyFormat))
		earlier = format == withoutMembers && tx.Bucket(bucketIdentities) != nil && tx.Bucket(bucketTokens) != nil
		// Some buckets came without a version of their own, as who does not know of
		// them reads the file all the same.
		lacks = format == formatVersion && lacksLater(tx)
		return nil
	})
	if err != nil || !earlier && !lacks {
		return err
	}
	return db.Update(func(tx *bbolt.Tx) error {
		for _, together := range laterBuckets() {
			if err := makeBuckets(tx, together); err != nil {
				return err
			}
		}
		if !earlier {
			return nil
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

// laterBuckets may be missing in a file that was made before there were any; those of
// one line came together.
func laterBuckets() [][][]byte { return [][][]byte{keptBuckets(), {bucketEnded}} }

// lacksLater reports whether a file lacks all of some line of laterBuckets, and nothing
// else: one that is damaged is not changed.
func lacksLater(tx *bbolt.Tx) bool {
	missing := func(name []byte) bool { return tx.Bucket(name) == nil }
	allowed := 0
	for _, together := range laterBuckets() {
		if !slices.ContainsFunc(together, func(name []byte) bool { return !missing(name) }) {
			allowed += len(together)
		}
	}
	all := 0
	for _, name := range allBuckets() {
		if missing(name) {
			all++
		}
	}
	return all > 0 && all == allowed
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
