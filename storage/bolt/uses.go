package bolt

import (
	"bytes"
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/pat"
)

// Uses is the pat.UseStore of a DB.
type Uses struct{ db *DB }

var _ pat.UseStore = Uses{}

// Uses returns the hot path over the tokens of the file.
func (db *DB) Uses() pat.UseStore { return Uses{db} }

const opUse = "use token"

// Use implements pat.UseStore. It reads, from memory if the token is one of the recent;
// only the end of an expired token is a write, which looks in the file before it ends it.
func (s Uses) Use(ctx context.Context, p pat.Presentation) (*pat.Used, error) {
	now, err := s.db.clock(p.Now)
	if err != nil {
		return nil, failed(opUse, err)
	}
	used := &pat.Used{Now: now}
	ends, err := s.look(ctx, &p, used)
	switch {
	case err != nil:
		return nil, failed(opUse, err)
	case ends:
		return s.end(ctx, p, now)
	default:
		return used, nil
	}
}

// look presents a token to what is remembered, or else in a transaction that reads. It has
// no closure, which would put the presentation on the heap.
func (s Uses) look(ctx context.Context, p *pat.Presentation, used *pat.Used) (ends bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	recent := s.db.recent
	if current, found := recent.recall(p, used); found {
		return mustEnd(used, current), nil
	}
	writes, quiet := recent.quiet()
	tx, err := s.db.bolt.Begin(false)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }() // that of a reader does not fail
	ends, err = s.present(tx, p, used)
	if err == nil && used.Record.ID != "" && quiet && !s.db.unsettled.Load() {
		recent.keep(tx, writes, used)
	}
	return ends, err
}

// end presents a token in a transaction that ends it, if it is expired still.
func (s Uses) end(ctx context.Context, p pat.Presentation, now time.Time) (*pat.Used, error) {
	var used *pat.Used
	err := s.db.write(ctx, opUse, func(tx *bbolt.Tx) error {
		used = &pat.Used{Now: now} // for each attempt
		ends, err := s.present(tx, &p, used)
		if err != nil {
			return err
		}
		if !ends {
			return errUnchanged
		}
		return s.autoRevoke(tx, &p, used)
	})
	if err != nil {
		return nil, err
	}
	return used, nil
}

// present fills used, of which only Now is set, with what a presentation opens. ends says that the secret
// is right and the token ACTIVE but expired. Of a row only the verifier is read
// before the secret is proved, so that the size of a token does not show in the
// time that a wrong secret takes.
func (s Uses) present(tx *bbolt.Tx, p *pat.Presentation, used *pat.Used) (ends bool, err error) {
	row := tx.Bucket(bucketTokens).Get([]byte(p.ID))
	known := row != nil
	if !known {
		row = s.db.decoy
	}
	if err := decodeVerifier(row, &used.Verifier); err != nil {
		return false, err
	}
	current, previous := match(&used.Verifier, p.Candidates)
	if !known || !current && !previous {
		return false, nil
	}
	record := &used.Record
	if err := decodeToken(p.ID, row, record); err != nil {
		return false, err
	}
	if err := loadOwner(tx, record.Owner, &used.Owner); err != nil {
		return false, err
	}
	if p.JTI != "" {
		used.JTIRevoked = tx.Bucket(bucketJTIs).Get(join(string(p.ID), p.JTI)) != nil
	}
	return mustEnd(used, current), nil
}

// mustEnd says whether a use ends the token, whose secret is the current one or else the
// previous one.
func mustEnd(used *pat.Used, current bool) bool {
	record := &used.Record
	right := current || used.Now.Before(record.Verifier.PreviousUntil)
	return right && record.State == pat.StateActive && record.ExpiredAt(used.Now)
}

// match says whether a candidate is the current digest, or the previous one. It
// compares every pair in constant time; a zero digest is no digest.
func match(v *pat.Verifier, candidates []pat.Digest) (current, previous bool) {
	for i := range candidates {
		current = same(&v.Current, &candidates[i]) || current
		previous = same(&v.Previous, &candidates[i]) || previous
	}
	return current, previous
}

