package bolt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// read runs fn over the file as of now.
func (db *DB) read(ctx context.Context, op string, fn func(tx *bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return failed(op, err)
	}
	return failed(op, db.bolt.View(fn))
}

// write runs fn in a transaction of its own, or in one with other writers that
// come while one is under way: they share its two fsyncs. It returns when the
// change lies on the disk and the file still at its path.
//
// fn may run more than once, so it sets its results anew each time; and when it
// returns errUnchanged or one of the ports' errors it must not have changed
// anything, for the changes of others may be committed all the same.
func (db *DB) write(ctx context.Context, op string, fn func(tx *bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return failed(op, err)
	}
	defer db.recent.write()()
	alone := db.writers.Add(1) == 1
	defer db.writers.Add(-1)
	var answer, err error // of fn; of the transaction
	if alone {
		err = db.bolt.Update(func(tx *bbolt.Tx) error {
			answer = db.attempt(tx, fn)
			return answer
		})
	} else {
		err = db.bolt.Batch(func(tx *bbolt.Tx) error {
			answer = db.attempt(tx, fn)
			if isAnswer(answer) {
				return nil // it has changed nothing; need not undo the others
			}
			return answer
		})
	}
	switch {
	case err != nil && !errors.Is(err, answer): // of the commit
		db.failures.Add(1)
		db.unsettled.Store(true)
		return failed(op, err)
	case answer != nil && !errors.Is(answer, errUnchanged):
		return failed(op, answer)
	default:
		return failed(op, db.present())
	}
}

// errUnchanged is returned by a write that finds that it has nothing to do. It
// ends well, without a commit; but not before the commit that did it for it was
// synced, which a read does not wait for.
var errUnchanged = errors.New("nothing to change")

func (db *DB) attempt(tx *bbolt.Tx, fn func(tx *bbolt.Tx) error) error {
	if db.unsettled.Load() {
		if err := db.settle(tx); err != nil {
			return err
		}
	}
	return fn(tx)
}

// settle makes sure after a failed commit that the state that everybody reads is
// also the one on the disk. The commit may have failed in the very last fsync:
// then its meta page is read from the page cache, but the kernel drops what it
// could not write and reports that once. So both meta pages are written again.
// It runs inside a write transaction, which keeps others from them.
func (db *DB) settle(tx *bbolt.Tx) error {
	pages := make([]byte, 2*tx.DB().Info().PageSize)
	if _, err := db.file.ReadAt(pages, 0); err != nil {
		return fmt.Errorf("read meta pages again: %w", err)
	}
	if _, err := db.file.WriteAt(pages, 0); err != nil {
		return fmt.Errorf("write meta pages again: %w", err)
	}
	if err := db.file.Sync(); err != nil {
		return fmt.Errorf("sync meta pages: %w", err)
	}
	db.unsettled.Store(false)
	return nil
}

// failed adds to err what was attempted and, unless it is an error that a port
// declares, that the store is unavailable. nil stays nil.
func failed(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case isAnswer(err):
		return fmt.Errorf("%s: %w", op, err)
	default:
		return fmt.Errorf("%s: %w: %w", op, fault.ErrUnavailable, err)
	}
}

// isAnswer reports whether err says what a port declares, rather than that
// something went wrong.
func isAnswer(err error) bool {
	for _, answer := range [...]error{
		errUnchanged,
		pat.ErrNotFound, pat.ErrNameTaken, pat.ErrLimit, pat.ErrNoOwner, pat.ErrConflict,
		directory.ErrNotFound, directory.ErrNameTaken, directory.ErrConflict, keys.ErrSwapped,
	} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}

// errSkew says that the caller's clock and the store's disagree.
var errSkew = errors.New("the clocks of caller and store differ too much")

// clock is the time by which the store decides, if the caller's is near it.
func (db *DB) clock(callers time.Time) (time.Time, error) {
	now := pat.Milliseconds(db.now())
	if now.Sub(callers).Abs() > pat.MaxSkew {
		return time.Time{}, errSkew
	}
	return now, nil
}
