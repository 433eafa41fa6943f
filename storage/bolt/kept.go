package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// expiryLen is the length of what sortable makes.
const expiryLen = 8

var (
	errKept = errors.New("a kept value has no expiry")
	errLife = errors.New("a value is kept for a millisecond at least")
)

// Kept keeps small values until they expire, by the clock of the configuration. They
// are no records: no import and no backup carries them (transfer.go).
type Kept struct{ db *DB }

// Kept returns the store of console/session.
func (db *DB) Kept() Kept { return Kept{db} }

// Get returns the value of key, unless there is none or it has expired.
func (s Kept) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	err = s.db.read(ctx, "get a kept value", func(tx *bbolt.Tx) (err error) {
		value, found, err = s.find(tx, key)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return value, found, nil
}

// find returns a copy of a value that has not expired.
func (s Kept) find(tx *bbolt.Tx, key string) (value []byte, found bool, err error) {
	row := tx.Bucket(bucketKept).Get([]byte(key))
	switch {
	case row == nil:
		return nil, false, nil
	case len(row) < expiryLen:
		return nil, false, errKept
	case unsortable(row[:expiryLen]) <= millis(s.db.now()):
		return nil, false, nil
	}
	return bytes.Clone(row[expiryLen:]), true, nil
}

// Put keeps value for life, in place of what key had. It clears away some of what
// has expired.
func (s Kept) Put(ctx context.Context, key string, value []byte, life time.Duration) error {
	return s.db.write(ctx, "keep a value", func(tx *bbolt.Tx) error {
		if life < time.Millisecond {
			return errLife
		}
		now := s.db.now()
		if err := forgetKept(tx, now); err != nil {
			return err
		}
		if _, err := deleteKept(tx, []byte(key)); err != nil {
			return err
		}
		ends := sortable(millis(now.Add(life)))
		if err := tx.Bucket(bucketKept).Put([]byte(key), append(bytes.Clone(ends), value...)); err != nil {
			return fmt.Errorf("put value: %w", err)
		}
		return tx.Bucket(bucketKeptExpiry).Put(append(ends, key...), nil)
	})
}

// Delete ends the value of key, if there is one.
func (s Kept) Delete(ctx context.Context, key string) error {
	return s.db.write(ctx, "delete a kept value", func(tx *bbolt.Tx) error {
		there, err := deleteKept(tx, []byte(key))
		if err == nil && !there {
			return errUnchanged
		}
		return err
	})
}

// Take is Get and Delete in one step: of several at once one gets the value.
func (s Kept) Take(ctx context.Context, key string) (value []byte, found bool, err error) {
	err = s.db.write(ctx, "take a kept value", func(tx *bbolt.Tx) (err error) {
		if value, found, err = s.find(tx, key); err != nil {
			return err
		}
		if !found {
			return errUnchanged
		}
		_, err = deleteKept(tx, []byte(key))
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return value, found, nil
}

// deleteKept removes a value, expired or not, and its entry in the index.
func deleteKept(tx *bbolt.Tx, key []byte) (there bool, err error) {
	row := tx.Bucket(bucketKept).Get(key)
	switch {
	case row == nil:
		return false, nil
	case len(row) < expiryLen:
		return false, errKept
	}
	entry := append(bytes.Clone(row[:expiryLen]), key...)
	if err := tx.Bucket(bucketKeptExpiry).Delete(entry); err != nil {
		return false, fmt.Errorf("delete expiry: %w", err)
	}
	return true, tx.Bucket(bucketKept).Delete(key)
}

// forgetKept removes values that have expired, forgetAtOnce of them at most: more
// than are put meanwhile, so they do not pile up.
func forgetKept(tx *bbolt.Tx, now time.Time) error {
	var dead [][]byte
	c, by := tx.Bucket(bucketKeptExpiry).Cursor(), sortable(millis(now))
	for k, _ := c.First(); k != nil && bytes.Compare(k[:expiryLen], by) <= 0 && len(dead) < forgetAtOnce; k, _ = c.Next() {
		dead = append(dead, bytes.Clone(k[expiryLen:]))
	}
	for _, key := range dead {
		if _, err := deleteKept(tx, key); err != nil {
			return err
		}
	}
	return nil
}

// keptBuckets are those of what is kept.
func keptBuckets() [][]byte { return [][]byte{bucketKept, bucketKeptExpiry} }

// forgetAllKept empties the buckets of what is kept.
func forgetAllKept(tx *bbolt.Tx) error {
	for _, name := range keptBuckets() {
		if err := tx.DeleteBucket(name); err != nil {
			return fmt.Errorf("empty bucket %s: %w", name, err)
		}
		if _, err := tx.CreateBucket(name); err != nil {
			return fmt.Errorf("make bucket %s: %w", name, err)
		}
	}
	return nil
}
