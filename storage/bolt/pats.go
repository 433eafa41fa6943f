package bolt

import (
	"context"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// PATs is the pat.Store of a DB.
type PATs struct{ db *DB }

var _ pat.Store = PATs{}

// PATs returns the tokens of the file.
func (db *DB) PATs() pat.Store { return PATs{db} }

// Create implements pat.Store.
func (s PATs) Create(ctx context.Context, record pat.Record, limit int, event audit.Event) error {
	return s.db.write(ctx, "create token", func(tx *bbolt.Tx) error {
		if err := s.mayCreate(tx, &record, limit); err != nil {
			return err
		}
		if err := appendEvent(tx, &event); err != nil {
			return err
		}
		return putToken(tx, nil, &record)
	})
}

func (s PATs) mayCreate(tx *bbolt.Tx, record *pat.Record, limit int) error {
	if !id.Valid(string(record.ID)) {
		return errBadID
	}
	if tx.Bucket(bucketTokens).Get([]byte(record.ID)) != nil {
		return pat.ErrConflict
	}
	if tx.Bucket(bucketIdentities).Get([]byte(record.Owner)) == nil {
		return pat.ErrNoOwner
	}
	// A parent in another shard is not looked at: the service does it afterwards.
	if parent := string(record.CreatedByPAT); id.Valid(parent) && id.Shard(parent) == id.Shard(string(record.ID)) {
		found, ok, err := findToken(tx, record.CreatedByPAT)
		if err != nil {
			return err
		}
		if !ok || found.State != pat.StateActive {
			return pat.ErrConflict
		}
	}
	if nameTaken(tx, record) {
		return pat.ErrNameTaken
	}
	now := pat.Milliseconds(s.db.now())
	all, usable := holdings(tx, string(record.Holder()), now)
	if all >= pat.MaxRecords || limit > 0 && countsAt(record, now) && usable >= limit {
		return pat.ErrLimit
	}
	return nil
}

func countsAt(record *pat.Record, now time.Time) bool {
	return record.State == pat.StateActive && !record.Managed && !record.ExpiredAt(now)
}

func nameTaken(tx *bbolt.Tx, record *pat.Record) bool {
	by := tx.Bucket(bucketNames).Get(join(string(record.Holder()), record.Name))
	return by != nil && string(by) != string(record.ID)
}

// Find implements pat.Store.
func (s PATs) Find(ctx context.Context, id pat.ID) (pat.Record, error) {
	var record pat.Record
	err := s.db.read(ctx, "find token", func(tx *bbolt.Tx) (err error) {
		record, err = mustToken(tx, id)
		return err
	})
	return record, err
}

// Replace implements pat.Store.
func (s PATs) Replace(ctx context.Context, record pat.Record, limit int, event audit.Event) error {
	return s.db.write(ctx, "replace token", func(tx *bbolt.Tx) error {
		before, err := mustToken(tx, record.ID)
		if err != nil {
			return err
		}
		if before.Revision != record.Revision {
			return pat.ErrConflict
		}
		if nameTaken(tx, &record) {
			return pat.ErrNameTaken
		}
		if now := pat.Milliseconds(s.db.now()); limit > 0 && !countsAt(&before, now) && countsAt(&record, now) {
			if _, usable := holdings(tx, string(record.Holder()), now); usable >= limit {
				return pat.ErrLimit
			}
		}
		if err := appendEvent(tx, &event); err != nil {
			return err
		}
		next := record
		next.Revision++
		next.LastUsed, next.LastSeen, next.OldUses = before.LastUsed, before.LastSeen, before.OldUses
		if next.Verifier.Previous != before.Verifier.Previous {
			next.OldUses = nil
		}
		if err := s.db.tellRaised(tx, &before, &next); err != nil {
			return err
		}
		return putToken(tx, &before, &next)
	})
}

// Revoke implements pat.Store.
func (s PATs) Revoke(ctx context.Context, r pat.Revocation, event audit.Event) (record pat.Record, changed bool, err error) {
	err = s.db.write(ctx, "revoke token", func(tx *bbolt.Tx) error {
		before, err := mustToken(tx, r.ID)
		if err != nil {
			return err
		}
		record, changed = before, applies(&r, &before)
		if !changed {
			return errUnchanged
		}
		apply(&r, &record)
		if err := appendEnd(tx, &event); err != nil {
			return err
		}
		if err := s.db.tell(tx, endedToken(r.ID, record.Generation)); err != nil {
			return err
		}
		return putToken(tx, &before, &record)
	})
	if err != nil {
		return pat.Record{}, false, err
	}
	return record, changed, nil
}

// applies is the guard that pat.Revocation describes.
func applies(r *pat.Revocation, record *pat.Record) bool {
	if record.Generation > r.Generation {
		return false
	}
	return record.State == pat.StateActive || record.State == pat.StateRevoked && record.Reversible && !r.Reversible
}

func apply(r *pat.Revocation, record *pat.Record) {
	if record.State == pat.StateActive {
		record.RevokedAt = r.At
	}
	record.State, record.RevokedBy, record.RevokeReason, record.Reversible = r.To, r.By, r.Reason, r.Reversible
	record.Revision++
}

// Delete implements pat.Store.
func (s PATs) Delete(ctx context.Context, id pat.ID, event audit.Event) error {
	return s.db.write(ctx, "delete token", func(tx *bbolt.Tx) error {
		before, err := mustToken(tx, id)
		if err != nil {
			return err
		}
		if err := appendEnd(tx, &event); err != nil {
			return err
		}
		if err := s.db.tell(tx, endedToken(id, pat.EveryGeneration)); err != nil {
			return err
		}
		return putToken(tx, &before, nil)
	})
}
