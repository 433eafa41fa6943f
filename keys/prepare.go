package keys

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cambio-sts/cambio/internal/audit"
)

// Prepare makes a fresh store ready: the canary, and for each algorithm a first key, active at
// once, and its successor. On a store that has a canary it only checks that
// the canary opens, so it may be repeated and raced. It never touches a store
// that has lost its canary but not its version or keys.
func (r *Ring) Prepare(ctx context.Context) error {
	if err := r.lock(ctx); err != nil {
		return err
	}
	defer r.unlock()
	for range swapAttempts {
		stored, err := r.read(ctx)
		if err != nil {
			return err
		}
		if len(stored.Canary) > 0 {
			return r.checkCanary(ctx, stored.Canary)
		}
		if stored.Version != 0 || len(stored.Keys) > 0 {
			return fmt.Errorf("%w, or restore it from a backup: it has a state but no canary", ErrNoCanary)
		}
		err = r.initialise(ctx)
		if err == nil {
			return r.maintain(ctx)
		}
		if !errors.Is(err, ErrSwapped) {
			return err
		}
	}
	return fmt.Errorf("prepare store: %w", ErrSwapped)
}

func (r *Ring) initialise(ctx context.Context) error {
	now := stamp(r.now())
	canary, err := r.seal(ctx, []byte(canaryText), canaryAAD())
	if err != nil {
		return fmt.Errorf("seal canary: %w", err)
	}
	next := Stored{Version: 1, Canary: canary}
	var kids []string
	for _, alg := range r.algs {
		rec, err := r.create(ctx, alg, 1, now)
		if err != nil {
			return err
		}
		r.timing.window(&rec, now.Add(-clockSkew), now.Add(r.timing.rotateEvery))
		next.Keys = append(next.Keys, rec)
		kids = append(kids, rec.KID)
	}
	return r.swap(ctx, 0, next, event(audit.KeyCreated, strings.Join(kids, " "), Actor{}, reasonInitialised, now))
}
