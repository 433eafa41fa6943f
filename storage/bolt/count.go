package bolt

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/pat"
)

// tally is how many tokens an organization has: it takes as long as the whole list to
// count them, so each change of one is counted in its transaction.
type tally struct{ all, managed int64 }

// tallyLen is the length of a row of bucketCounts, two numbers.
const tallyLen = 16

func readTally(tx *bbolt.Tx, organization string) (t tally, err error) {
	switch row := tx.Bucket(bucketCounts).Get([]byte(organization)); len(row) {
	case 0:
		return tally{}, nil
	case tallyLen:
		return tally{unsortable(row[:8]), unsortable(row[8:])}, nil
	default:
		return tally{}, errRow
	}
}

// count adds a token to those of its organization, or takes it away with -1; nil is
// none.
func count(tx *bbolt.Tx, r *pat.Record, by int64) error {
	if r == nil {
		return nil
	}
	t, err := readTally(tx, string(r.Organization))
	if err != nil {
		return err
	}
	return t.with(r, by).put(tx, string(r.Organization))
}

func (t tally) with(r *pat.Record, by int64) tally {
	t.all += by
	if r.Managed {
		t.managed += by
	}
	return t
}

func (t tally) put(tx *bbolt.Tx, organization string) error {
	if t.all == 0 {
		return tx.Bucket(bucketCounts).Delete([]byte(organization))
	}
	return tx.Bucket(bucketCounts).Put([]byte(organization), append(sortable(t.all), sortable(t.managed)...))
}

// recount keeps the numbers in step with a change of a token.
func recount(tx *bbolt.Tx, before, next *pat.Record) error {
	if before != nil && next != nil && before.Organization == next.Organization && before.Managed == next.Managed {
		return nil
	}
	if err := count(tx, before, -1); err != nil {
		return fmt.Errorf("count tokens: %w", err)
	}
	if err := count(tx, next, 1); err != nil {
		return fmt.Errorf("count tokens: %w", err)
	}
	return nil
}

// Count implements pat.Store. The tokens of a holder or of an ancestor are few enough
// to be looked at.
func (s PATs) Count(ctx context.Context, q pat.Query, managed bool) (n int, err error) {
	if q.Holder != "" || q.Ancestor != "" {
		q.Columns = pat.ColumnManaged
		for record, err := range s.List(ctx, q) {
			if err != nil {
				return 0, err
			}
			if managed || !record.Managed {
				n++
			}
		}
		return n, nil
	}
	if q.Organization == "" {
		return 0, nil
	}
	var t tally
	err = s.db.read(ctx, "count tokens", func(tx *bbolt.Tx) (err error) {
		t, err = readTally(tx, string(q.Organization))
		return err
	})
	if !managed {
		t.all -= t.managed
	}
	return int(t.all), err
}
