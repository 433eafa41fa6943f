package keys

import (
	"fmt"
	"slices"
	"time"
)

// maxTokenLen is the longest token that is signed or read, in bytes.
const maxTokenLen = 16 << 10

// Mint signs c with the key of alg that is active now (RFC 9068; JWS compact
// serialization, RFC 7515 §7.1). Claims that must not be signed fail with
// ErrClaims, an alg that is not configured with ErrUnknownAlg. What Ready would
// answer, and that the algorithm's first key still waits for its turn
// (ErrNoActiveKey), is a fault.ErrUnavailable. c is not changed.
func (r *Ring) Mint(alg Alg, c Claims) (string, error) {
	now := r.now()
	if err := c.lint(now, r.timing.maxLife); err != nil {
		return "", err
	}
	key, err := r.activeKey(alg, now)
	if err != nil {
		return "", err
	}
	work, _ := scratches.Get().(*scratch)
	defer scratches.Put(work)
	if work.payload, err = c.appendJSON(work.payload[:0]); err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	token, err := key.sign(work, key.header, work.payload)
	if err != nil {
		return "", err
	}
	if len(token) > maxTokenLen {
		return "", fmt.Errorf("%w: more than %d bytes", ErrTooLong, maxTokenLen)
	}
	return token, nil
}

// KeyID returns the kid of the key that Mint signs with now. Errors as Mint's that are not
// of the claims.
func (r *Ring) KeyID(alg Alg) (string, error) {
	key, err := r.activeKey(alg, r.now())
	if err != nil {
		return "", err
	}
	return key.rec.KID, nil
}

// activeKey returns the key to sign with at now.
func (r *Ring) activeKey(alg Alg, now time.Time) (*ringKey, error) {
	if !slices.Contains(r.algs, alg) {
		return nil, fmt.Errorf("%w %q: not configured", ErrUnknownAlg, string(alg))
	}
	state, err := r.usable(now)
	if err != nil {
		return nil, err
	}
	key := state.signer(alg, now)
	if key == nil {
		return nil, unavailable(fmt.Errorf("%w: %s", ErrNoActiveKey, alg))
	}
	return key, nil
}
