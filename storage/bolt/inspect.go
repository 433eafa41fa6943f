package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/keys"
)

// Inspection is what Inspect saw of a file.
type Inspection struct {
	// Keys is the key ring, sealed as it is stored.
	Keys keys.Stored
	// Waiting is how many audit events wait to be shipped, at most.
	Waiting int64
	// Earlier says that the file has an earlier layout, which the next server changes.
	Earlier bool
}

// inspectWait is how long Inspect waits for who has the file.
const inspectWait = 50 * time.Millisecond

// Inspect reads a file that nobody has open, and changes nothing in it, not even its
// layout. It fails with a *FileError, below ErrLocked if a process has the file.
func Inspect(path string) (out Inspection, err error) {
	defer func() {
		if p := recover(); p != nil { // as in DB.open
			err = damaged(path, fmt.Sprint(p))
		}
	}()
	options := options()
	options.ReadOnly, options.Timeout = true, inspectWait
	options.OpenFile = func(path string, _ int, _ os.FileMode) (*os.File, error) { return openLocked(path) }
	db, err := bbolt.Open(path, 0o600, options)
	if fileErr, ok := errors.AsType[*FileError](err); ok {
		return out, fileErr
	}
	if errors.Is(err, bbolt.ErrTimeout) { //nolint:staticcheck // the alias keeps one import
		return out, locked(path, err)
	}
	if err != nil {
		return out, fmt.Errorf("open %s: %w", path, err)
	}
	err = db.View(func(tx *bbolt.Tx) error { return out.read(tx, path) })
	return out, errors.Join(err, db.Close())
}

// openLocked opens a file to be read, and checks it while nobody writes to it.
func openLocked(path string) (_ *os.File, err error) {
	file, err := os.Open(path) //nolint:gosec // the configured file
	if err != nil {
		fix := "let the user that runs cambio read and write the file"
		if errors.Is(err, fs.ErrNotExist) {
			fix = "run `cambio init` to make a new one, or restore it from a backup"
		}
		return nil, &FileError{Path: path, Cause: err.Error(), Fix: fix, err: err}
	}
	if err := lockFile(file, inspectWait); err != nil {
		return nil, errors.Join(locked(path, err), file.Close())
	}
	if _, err := checkFile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (i *Inspection) read(tx *bbolt.Tx, path string) error {
	about := tx.Bucket(bucketAbout)
	i.Earlier = about != nil && (string(about.Get(keyFormat)) == withoutMembers || lacksLater(tx))
	if !i.Earlier {
		if err := checkFormat(tx, path); err != nil {
			return err
		}
	}
	if err := wholeIn(tx, path); err != nil {
		return err
	}
	var err error
	if i.Keys, err = loadKeys(tx); err != nil {
		return damaged(path, err.Error())
	}
	i.Waiting = waiting(tx)
	return nil
}

// Waiting is how many audit events wait to be shipped, at most.
func (db *DB) Waiting(ctx context.Context) (count int64, err error) {
	err = db.read(ctx, "count outbox", func(tx *bbolt.Tx) error {
		count = waiting(tx)
		return nil
	})
	return count, err
}

func waiting(tx *bbolt.Tx) int64 {
	c := tx.Bucket(bucketOutbox).Cursor()
	oldest, _ := c.First()
	if oldest == nil {
		return 0
	}
	newest, _ := c.Last()
	return int64(binary.BigEndian.Uint64(newest)-binary.BigEndian.Uint64(oldest)) + 1 //nolint:gosec // at most maxUnshipped and some
}
