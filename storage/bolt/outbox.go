package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/internal/audit"
)

// maxUnshipped is how many events wait at most: when the sink takes none for
// long, changes are refused rather than made without a trace. What ends access
// never is: a leaked token that stays alive is worse than a long queue, and what
// can be ended is no more than what is there.
const maxUnshipped = 1_000_000

var errOutboxFull = errors.New("too many audit events wait to be shipped")

// Outbox is the audit.Outbox of a DB.
type Outbox struct{ db *DB }

var _ audit.Outbox = Outbox{}

// Outbox returns the events that were committed with their changes.
func (db *DB) Outbox() audit.Outbox { return Outbox{db} }

// appendEvent adds an event to those that wait, if there is room. It fails
// before it changes anything.
func appendEvent(tx *bbolt.Tx, event *audit.Event) error {
	c := tx.Bucket(bucketOutbox).Cursor()
	if oldest, _ := c.First(); oldest != nil {
		newest, _ := c.Last()
		if binary.BigEndian.Uint64(newest)-binary.BigEndian.Uint64(oldest) >= maxUnshipped-1 {
			return errOutboxFull
		}
	}
	return appendEnd(tx, event)
}

// appendEnd is appendEvent of a change that ends something, which needs no room.
func appendEnd(tx *bbolt.Tx, event *audit.Event) error {
	outbox := tx.Bucket(bucketOutbox)
	text, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encode audit event: %w", err)
	}
	number, err := outbox.NextSequence()
	if err != nil {
		return fmt.Errorf("number audit event: %w", err)
	}
	if err := outbox.Put(binary.BigEndian.AppendUint64(nil, number), text); err != nil {
		return fmt.Errorf("put audit event: %w", err)
	}
	return nil
}

// Pending implements audit.Outbox.
func (s Outbox) Pending(ctx context.Context, limit int) ([]audit.Stored, error) {
	var pending []audit.Stored
	err := s.db.read(ctx, "list audit events", func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketOutbox).Cursor()
		for k, text := c.First(); k != nil && len(pending) < limit; k, text = c.Next() {
			position := strconv.FormatUint(binary.BigEndian.Uint64(k), 10)
			pending = append(pending, audit.Stored{Position: position, Event: bytes.Clone(text)})
		}
		return nil
	})
	return pending, err
}

// Discard implements audit.Outbox.
func (s Outbox) Discard(ctx context.Context, shipped []audit.Stored) error {
	var keys [][]byte
	for _, stored := range shipped {
		// What is no position is not here, as one that was discarded before.
		if number, err := strconv.ParseUint(stored.Position, 10, 64); err == nil {
			keys = append(keys, binary.BigEndian.AppendUint64(nil, number))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return s.db.write(ctx, "discard audit events", func(tx *bbolt.Tx) error {
		outbox := tx.Bucket(bucketOutbox)
		for _, key := range keys {
			if err := outbox.Delete(key); err != nil {
				return fmt.Errorf("delete: %w", err)
			}
		}
		return nil
	})
}
