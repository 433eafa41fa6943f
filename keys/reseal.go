package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/audit"
)

// SealedUnder counts what is sealed under each version of the master key: the
// canary and every key.
func (s *Stored) SealedUnder() map[int]int {
	counts := map[int]int{}
	if len(s.Canary) > 0 {
		counts[SealedVersion(s.Canary)]++
	}
	for i := range s.Keys {
		counts[SealedVersion(s.Keys[i].Sealed)]++
	}
	return counts
}

// Opens reads the store and reports whether sealer opens the canary and every key
// whose tokens may live, as who would take it in place of the ring's own has to
// know before. Nothing is changed. ErrNoCanary, ErrWrongMasterKey, or whatever the
// store or the sealer answered.
func (r *Ring) Opens(ctx context.Context, sealer Sealer) error {
	stored, err := r.read(ctx)
	if err != nil {
		return err
	}
	if len(stored.Canary) == 0 {
		return ErrNoCanary
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	plain, err := sealer.Open(ctx, stored.Canary, canaryAAD())
	if err != nil {
		return fmt.Errorf("open canary: %w", err)
	}
	if string(plain) != canaryText {
		return fmt.Errorf("%w: canary reads differently", ErrWrongMasterKey)
	}
	now := r.now()
	for i := range stored.Keys {
		rec := &stored.Keys[i]
		if !rec.RevokedAt.IsZero() || !now.Before(r.timing.removeAfter(rec)) {
			continue
		}
		private, err := sealer.Open(ctx, rec.Sealed, keyAAD(rec.KID, rec.Alg))
		clear(private)
		if err != nil {
			return fmt.Errorf("open key %s: %w", rec.KID, err)
		}
	}
	return nil
}

// withResealed plans to move what is sealed under an older master key; nil if
// nothing is, or nothing can be moved now. The turn is held.
func (r *Ring) withResealed(ctx context.Context, keys []Record, now time.Time) *change {
	next := Stored{Canary: r.canary, Keys: slices.Clone(keys)}
	moved := r.reseal(ctx, &next)
	if len(moved) == 0 {
		return nil
	}
	return &change{next.Keys, event(audit.KeyResealed, strings.Join(moved, " "), Actor{}, reasonMasterKey, now)}
}

// subjectCanary stands for the canary among the kids of an event.
const subjectCanary = "canary"

// reseal moves what is sealed under an older master key to the newest, and returns
// the kids of what was. It is not worth failing a write for: the older key still
// opens.
func (r *Ring) reseal(ctx context.Context, next *Stored) (moved []string) {
	if !r.master.Current(next.Canary) {
		if sealed, err := r.seal(ctx, []byte(canaryText), canaryAAD()); err == nil {
			next.Canary = sealed
			moved = append(moved, subjectCanary)
		} else {
			r.log.Warn("canary stays sealed under an older master key", zap.Error(err))
		}
	}
	for i := range next.Keys {
		rec := &next.Keys[i]
		if r.master.Current(rec.Sealed) {
			continue
		}
		sealed, err := r.resealed(ctx, rec)
		if errors.Is(err, ErrWrongMasterKey) {
			continue // it is of no use any more, or Ready tells of it
		}
		if err != nil {
			r.log.Warn("key stays sealed under an older master key", zap.Error(err))
			continue
		}
		rec.Sealed = sealed
		moved = append(moved, rec.KID)
	}
	return moved
}

// resealed seals the private key of a record anew, also of one that has retired: it
// would keep an old version of the master key in use.
func (r *Ring) resealed(ctx context.Context, rec *Record) ([]byte, error) {
	opened, ok := r.opened[rec.KID]
	if !ok {
		var err error
		if opened, err = r.openKey(ctx, rec); err != nil {
			return nil, err
		}
	}
	return r.sealKey(ctx, opened.private, rec.KID, rec.Alg)
}
