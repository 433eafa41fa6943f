package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/transfer"
)

var _ transfer.Store = (*DB)(nil)

var (
	keyImport = []byte("import") // the mark of one that is not finished
	keyTaken  = []byte("taken")  // when a backup began
)

// batchLen is how many items are handed on at once, and stored in one transaction.
const batchLen = 1000

// section is a bucket whose entries are items; indexes are made anew from them. What
// is kept for a while (kept.go) is none: no session of a person outlives a restore.
type section struct {
	bucket []byte
	item   func(key, value []byte) (transfer.Item, error)
}

func sections() []section {
	return []section{
		{bucketOrganizations, func(key, row []byte) (transfer.Item, error) {
			one := &directory.Organization{ID: directory.ID(key)}
			return transfer.Item{Organization: one}, decode(row, one, organizationMembers)
		}},
		{bucketGroups, func(key, row []byte) (transfer.Item, error) {
			one := &directory.Group{ID: directory.ID(key)}
			return transfer.Item{Group: one}, decode(row, one, groupMembers)
		}},
		{bucketAssignments, func(key, row []byte) (transfer.Item, error) {
			one := &directory.Assignment{ID: directory.ID(key)}
			return transfer.Item{Assignment: one}, decode(row, one, assignmentMembers)
		}},
		{bucketIdentities, func(key, row []byte) (transfer.Item, error) {
			one := &directory.Identity{}
			return transfer.Item{Identity: one}, decodeIdentity(directory.ID(key), row, one)
		}},
		{bucketTokens, func(key, row []byte) (transfer.Item, error) {
			one := &pat.Record{}
			return transfer.Item{Token: one}, decodeToken(pat.ID(key), row, one)
		}},
		{bucketJTIs, jtiItem},
		{bucketKeys, func(_, text []byte) (transfer.Item, error) {
			one := &keys.Stored{}
			return transfer.Item{Ring: one}, json.Unmarshal(text, one)
		}},
		{bucketOutbox, func(key, text []byte) (transfer.Item, error) {
			return transfer.Item{Event: &transfer.Event{Number: binary.BigEndian.Uint64(key), JSON: string(text)}}, nil
		}},
	}
}

func jtiItem(key, ends []byte) (transfer.Item, error) {
	token, jti, ok := strings.Cut(string(key), "\x00")
	if !ok || len(ends) != 8 {
		return transfer.Item{}, errRow
	}
	return transfer.Item{JTI: &transfer.JTI{Token: pat.ID(token), ID: jti, Expiry: at(unsortable(ends))}}, nil
}

// unsortable reads what sortable made.
func unsortable(key []byte) int64 {
	return int64(binary.BigEndian.Uint64(key) ^ 1<<63) //nolint:gosec // the sign bit is turned back
}

// Items implements transfer.Store, as of one moment. A place is the number of a
// section and the last key there, in hexadecimal.
func (db *DB) Items(ctx context.Context, after string) iter.Seq2[transfer.Batch, error] {
	return func(yield func(transfer.Batch, error) bool) {
		err := db.read(ctx, "read all", func(tx *bbolt.Tx) error {
			first, key, err := parsePlace(after)
			if err != nil {
				return err
			}
			r := &reading{ctx: ctx, yield: yield}
			for number := first; number < len(sections()) && !r.ended; number++ {
				if err := r.section(tx, number, key); err != nil {
					return err
				}
				key = nil
			}
			return r.flush()
		})
		if err != nil {
			yield(transfer.Batch{}, err)
		}
	}
}

// reading is one call of Items.
type reading struct {
	ctx   context.Context //nolint:containedctx // lives as long as the call it belongs to
	yield func(transfer.Batch, error) bool
	batch transfer.Batch
	ended bool // the caller wants no more
}