func same(a, b *pat.Digest) bool {
	return subtle.ConstantTimeCompare(a.Sum[:], b.Sum[:]) == 1 && a.Pepper == b.Pepper && !a.IsZero()
}

func (s Uses) autoRevoke(tx *bbolt.Tx, p *pat.Presentation, used *pat.Used) error {
	before := used.Record
	used.Record.State, used.Record.RevokedAt = pat.StateAutoRevoked, used.Now
	used.Record.Revision++
	used.Transitioned = true
	event := pat.ExpiredEvent(&used.Record, p, used.Now)
	if err := appendEnd(tx, &event); err != nil {
		return err
	}
	if err := s.db.tell(tx, endedToken(p.ID, before.Generation)); err != nil {
		return err
	}
	return putToken(tx, &before, &used.Record)
}

// loadOwner loads the identity that owns a token; it stays zero if it is gone.
func loadOwner(tx *bbolt.Tx, id directory.ID, owner *directory.Identity) error {
	row := tx.Bucket(bucketIdentities).Get([]byte(id))
	if row == nil {
		return nil
	}
	return decodeIdentity(id, row, owner)
}

// Touch implements pat.UseStore. A token that is gone has nothing due.
func (s Uses) Touch(ctx context.Context, t pat.Touch) (bool, error) {
	const op = "touch token"
	now, err := s.db.clock(t.Now)
	if err != nil {
		return false, failed(op, err)
	}
	var due, used bool
	err = s.db.read(ctx, op, func(tx *bbolt.Tx) error {
		record, ok, err := findToken(tx, t.ID)
		if ok {
			due, _ = touch(&record, &t, now)
		}
		return err
	})
	if err != nil || !due {
		return false, err
	}
	err = s.db.write(ctx, op, func(tx *bbolt.Tx) error {
		used = false
		record, ok, err := findToken(tx, t.ID)
		if err != nil {
			return err
		}
		before := record
		if ok {
			due, used = touch(&record, &t, now)
		}
		if !ok || !due {
			return errUnchanged
		}
		return putToken(tx, &before, &record)
	})
	return used && err == nil, err
}

// touch changes record by what is due, and says whether anything was, and
// whether the last use was.
func touch(record *pat.Record, t *pat.Touch, now time.Time) (due, used bool) {
	if t.Used && overdue(record.LastUsed, now) {
		record.LastUsed, due, used = now, true, true
	}
	if t.Seen && overdue(record.LastSeen, now) {
		record.LastSeen, due = now, true
	}
	if t.OldUse != nil {
		if uses := withOldUse(record.OldUses, *t.OldUse); uses != nil {
			record.OldUses, due = uses, true
		}
	}
	if !t.Rehash.IsZero() && same(&record.Verifier.Current, &t.Replaces) {
		record.Verifier.Current, due = t.Rehash, true
	}
	return due, used
}

func overdue(last, now time.Time) bool {
	return last.IsZero() || now.Sub(last) >= pat.TouchInterval
}

// withOldUse returns uses with one more, newest first and one per address; nil
// if it tells nothing new.
func withOldUse(uses []pat.OldUse, use pat.OldUse) []pat.OldUse {
	use.At = pat.Milliseconds(use.At)
	others := make([]pat.OldUse, 0, len(uses)+1)
	for _, known := range uses {
		if known.IP != use.IP {
			others = append(others, known)
		} else if !use.At.After(known.At) {
			return nil
		}
	}
	place := slices.IndexFunc(others, func(known pat.OldUse) bool { return use.At.After(known.At) })
	if place < 0 {
		place = len(others)
	}
	if place >= pat.MaxOldUses {
		return nil
	}
	others = slices.Insert(others, place, use)
	return others[:min(len(others), pat.MaxOldUses)]
}

