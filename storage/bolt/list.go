package bolt

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// listSlice is how many entries of an index are read in one transaction. No
// transaction is open while a record is in the caller's hands: it may take its
// time, or write.
const listSlice = 256

// A scan rests for scanPause after each scanBurst slices, which take it one to two
// milliseconds: all that it does is work, and on a machine with few processors the
// exchanges beside it would wait for it.
const (
	scanBurst = 4
	scanPause = time.Millisecond
)

// List implements pat.Store.
func (s PATs) List(ctx context.Context, q pat.Query) iter.Seq2[pat.Record, error] {
	return s.list(ctx, q, 0)
}

// Scan implements pat.Store: in order it takes no longer.
func (s PATs) Scan(ctx context.Context, q pat.Query) iter.Seq2[pat.Record, error] {
	return s.list(ctx, q, scanPause)
}

func (s PATs) list(ctx context.Context, q pat.Query, pause time.Duration) iter.Seq2[pat.Record, error] {
	bucket, prefix := bucketByTime, join(string(q.Organization), "")
	switch {
	case q.Ancestor != "":
		bucket, prefix = bucketByAncestor, join(string(q.Ancestor), "")
	case q.Holder != "":
		bucket, prefix = bucketByHolder, join(string(q.Holder), "")
	}
	return func(yield func(pat.Record, error) bool) {
		after := append(bytes.Clone(prefix), bytes.Repeat([]byte{0xFF}, 16)...) // behind all of the prefix
		slice := make([]pat.Record, 0, listSlice)
		for n := 1; after != nil; n++ {
			err := s.db.read(ctx, "list tokens", func(tx *bbolt.Tx) (err error) {
				slice, after, err = s.slice(tx, slice[:0], bucket, prefix, after, &q)
				return err
			})
			if err != nil {
				yield(pat.Record{}, err)
				return
			}
			for i := range slice {
				if !yield(slice[i], nil) {
					return
				}
			}
			if n%scanBurst == 0 {
				time.Sleep(pause)
			}
		}
	}
}

// slice appends the records before the key after, backwards, and returns the key
// to go on from; nil at the end.
func (s PATs) slice(tx *bbolt.Tx, out []pat.Record, bucket, prefix, after []byte, q *pat.Query) (_ []pat.Record, last []byte, err error) {
	c, tokens := tx.Bucket(bucket).Cursor(), tx.Bucket(bucketTokens)
	skip := skipped(q)
	k, _ := c.Seek(after)
	if k == nil {
		k, _ = c.Last()
	} else {
		k, _ = c.Prev()
	}
	for range listSlice {
		if !bytes.HasPrefix(k, prefix) {
			return out, nil, nil
		}
		last = k
		if row := tokens.Get(k[len(k)-id.Len:]); row != nil {
			out = append(out, pat.Record{ID: pat.ID(k[len(k)-id.Len:])})
			record := &out[len(out)-1]
			if err := decodeColumns(row, skip, record); err != nil {
				return nil, nil, err
			}
			if !matches(q, record) {
				out = out[:len(out)-1]
			}
		}
		k, _ = c.Prev()
	}
	return out, bytes.Clone(last), nil
}

func matches(q *pat.Query, r *pat.Record) bool {
	return r.Organization == q.Organization && (q.Holder == "" || r.Holder() == q.Holder) &&
		(q.Ancestor == "" || slices.Contains(r.Lineage, q.Ancestor))
}

// FindAll implements pat.Store.
func (s PATs) FindAll(ctx context.Context, ids []pat.ID) ([]pat.Record, error) {
	var out []pat.Record
	err := s.db.read(ctx, "find tokens", func(tx *bbolt.Tx) error {
		out = make([]pat.Record, 0, len(ids))
		for _, one := range ids {
			record, ok, err := findToken(tx, one)
			if err != nil {
				return err
			}
			if ok {
				out = append(out, record)
			}
		}
		return nil
	})
	return out, err
}
