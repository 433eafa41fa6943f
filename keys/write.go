package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

const (
	// swapAttempts is how often a change is tried against others.
	swapAttempts = 20
	// swapPause is the mean pause between two attempts.
	swapPause = 20 * time.Millisecond
	// revokeTimeout bounds a revocation, which outlives the request that asked.
	revokeTimeout = 30 * time.Second
)

// Why a key was made or ended, in the audit event.
const (
	reasonInitialised = "initialised"
	reasonPlanned     = "planned"
	reasonRequested   = "requested"
	reasonReplayed    = "replayed" // the store had lost a revocation
	reasonMasterKey   = "master_key"
)

// change is what a plan wants written; nil means that nothing is to be done.
type change struct {
	keys  []Record
	event audit.Event
}

// Actor is who asks for a change of keys, and from where. The zero Actor is the
// ring itself.
type Actor struct {
	ID     string // of an identity
	Origin audit.Origin
}

// plan decides on a change. It owns keys, a copy of what is stored, and is
// asked anew when someone else wrote first. A nil change is a decision, too.
type plan func(ctx context.Context, keys []Record, now time.Time) (*change, error)

// Rotate brings the next key of every algorithm into use one lead from now and
// publishes the key that follows it. Where a key is due that soon anyway, as
// after another Rotate, nothing is done, so replicas may race.
func (r *Ring) Rotate(ctx context.Context, actor Actor) error {
	if err := r.lock(ctx); err != nil {
		return err
	}
	defer r.unlock()
	if err := r.maintain(ctx); err != nil { // there must be a successor to bring forward
		return err
	}
	for _, alg := range r.algs {
		_, err := r.update(ctx, false, func(ctx context.Context, keys []Record, now time.Time) (*change, error) {
			from, needed := r.timing.advance(keys, alg, now)
			if !needed {
				return nil, nil
			}
			return r.withNewKey(ctx, keys, alg, from, now, actor, reasonRequested)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Revoke ends a key at once: this replica neither publishes nor accepts it when
// Revoke returns, the others after their next poll, and caching verifiers when
// their copy expires. If it was the active key, its successor signs from now.
// Tokens it signed are lost. Revoking twice is no error; an unknown kid is
// ErrUnknownKey. After another error the key may be revoked or not; this
// replica then goes on trying.
func (r *Ring) Revoke(ctx context.Context, kid string, actor Actor) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	if err := r.lock(ctx); err != nil {
		return err
	}
	defer r.unlock()
	_, err := r.update(ctx, true, func(_ context.Context, keys []Record, now time.Time) (*change, error) {
		at := slices.IndexFunc(keys, func(rec Record) bool { return rec.KID == kid })
		if at < 0 {
			lost, ok := r.snapshot.Load().keys[kid]
			if !ok {
				return nil, fmt.Errorf("%w %q", ErrUnknownKey, kid)
			}
			keys, at = append(keys, lost.rec), len(keys)
		}
		if !keys[at].RevokedAt.IsZero() {
			return nil, nil
		}
		return r.withRevoked(keys, at, now, actor, reasonRequested), nil
	})
	if err != nil {
		return err
	}
	if err := r.maintain(ctx); err != nil { // the key is revoked; Run tries again
		r.log.Warn("no new successor after a key was revoked", zap.String("kid", kid), zap.Error(err))
	}
	return nil
}

// maintain brings the stored ring up to plan, one key per write. The turn is held.
func (r *Ring) maintain(ctx context.Context) error {
	first, urgent, resealed := true, false, false
	for {
		changed, err := r.update(ctx, false, func(ctx context.Context, keys []Record, now time.Time) (*change, error) {
			if first { // a ring that slept through everything starts like a fresh one
				urgent = !slices.ContainsFunc(keys, func(rec Record) bool { return rec.StateAt(now) != Retired })
				first = false
			}
			wanted, err := r.nextStep(ctx, keys, now, urgent)
			if err != nil || wanted != nil || resealed {
				return wanted, err
			}
			resealed = true // once: what cannot be sealed now is left for another time
			return r.withResealed(ctx, keys, now), nil
		})
		if err != nil || !changed {
			return err
		}
	}
}

// nextStep plans the next write that maintain makes.
func (r *Ring) nextStep(ctx context.Context, keys []Record, now time.Time, urgent bool) (*change, error) {
	for i := range keys {
		if _, known := r.revoked[keys[i].KID]; known && keys[i].RevokedAt.IsZero() {
			return r.withRevoked(keys, i, now, Actor{}, reasonReplayed), nil
		}
	}
	for _, alg := range r.algs {
		if from, needed := r.timing.grow(keys, alg, now, urgent); needed {
			return r.withNewKey(ctx, keys, alg, from, now, Actor{}, reasonPlanned)
		}
	}
	return nil, nil
}

func (r *Ring) withNewKey(ctx context.Context, keys []Record, alg Alg, from, now time.Time, actor Actor, reason string) (*change, error) {
	rec, err := r.create(ctx, alg, nextGeneration(keys, alg), now)
	if err != nil {
		return nil, err
	}
	r.timing.window(&rec, from, from.Add(r.timing.rotateEvery))
	return &change{append(keys, rec), event(audit.KeyCreated, rec.KID, actor, reason, now)}, nil
}

func (r *Ring) withRevoked(keys []Record, at int, now time.Time, actor Actor, reason string) *change {
	keys[at].RevokedAt = now
	r.timing.promote(keys, keys[at].Alg, now)
	return &change{keys, event(audit.KeyRevoked, keys[at].KID, actor, reason, now)}
}

// update reads the store, plans and swaps, until nobody is in between. It
// reports whether anything was written. Unless tolerant, a key that does not
// open stops it. The turn is held.
func (r *Ring) update(ctx context.Context, tolerant bool, decide plan) (bool, error) {
	for attempt := range swapAttempts {
		if attempt > 0 && !sleep(ctx, jitter(swapPause, 1)) {
			return false, ctx.Err()
		}
		stored, err := r.load(ctx)
		if err != nil && (!tolerant || !errors.Is(err, errUnopened)) {
			return false, err
		}
		now := stamp(r.now())
		wanted, err := decide(ctx, slices.Clone(stored.Keys), now)
		if err != nil || wanted == nil {
			return false, err
		}
		next := Stored{Version: stored.Version + 1, Canary: stored.Canary, Keys: r.recent(wanted.keys, now)}
		r.reseal(ctx, &next)
		err = r.swap(ctx, stored.Version, next, wanted.event)
		if errors.Is(err, ErrSwapped) {
			continue
		}
		if err != nil {
			return false, r.doubtful(ctx, stored, next, now, err)
		}
		r.log.Info("signing keys changed", zap.String("event", string(wanted.event.Name)),
			zap.String("kid", wanted.event.Subject), zap.String("reason", wanted.event.Reason))
		if err := r.publish(ctx, next, now); err != nil && !tolerant {
			return true, err
		}
		return true, nil
	}
	return false, fmt.Errorf("change keys, %d attempts: %w", swapAttempts, ErrSwapped)
}

// doubtful keeps to the revocations of a write of which nobody knows whether it
// happened, and returns err.
func (r *Ring) doubtful(ctx context.Context, stored, sent Stored, now time.Time, err error) error {
	for i := range sent.Keys {
		r.isRevoked(&sent.Keys[i])
	}
	return errors.Join(err, r.publish(ctx, stored, now))
}

func (r *Ring) swap(ctx context.Context, want uint64, next Stored, what audit.Event) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := r.store.SwapKeys(ctx, want, next, what); err != nil {
		return fmt.Errorf("swap keys: %w", err)
	}
	return nil
}

// recent drops records that nobody needs or looks at any more. The last of each
// chain stays, so that its generation is never given again.
func (r *Ring) recent(keys []Record, now time.Time) []Record {
	var kept []Record
	for i := range keys {
		rec := &keys[i]
		if r.timing.removeAfter(rec).Add(recordGrace).After(now) || rec.Generation+1 == nextGeneration(keys, rec.Alg) {
			kept = append(kept, *rec)
		}
	}
	return kept
}

func event(name audit.Name, subject string, actor Actor, reason string, now time.Time) audit.Event {
	return audit.Event{
		ID: id.New(), Time: now, Name: name, Actor: actor.ID, Subject: subject,
		Outcome: audit.Success, Reason: reason,
	}.From(actor.Origin)
}

// stamp is the form in which records keep times.
func stamp(now time.Time) time.Time { return now.UTC().Truncate(time.Millisecond) }

// sleep waits for d and reports false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
