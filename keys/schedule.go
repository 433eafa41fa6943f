package keys

import (
	"errors"
	"fmt"
	"time"
)

const (
	// clockSkew is how far the clocks of two replicas may be apart.
	clockSkew = 30 * time.Second
	// recordGrace is how long the record of a retired key stays for people to see.
	recordGrace = 24 * time.Hour
	// maxTokenLife bounds Config.MaxTokenLife, so that a record outlives every
	// token even where a replica still runs with a shorter limit.
	maxTokenLife = 24 * time.Hour
)

// ErrUnsafeRollover says that keys would rotate faster than tokens and JWKS
// copies live.
var ErrUnsafeRollover = errors.New("unsafe key rollover")

// timing is the schedule that the configured durations give.
type timing struct{ rotateEvery, jwksMaxAge, poll, maxLife time.Duration }

func (t timing) validate() error {
	switch {
	case t.jwksMaxAge < time.Second:
		return errors.New("JWKS max-age must be at least 1s")
	case t.poll <= 0:
		return errors.New("poll must be positive")
	case t.maxLife < time.Second || t.maxLife > maxTokenLife:
		return fmt.Errorf("longest token life must be from 1s to %s", maxTokenLife)
	}
	if least := max(t.maxLife+t.jwksMaxAge, t.lead()); t.rotateEvery < least {
		return fmt.Errorf("%w: keys rotate every %s, the longest token lives %s and a JWKS copy %s: rotate every %s or more, or shorten those",
			ErrUnsafeRollover, t.rotateEvery, t.maxLife, t.jwksMaxAge, least)
	}
	return nil
}

// lead is how long a key is published before it signs: the slowest replica has
// polled it and every older JWKS copy has expired, on clocks that differ.
func (t timing) lead() time.Duration { return t.jwksMaxAge + t.poll + clockSkew }

// staleAfter is how old a replica's state may be for it to sign. It is shorter
// than the lead by the skew: a schedule changed behind the replica's back takes
// effect only after the replica has stopped.
func (t timing) staleAfter() time.Duration { return t.jwksMaxAge + t.poll }

// keep is how long a key stays published after it stopped signing. A slow clock
// signs one skew later, and the claims' clock may be one skew ahead.
func (t timing) keep() time.Duration { return t.maxLife + t.jwksMaxAge + 2*clockSkew }

// copyLife is how long a JWKS copy of state with the given age may be used: no
// longer than until a key which that state does not know might sign.
func (t timing) copyLife(age time.Duration) time.Duration {
	return max(0, min(t.jwksMaxAge, t.jwksMaxAge+t.poll-age))
}

// removeAfter returns when the key may be forgotten. The longest token may have
// become longer since the record was written.
func (t timing) removeAfter(rec *Record) time.Time {
	if later := rec.RetireFrom.Add(t.keep()); later.After(rec.RemoveAfter) {
		return later
	}
	return rec.RemoveAfter
}

// window sets when rec signs, and with that when it goes.
func (t timing) window(rec *Record, from, until time.Time) {
	rec.ActiveFrom, rec.RetireFrom = from, until
	rec.RemoveAfter = until.Add(t.keep())
}

// grow decides whether the chain of alg lacks a successor, and gives the
// successor's ActiveFrom. Where nobody could write in time it lets the newest
// key sign on until verifiers have had the lead to learn the successor; keys is
// changed in place then. urgent starts an empty chain at once, not after the lead.
func (t timing) grow(keys []Record, alg Alg, now time.Time, urgent bool) (from time.Time, needed bool) {
	newest := t.newest(keys, alg, now)
	earliest := now.Add(t.lead())
	switch {
	case newest == nil && (urgent || cutOff(keys, alg, now)):
		return now.Add(-clockSkew), true // slower clocks sign with it at once, too
	case newest == nil:
		return earliest, true
	case newest.ActiveFrom.After(now):
		return time.Time{}, false
	case newest.RetireFrom.Before(earliest):
		t.window(newest, newest.ActiveFrom, earliest)
	}
	return newest.RetireFrom, true
}

// newest returns the last key of the chain that every replica still publishes.
func (t timing) newest(keys []Record, alg Alg, now time.Time) *Record {
	var found *Record
	for i := range keys {
		rec := &keys[i]
		if rec.Alg == alg && rec.RevokedAt.IsZero() && t.removeAfter(rec).After(now.Add(t.poll+2*clockSkew)) &&
			(found == nil || rec.Generation > found.Generation) {
			found = rec
		}
	}
	return found
}

// cutOff reports whether a revocation took a key from the chain that would
// still be in use: an emergency, in which nobody waits for caches.
func cutOff(keys []Record, alg Alg, now time.Time) bool {
	for i := range keys {
		if keys[i].Alg == alg && !keys[i].RevokedAt.IsZero() && keys[i].RemoveAfter.After(now) {
			return true
		}
	}
	return false
}

// advance brings the activation of the chain's successor forward to one lead
// from now and gives the ActiveFrom of the key that follows it. It reports false when there
// is nothing to bring forward: an activation is that near already, or no key
// signs or waits.
func (t timing) advance(keys []Record, alg Alg, now time.Time) (from time.Time, needed bool) {
	active, next := inForce(keys, alg, now), upcoming(keys, alg, now)
	start := now.Add(t.lead())
	if active == nil || len(next) == 0 || !next[0].ActiveFrom.After(start.Add(clockSkew)) {
		return time.Time{}, false
	}
	t.window(active, active.ActiveFrom, start)
	return t.chain(next, start), true
}

// promote makes the successor sign at once when no key of the chain does.
func (t timing) promote(keys []Record, alg Alg, now time.Time) {
	if next := upcoming(keys, alg, now); inForce(keys, alg, now) == nil && len(next) > 0 {
		t.window(next[0], now.Add(-clockSkew), now.Add(t.rotateEvery))
		t.chain(next[1:], next[0].RetireFrom)
	}
}

// chain lays the windows of the keys one after the other and returns the end.
func (t timing) chain(keys []*Record, start time.Time) time.Time {
	for _, rec := range keys {
		t.window(rec, start, start.Add(t.rotateEvery))
		start = rec.RetireFrom
	}
	return start
}

// inForce returns the key of the chain that signs at now, nil for none.
func inForce(keys []Record, alg Alg, now time.Time) *Record {
	for i := range keys {
		if keys[i].Alg == alg && keys[i].StateAt(now) == Active {
			return &keys[i]
		}
	}
	return nil
}

// upcoming returns the published keys of the chain by generation.
func upcoming(keys []Record, alg Alg, now time.Time) []*Record {
	var found []*Record
	for i := range keys { // records are kept in the order of their making
		if keys[i].Alg == alg && keys[i].StateAt(now) == Published {
			found = append(found, &keys[i])
		}
	}
	return found
}

// nextGeneration returns the generation of the next key of the chain.
func nextGeneration(keys []Record, alg Alg) uint64 {
	var last uint64
	for i := range keys {
		if keys[i].Alg == alg {
			last = max(last, keys[i].Generation)
		}
	}
	return last + 1
}
