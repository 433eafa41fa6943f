package bolt

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/bbolt"
)

// markPrefix begins the keys of marks in the bucket about.
const markPrefix = "done\x00"

var errMark = errors.New("a mark has the wrong length")

// Mark implements jobs.Marks.
func (db *DB) Mark(ctx context.Context, name string) (mark time.Time, err error) {
	err = db.read(ctx, "read mark", func(tx *bbolt.Tx) (err error) {
		mark, err = markOf(tx, name)
		return err
	})
	return mark, err
}

// SetMark implements jobs.Marks.
func (db *DB) SetMark(ctx context.Context, name string, to time.Time) error {
	return db.write(ctx, "set mark", func(tx *bbolt.Tx) error {
		before, err := markOf(tx, name)
		switch {
		case err != nil:
			return err
		case !before.IsZero() && millis(to) <= millis(before):
			return errUnchanged
		}
		return tx.Bucket(bucketAbout).Put([]byte(markPrefix+name), sortable(millis(to)))
	})
}

func markOf(tx *bbolt.Tx, name string) (time.Time, error) {
	switch noted := tx.Bucket(bucketAbout).Get([]byte(markPrefix + name)); len(noted) {
	case 0:
		return time.Time{}, nil
	case 8:
		return at(unsortable(noted)), nil
	default:
		return time.Time{}, errMark
	}
}
