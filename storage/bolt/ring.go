package bolt

import (
	"context"
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/keys"
)

// Keys is the keys.Store of a DB.
type Keys struct{ db *DB }

var _ keys.Store = Keys{}

// Keys returns the key ring of the file.
func (db *DB) Keys() keys.Store { return Keys{db} }

// LoadKeys implements keys.Store.
func (s Keys) LoadKeys(ctx context.Context) (keys.Stored, error) {
	var stored keys.Stored
	err := s.db.read(ctx, "load keys", func(tx *bbolt.Tx) (err error) {
		stored, err = loadKeys(tx)
		return err
	})
	return stored, err
}

// SwapKeys implements keys.Store.
func (s Keys) SwapKeys(ctx context.Context, want uint64, next keys.Stored, event audit.Event) error {
	return s.db.write(ctx, "swap keys", func(tx *bbolt.Tx) error {
		stored, err := loadKeys(tx)
		if err != nil {
			return err
		}
		if stored.Version != want {
			return keys.ErrSwapped
		}
		text, err := json.Marshal(next)
		if err != nil {
			return fmt.Errorf("encode keys: %w", err)
		}
		// Keys change by the clock or because one leaked; neither may wait.
		if err := appendEnd(tx, &event); err != nil {
			return err
		}
		return tx.Bucket(bucketKeys).Put(keyRing, text)
	})
}

func loadKeys(tx *bbolt.Tx) (keys.Stored, error) {
	var stored keys.Stored
	text := tx.Bucket(bucketKeys).Get(keyRing)
	if text == nil {
		return stored, nil
	}
	if err := json.Unmarshal(text, &stored); err != nil {
		return keys.Stored{}, fmt.Errorf("decode keys: %w", err)
	}
	return stored, nil
}
