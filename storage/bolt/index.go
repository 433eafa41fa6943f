package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/pat"
)

// The buckets of the file; doc.go says what is in them. They are never changed.
var (
	bucketAbout            = []byte("about")
	bucketTokens           = []byte("tokens")
	bucketNames            = []byte("token_names")
	bucketByHolder         = []byte("tokens_by_holder")
	bucketByTime           = []byte("tokens_by_time")
	bucketByAncestor       = []byte("tokens_by_ancestor")
	bucketByOwner          = []byte("tokens_by_owner")
	bucketCounts           = []byte("token_counts")
	bucketJTIs             = []byte("jtis")
	bucketJTIExpiry        = []byte("jtis_by_expiry")
	bucketIdentities       = []byte("identities")
	bucketIdentitiesByTime = []byte("identities_by_time")
	bucketMembers          = []byte("identities_by_group")
	bucketLogins           = []byte("logins")
	bucketOrganizations    = []byte("organizations")
	bucketGroups           = []byte("groups")
	bucketAssignments      = []byte("assignments")
	bucketCatalog          = []byte("catalog")
	bucketKeys             = []byte("keys")
	bucketOutbox           = []byte("outbox")
	bucketEnded            = []byte("ended")
	bucketKept             = []byte("kept")
	bucketKeptExpiry       = []byte("kept_by_expiry")

	keyFormat  = []byte("format")
	keyVersion = []byte("version")
	keyRing    = []byte("ring")
)

// errBadID says that something is to be stored under what is no id; index keys
// end in one.
var errBadID = errors.New("not an id")

// join makes a key of parts. All but the last are ids or times, which have a
// known length or end at the zero byte, so no two keys are alike.
func join(parts ...string) []byte {
	n := len(parts)
	for _, part := range parts {
		n += len(part)
	}
	key := make([]byte, 0, n)
	for i, part := range parts {
		if i > 0 {
			key = append(key, 0)
		}
		key = append(key, part...)
	}
	return key
}

// sortable makes a part of a key that sorts like the number.
func sortable(n int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n)^1<<63) //nolint:gosec // the sign bit is turned so that negative ones sort first
}

// entry is what one index holds of a token.
type entry struct{ bucket, key, value []byte }

// entriesOf lists what the indexes hold of a token; none for nil.
func entriesOf(r *pat.Record) []entry {
	if r == nil {
		return nil
	}
	created, holder := string(sortable(millis(r.Created))), string(r.Holder())
	entries := []entry{
		{bucketNames, join(holder, r.Name), []byte(r.ID)},
		{bucketByHolder, join(holder, created, string(r.ID)), usableUntil(r)},
		{bucketByTime, join(string(r.Organization), created, string(r.ID)), nil},
		{bucketByOwner, join(string(r.Owner), string(r.ID)), nil},
	}
	for _, ancestor := range r.Lineage {
		entries = append(entries, entry{bucketByAncestor, join(string(ancestor), created, string(r.ID)), nil})
	}
	return entries
}

// usableUntil says until when a token counts in the limit of its holder:
// nothing if it does not, one byte if for ever, else the time.
func usableUntil(r *pat.Record) []byte {
	switch {
	case r.State != pat.StateActive || r.Managed:
		return nil
	case r.Expiration.IsZero():
		return []byte{1}
	default:
		return sortable(millis(r.Expiration))
	}
}

// putToken stores next in place of before; either may be nil. It keeps all
// indexes and numbers in step.
func putToken(tx *bbolt.Tx, before, next *pat.Record) error {
	if err := reindex(tx, entriesOf(before), entriesOf(next)); err != nil {
		return err
	}
	if err := recount(tx, before, next); err != nil {
		return err
	}
	tokens := tx.Bucket(bucketTokens)
	if next == nil {
		if err := forgetJTIs(tx, before.ID); err != nil {
			return err
		}
		return tokens.Delete([]byte(before.ID))
	}
	return tokens.Put([]byte(next.ID), encode(next, tokenMembers))
}

func reindex(tx *bbolt.Tx, before, next []entry) error {
	for _, old := range before {
		if !holds(next, old, false) {
			if err := tx.Bucket(old.bucket).Delete(old.key); err != nil {
				return fmt.Errorf("leave index %s: %w", old.bucket, err)
			}
		}
	}
	for _, e := range next {
		if !holds(before, e, true) {
			if err := tx.Bucket(e.bucket).Put(e.key, e.value); err != nil {
				return fmt.Errorf("enter index %s: %w", e.bucket, err)
			}
		}
	}
	return nil
}

// holds reports whether entries have the key of wanted, and the value if asked.
func holds(entries []entry, wanted entry, value bool) bool {
	for _, e := range entries {
		if bytes.Equal(e.bucket, wanted.bucket) && bytes.Equal(e.key, wanted.key) && (!value || bytes.Equal(e.value, wanted.value)) {
			return true
		}
	}
	return false
}

// holdings counts the tokens of holder, and those that count in its limit at
// now. They are at most pat.MaxRecords.
func holdings(tx *bbolt.Tx, holder string, now time.Time) (all, usable int) {
	by, prefix := sortable(millis(now)), join(holder, "")
	c := tx.Bucket(bucketByHolder).Cursor()
	for k, until := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, until = c.Next() {
		all++
		if len(until) == 1 || bytes.Compare(by, until) < 0 {
			usable++
		}
	}
	return all, usable
}

// findToken loads a record; false if there is none of that id.
func findToken(tx *bbolt.Tx, id pat.ID) (pat.Record, bool, error) {
	row := tx.Bucket(bucketTokens).Get([]byte(id))
	if row == nil {
		return pat.Record{}, false, nil
	}
	var record pat.Record
	err := decodeToken(id, row, &record)
	return record, err == nil, err
}

// mustToken is findToken, with pat.ErrNotFound if there is none.
func mustToken(tx *bbolt.Tx, id pat.ID) (pat.Record, error) {
	record, ok, err := findToken(tx, id)
	if err == nil && !ok {
		return pat.Record{}, pat.ErrNotFound
	}
	return record, err
}