func (r *reading) section(tx *bbolt.Tx, number int, after []byte) error {
	s := sections()[number]
	c := tx.Bucket(s.bucket).Cursor()
	key, value := c.First()
	if after != nil {
		if key, value = c.Seek(after); bytes.Equal(key, after) {
			key, value = c.Next()
		}
	}
	for ; key != nil && !r.ended; key, value = c.Next() {
		item, err := s.item(key, value)
		if err != nil {
			return fmt.Errorf("%s %x: %w", s.bucket, key, err)
		}
		r.batch.Items = append(r.batch.Items, item)
		r.batch.Place = strconv.Itoa(number) + ":" + hex.EncodeToString(key)
		if len(r.batch.Items) == batchLen {
			if err := r.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reading) flush() error {
	if len(r.batch.Items) > 0 && !r.ended {
		r.ended = !r.yield(r.batch, nil)
	}
	r.batch = transfer.Batch{}
	return r.ctx.Err()
}

func parsePlace(place string) (number int, key []byte, err error) {
	if place == "" {
		return 0, nil, nil
	}
	text, last, _ := strings.Cut(place, ":")
	number, err = strconv.Atoi(text)
	if err == nil {
		key, err = hex.DecodeString(last)
	}
	if err != nil || number < 0 {
		return 0, nil, fmt.Errorf("place %q: it is none of this store's", place)
	}
	return number, key, nil
}

// Count implements transfer.Store.
func (db *DB) Count(ctx context.Context) (n int, err error) {
	err = db.read(ctx, "count all", func(tx *bbolt.Tx) error {
		n = 0
		for _, s := range sections() {
			n += tx.Bucket(s.bucket).Stats().KeyN
		}
		return nil
	})
	return n, err
}

// State implements transfer.Store.
func (db *DB) State(ctx context.Context) (state transfer.State, err error) {
	err = db.read(ctx, "look at what is there", func(tx *bbolt.Tx) error {
		state = transfer.State{Empty: true}
		for _, s := range sections() {
			if key, _ := tx.Bucket(s.bucket).Cursor().First(); key != nil {
				state.Empty = false
			}
		}
		text := tx.Bucket(bucketAbout).Get(keyImport)
		if text == nil {
			return nil
		}
		mark, err := transfer.DecodeMark(string(text))
		state.Mark = &mark
		return err
	})
	return state, err
}

// Begin implements transfer.Store. The file is locked, so there is one run at a time.
func (db *DB) Begin(ctx context.Context, mark transfer.Mark) error { return db.Import(ctx, nil, mark) }

// Settle implements transfer.Store: each import is on the disk when it returns.
func (db *DB) Settle(context.Context) error { return nil }

// Import implements transfer.Store: items and mark lie on the disk together.
func (db *DB) Import(ctx context.Context, items []transfer.Item, mark transfer.Mark) error {
	return db.write(ctx, "import", func(tx *bbolt.Tx) error {
		var ended []pat.Ended
		for i := range items {
			if err := importItem(tx, &items[i]); err != nil {
				return err
			}
			ended = append(ended, items[i].Ended(db.now())...)
		}
		if err := db.tell(tx, ended...); err != nil {
			return err
		}
		return tx.Bucket(bucketAbout).Put(keyImport, []byte(mark.Encode()))
	})
}

func importItem(tx *bbolt.Tx, item *transfer.Item) error {
	switch {
	case item.Organization != nil, item.Group != nil, item.Assignment != nil:
		change := directory.Change{Organization: item.Organization, Group: item.Group, Assignment: item.Assignment}
		if err := applyChange(tx, &change); err != nil {
			return err
		}
		return tx.Bucket(bucketCatalog).Put(keyVersion, binary.BigEndian.AppendUint64(nil, 1))
	case item.Identity != nil:
		return importIdentity(tx, item.Identity)
	case item.Token != nil:
		return importToken(tx, item.Token)
	case item.JTI != nil:
		return putJTI(tx, item.JTI.Token, item.JTI.ID, item.JTI.Expiry)
	case item.Ring != nil:
		text, err := json.Marshal(item.Ring)
		if err != nil {
			return fmt.Errorf("encode keys: %w", err)
		}
		return tx.Bucket(bucketKeys).Put(keyRing, text)
	case item.Event != nil:
		outbox := tx.Bucket(bucketOutbox)
		if err := outbox.SetSequence(max(outbox.Sequence(), item.Event.Number)); err != nil {
			return fmt.Errorf("number audit event: %w", err)
		}
		return outbox.Put(binary.BigEndian.AppendUint64(nil, item.Event.Number), []byte(item.Event.JSON))
	default:
		return errors.New("an item of nothing")
	}
}

func importIdentity(tx *bbolt.Tx, next *directory.Identity) error {
	if !id.Valid(string(next.ID)) {
		return errBadID
	}
	before, err := Identities{}.load(tx, next.ID)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		return Identities{}.put(tx, nil, next)
	case err != nil:
		return err
	default:
		return Identities{}.put(tx, &before, next)
	}
}

func importToken(tx *bbolt.Tx, next *pat.Record) error {
	if !id.Valid(string(next.ID)) {
		return errBadID
	}
	before, found, err := findToken(tx, next.ID)
	switch {
	case err != nil:
		return err
	case found:
		return putToken(tx, &before, next)
	default:
		return putToken(tx, nil, next)
	}
}

// Finish implements transfer.Store.
func (db *DB) Finish(ctx context.Context) error {
	return db.write(ctx, "finish import", func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketAbout).Delete(keyImport)
	})
}

// SetTaken notes in a backup when it began: what ended later is not in it. What the
// console keeps is removed from the copy, with the sessions of people.
func (db *DB) SetTaken(ctx context.Context, at time.Time) error {
	return db.write(ctx, "note the time of a backup", func(tx *bbolt.Tx) error {
		if err := forgetAllKept(tx); err != nil {
			return err
		}
		return tx.Bucket(bucketAbout).Put(keyTaken, sortable(millis(at)))
	})
}

// Taken returns what SetTaken noted; false in a file that is no backup.
func (db *DB) Taken(ctx context.Context) (taken time.Time, ok bool, err error) {
	err = db.read(ctx, "read the time of a backup", func(tx *bbolt.Tx) error {
		noted := tx.Bucket(bucketAbout).Get(keyTaken)
		if ok = len(noted) == 8; ok {
			taken = at(unsortable(noted))
		}
		return nil
	})
	return taken, ok, err
}
