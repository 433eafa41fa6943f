package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// endedPage is how many of them are read in one step, so that no reader keeps pages of
// the file from being used again for long.
const endedPage = 10_000

// EndedLog is the pat.EndedLog of a DB.
type EndedLog struct{ db *DB }

var _ pat.EndedLog = EndedLog{}

// Ended returns the log of what ended.
func (db *DB) Ended() pat.EndedLog { return EndedLog{db} }

// Follow implements pat.EndedLog.
func (l EndedLog) Follow() pat.EndedCursor { return &endedCursor{db: l.db} }

// Owned implements pat.EndedLog.
func (l EndedLog) Owned(ctx context.Context, owners []directory.ID) ([][]pat.ID, error) {
	out := make([][]pat.ID, len(owners))
	err := l.db.read(ctx, "list tokens of owners", func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketByOwner).Cursor()
		for i, owner := range owners {
			prefix := join(string(owner), "")
			for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
				out[i] = append(out[i], pat.ID(k[len(prefix):]))
			}
		}
		return nil
	})
	return out, err
}

// endedCursor reads the log by its numbers. One process has the file, and what it has
// committed stays.
type endedCursor struct {
	db   *DB
	last uint64 // number of the last one that was read
}

// Next implements pat.EndedCursor.
func (c *endedCursor) Next(ctx context.Context) ([]pat.Ended, error) {
	var out []pat.Ended
	last := c.last
	for more := true; more; {
		err := c.db.read(ctx, "read what ended", func(tx *bbolt.Tx) (err error) {
			out, last, more, err = c.page(tx, out, last)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	c.last = last
	return out, nil
}

// page adds the next ones to out, but none that is older than EndedWindow: those wait
// for a write to clear them away.
func (c *endedCursor) page(tx *bbolt.Tx, out []pat.Ended, last uint64) (all []pat.Ended, next uint64, more bool, err error) {
	oldest := c.db.now().Add(-pat.EndedWindow)
	log := tx.Bucket(bucketEnded).Cursor()
	k, row := log.Seek(binary.BigEndian.AppendUint64(nil, last+1))
	for range endedPage {
		if k == nil {
			return out, last, false, nil
		}
		var one pat.Ended
		if err := decode(row, &one, endedMembers); err != nil {
			return nil, 0, false, fmt.Errorf("entry %x: %w", k, err)
		}
		if !one.At.Before(oldest) {
			out = append(out, one)
		}
		last = binary.BigEndian.Uint64(k)
		k, row = log.Next()
	}
	return out, last, k != nil, nil
}

// tell notes what has ended by a change, in its transaction, and clears away some of
// what nobody needs to know any more. It needs no room in the outbox.
func (db *DB) tell(tx *bbolt.Tx, ended ...pat.Ended) error {
	now, log := pat.Milliseconds(db.now()), tx.Bucket(bucketEnded)
	if err := forgetEnded(log, now.Add(-pat.EndedWindow), forgetAtOnce+len(ended)); err != nil {
		return err
	}
	for _, one := range ended {
		one.At = now
		number, err := log.NextSequence()
		if err != nil {
			return fmt.Errorf("number what ended: %w", err)
		}
		if err := log.Put(binary.BigEndian.AppendUint64(nil, number), encode(&one, endedMembers)); err != nil {
			return fmt.Errorf("put what ended: %w", err)
		}
	}
	return nil
}

// forgetEnded removes those from before a time, so many at most: more than are told
// meanwhile, so they do not pile up.
func forgetEnded(log *bbolt.Bucket, before time.Time, atMost int) error {
	var dead [][]byte
	c := log.Cursor()
	for k, row := c.First(); k != nil && len(dead) < atMost; k, row = c.Next() {
		var one pat.Ended
		if err := decode(row, &one, endedMembers); err != nil {
			return fmt.Errorf("entry %x: %w", k, err)
		}
		if !one.At.Before(before) {
			break
		}
		dead = append(dead, bytes.Clone(k))
	}
	for _, key := range dead {
		if err := log.Delete(key); err != nil {
			return fmt.Errorf("forget what ended: %w", err)
		}
	}
	return nil
}

// endedToken says that a token ended with a generation.
func endedToken(id pat.ID, generation int64) pat.Ended {
	return pat.Ended{Kind: pat.EndedToken, ID: string(id), Generation: generation}
}

// tellRaised tells of the generations before the one of a token that takes the place of
// an earlier one.
func (db *DB) tellRaised(tx *bbolt.Tx, before, next *pat.Record) error {
	if next.Generation <= before.Generation {
		return nil
	}
	return db.tell(tx, endedToken(next.ID, next.Generation-1))
}

// tellDisabled tells of an identity that may act no more; next is what takes its place.
func (db *DB) tellDisabled(tx *bbolt.Tx, before, next *directory.Identity) error {
	if !before.Enabled || next.Enabled {
		return nil
	}
	return db.tell(tx, pat.Ended{Kind: pat.EndedOwner, ID: string(next.ID)})
}