// Live implements pat.UseStore.
func (s Uses) Live(ctx context.Context, id pat.ID, jti string) (pat.Live, error) {
	live := pat.Live{Now: pat.Milliseconds(s.db.now())}
	err := s.db.read(ctx, "look up live token", func(tx *bbolt.Tx) (err error) {
		if live.Record, err = mustToken(tx, id); err != nil {
			return err
		}
		live.Revoked = tx.Bucket(bucketJTIs).Get(join(string(id), jti)) != nil
		return loadOwner(tx, live.Record.Owner, &live.Owner)
	})
	if err != nil {
		return pat.Live{}, err
	}
	return live, nil
}

// RevokeJTI implements pat.UseStore. A JWT that has expired needs no end.
func (s Uses) RevokeJTI(ctx context.Context, id pat.ID, jti string, expiry time.Time, event audit.Event) (changed bool, err error) {
	now := pat.Milliseconds(s.db.now())
	err = s.db.write(ctx, "revoke access token", func(tx *bbolt.Tx) error {
		changed = false
		key := join(string(id), jti)
		switch {
		case tx.Bucket(bucketTokens).Get([]byte(id)) == nil:
			return pat.ErrNotFound
		case tx.Bucket(bucketJTIs).Get(key) != nil || !now.Before(expiry):
			return errUnchanged
		}
		if err := appendEnd(tx, &event); err != nil {
			return err
		}
		if err := forgetExpiredJTIs(tx, now); err != nil {
			return err
		}
		if err := s.db.tell(tx, pat.Ended{Kind: pat.EndedJWT, ID: jti, Token: id, Expiry: pat.Milliseconds(expiry)}); err != nil {
			return err
		}
		changed = true
		return putJTI(tx, id, jti, expiry)
	})
	return changed && err == nil, err
}

func putJTI(tx *bbolt.Tx, id pat.ID, jti string, expiry time.Time) error {
	key, ends := join(string(id), jti), sortable(millis(expiry))
	if err := tx.Bucket(bucketJTIs).Put(key, ends); err != nil {
		return fmt.Errorf("put jti: %w", err)
	}
	return tx.Bucket(bucketJTIExpiry).Put(append(ends, key...), nil)
}

// forgetAtOnce bounds how many expired entries a new one clears away.
const forgetAtOnce = 100

func forgetExpiredJTIs(tx *bbolt.Tx, now time.Time) error {
	var dead [][]byte
	c, by := tx.Bucket(bucketJTIExpiry).Cursor(), sortable(millis(now))
	for k, _ := c.First(); k != nil && bytes.Compare(k[:8], by) <= 0 && len(dead) < forgetAtOnce; k, _ = c.Next() {
		dead = append(dead, bytes.Clone(k))
	}
	for _, key := range dead {
		if err := deleteJTI(tx, key); err != nil {
			return err
		}
	}
	return nil
}

// anyJTI says whether a JWT of a token was revoked by itself.
func anyJTI(tx *bbolt.Tx, id pat.ID) bool {
	prefix := join(string(id), "")
	k, _ := tx.Bucket(bucketJTIs).Cursor().Seek(prefix)
	return bytes.HasPrefix(k, prefix)
}

// forgetJTIs removes what is known of the JWTs of a token.
func forgetJTIs(tx *bbolt.Tx, id pat.ID) error {
	var dead [][]byte
	c, prefix := tx.Bucket(bucketJTIs).Cursor(), join(string(id), "")
	for k, ends := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, ends = c.Next() {
		dead = append(dead, append(bytes.Clone(ends), k...))
	}
	for _, key := range dead {
		if err := deleteJTI(tx, key); err != nil {
			return err
		}
	}
	return nil
}

// deleteJTI removes an entry by its key in bucketJTIExpiry.
func deleteJTI(tx *bbolt.Tx, key []byte) error {
	if err := tx.Bucket(bucketJTIs).Delete(key[8:]); err != nil {
		return fmt.Errorf("delete jti: %w", err)
	}
	return tx.Bucket(bucketJTIExpiry).Delete(key)
}
