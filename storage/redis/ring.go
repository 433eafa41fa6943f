package redis

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/keys"
)

// ring is the store of the key ring.
type ring struct{ db *DB }

var _ keys.Store = ring{}

func ringKey() string { return key(cfg, "keys") }

// LoadKeys implements keys.Store.
func (s ring) LoadKeys(ctx context.Context) (keys.Stored, error) {
	answer, err := s.db.read(ctx, "load keys", cfg, ringKey(), "state")
	if err != nil {
		return keys.Stored{}, err
	}
	fields, _ := answer.fields(0)
	text, ok := optional(fields)
	if !ok {
		return keys.Stored{}, unavailable("load keys", errReply)
	}
	var out keys.Stored
	if text == "" {
		return out, nil
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		return keys.Stored{}, unavailable("load keys", fmt.Errorf("%w: no key ring", errReply))
	}
	return out, nil
}

// SwapKeys implements keys.Store.
func (s ring) SwapKeys(ctx context.Context, want uint64, next keys.Stored, event audit.Event) error {
	state, err := json.Marshal(next)
	if err != nil {
		return unavailable("swap keys", err)
	}
	c := call{
		what: "swap keys", script: s.db.scripts.keysSwap, change: true,
		keys: []string{ringKey(), epochKey(cfg), auditKey(cfg)},
		args: []any{event.ID, "0", encode(event), strconv.FormatUint(want, 10), strconv.FormatUint(next.Version, 10), string(state)},
	}
	c.again = s.db.againSwapped(&c, next.Version)
	answer, err := s.db.do(ctx, c)
	switch {
	case err != nil:
		return err
	case answer.code == codeConflict:
		return fmt.Errorf("swap keys: %w", keys.ErrSwapped)
	case answer.code != codeOK:
		return unavailable("swap keys", errReply)
	}
	return nil
}
