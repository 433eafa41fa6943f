package keys

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// snapshot is one state of the ring, never changed once published.
type snapshot struct {
	loadedAt time.Time // when the read began
	fault    error     // the store turned out not to be ours
	records  []Record
	keys     map[string]*ringKey // by kid: what verifies
	chains   map[Alg][]*ringKey  // what signs, now or later
	jwks     []byte
	etag     string
}

// ringKey is a key with its times.
type ringKey struct {
	*material
	rec Record
}

// errUnopened says that a stored key could not be opened.
var errUnopened = errors.New("a signing key cannot be opened")

// age returns how old the state is. A clock that stepped back makes it old, too.
func (s *snapshot) age(now time.Time) time.Duration { return now.Sub(s.loadedAt).Abs() }

// signer returns the key of alg that signs at now, nil for none.
func (s *snapshot) signer(alg Alg, now time.Time) *ringKey {
	for _, key := range s.chains[alg] {
		if !now.Before(key.rec.ActiveFrom) && now.Before(key.rec.RetireFrom) {
			return key
		}
	}
	return nil
}

// waits reports whether alg has only keys that are yet to be used.
func (s *snapshot) waits(alg Alg, now time.Time) bool {
	chain := s.chains[alg]
	return len(chain) > 0 && !slices.ContainsFunc(chain, func(k *ringKey) bool { return !now.Before(k.rec.ActiveFrom) })
}

func (s *snapshot) withFault(err error) *snapshot {
	faulty := *s
	faulty.fault = err
	return &faulty
}

// publish makes stored, read at now, the state of the ring. A key that does not
// open is left out, and the state keeps its old age. The turn is held.
func (r *Ring) publish(ctx context.Context, stored Stored, now time.Time) error {
	previous := r.snapshot.Load()
	next := &snapshot{
		loadedAt: now.Round(0), // wall clock: the monotonic one stands still while a machine sleeps
		records:  slices.Clone(stored.Keys), keys: map[string]*ringKey{}, chains: map[Alg][]*ringKey{},
	}
	var failed error
	for i := range next.records {
		rec := &next.records[i]
		if r.isRevoked(rec) {
			continue
		}
		if rec.RemoveAfter = r.timing.removeAfter(rec); !now.Before(rec.RemoveAfter) {
			continue
		}
		opened, err := r.materialOf(ctx, rec)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		key := &ringKey{material: opened, rec: *rec}
		next.keys[rec.KID] = key
		next.chains[rec.Alg] = append(next.chains[rec.Alg], key)
	}
	if failed != nil {
		failed = fmt.Errorf("%w: %w", errUnopened, failed)
		next.loadedAt = time.Time{}
		if previous != nil {
			next.loadedAt = previous.loadedAt
		}
	}
	r.keepLost(next, previous, now)
	r.forget(next)
	if err := next.render(); err != nil {
		return err
	}
	r.snapshot.Store(next)
	return failed
}

// isRevoked remembers revocations, and keeps to them when the store has lost one.
func (r *Ring) isRevoked(rec *Record) bool {
	if !rec.RevokedAt.IsZero() {
		r.revoked[rec.KID] = rec.RevokedAt
		return true
	}
	var known bool
	rec.RevokedAt, known = r.revoked[rec.KID]
	return known
}

func (r *Ring) materialOf(ctx context.Context, rec *Record) (*material, error) {
	if opened, ok := r.opened[rec.KID]; ok {
		return opened, opened.matches(rec)
	}
	opened, err := r.openKey(ctx, rec)
	if err != nil {
		return nil, err
	}
	r.opened[rec.KID] = opened
	return opened, nil
}

// keepLost carries over keys that the store has lost, say by a failover: other
// replicas may have signed with them until they, too, noticed. They only verify.
func (r *Ring) keepLost(next, previous *snapshot, now time.Time) {
	if previous == nil {
		return
	}
	stored := map[string]bool{}
	for i := range next.records {
		stored[next.records[i].KID] = true
	}
	latest := now.Add(r.timing.staleAfter() + r.timing.keep())
	for kid, key := range previous.keys {
		if _, revoked := r.revoked[kid]; revoked || stored[kid] || !now.Before(key.rec.RemoveAfter) {
			continue
		}
		lost := *key
		if lost.rec.RetireFrom.After(now) {
			lost.rec.RetireFrom = now
		}
		if lost.rec.RemoveAfter.After(latest) {
			lost.rec.RemoveAfter = latest
		}
		next.keys[kid] = &lost
	}
}

// forget drops private keys that are not in use.
func (r *Ring) forget(state *snapshot) {
	for kid := range r.opened {
		if state.keys[kid] == nil {
			delete(r.opened, kid)
		}
	}
}

// render computes the JWKS, in the order of the records so that replicas agree
// on its bytes; keys the store has lost come last.
func (s *snapshot) render() error {
	order := make(map[string]int, len(s.records))
	for i := range s.records {
		order[s.records[i].KID] = i - len(s.records)
	}
	jwks := make([]JWK, 0, len(s.keys))
	for _, key := range s.keys {
		jwks = append(jwks, key.jwk)
	}
	slices.SortFunc(jwks, func(a, b JWK) int {
		if byRecord := order[a.KeyID] - order[b.KeyID]; byRecord != 0 {
			return byRecord
		}
		return strings.Compare(a.KeyID, b.KeyID)
	})
	body, err := jwkSet(jwks)
	if err != nil {
		return fmt.Errorf("encode JWKS: %w", err)
	}
	sum := sha256.Sum256(body)
	s.jwks, s.etag = body, `"`+encode(sum[:16])+`"`
	return nil
}

// JWKS returns the JWK Set (RFC 7517 §5) of every key that may have signed a
// living token or will sign soon, a strong ETag, and the seconds it may be
// cached, jittered and never above JWKSMaxAge. It is served from memory, also
// while the store is down; the older the state, the shorter the copy may be
// kept. body must not be changed; it is nil before Open.
func (r *Ring) JWKS() (body []byte, etag string, maxAge int) {
	state := r.snapshot.Load()
	if state == nil {
		return nil, "", 0
	}
	life := r.timing.copyLife(state.age(r.now()))
	return state.jwks, state.etag, max(1, int(jitter(life*9/10, 0.1).Seconds()))
}

// jitter returns d, more or less by up to the share spread.
func jitter(d time.Duration, spread float64) time.Duration {
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // crypto/rand.Read never fails since Go 1.24
	unit := float64(binary.BigEndian.Uint64(raw[:])>>11) / (1 << 53)
	return time.Duration(float64(d) * (1 + spread*(2*unit-1)))
}
