package keys

import (
	"context"
	"errors"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
)

// ErrSwapped says that the stored version is not the wanted one any more:
// someone else wrote in between.
var ErrSwapped = errors.New("keys were changed by someone else")

// Store keeps the state of the ring, all of it in one record. Its methods may
// block until ctx ends and are safe to share. A store that cannot answer wraps
// fault.ErrUnavailable.
type Store interface {
	// LoadKeys returns the state. A store that never held one returns the zero
	// Stored; a read that fails returns an error, never the zero Stored.
	LoadKeys(ctx context.Context) (Stored, error)
	// SwapKeys replaces the state by next and commits event with it, if and
	// only if the stored version is want; else it fails with ErrSwapped.
	// next.Version is want+1. After any other error the write may or may not
	// have happened.
	SwapKeys(ctx context.Context, want uint64, next Stored, event audit.Event) error
}

// Stored is the state of the ring as a store keeps it, as JSON in the form of
// the tags.
type Stored struct {
	Version uint64   `json:"version"`          // 0: fresh
	Canary  []byte   `json:"canary,omitempty"` // sealed; proves that the master key belongs to the store
	Keys    []Record `json:"keys,omitempty"`
}

// Record is one key. Its times are UTC in whole milliseconds.
type Record struct {
	KID         string    `json:"kid"` // RFC 7638 thumbprint of PublicJWK
	Alg         Alg       `json:"alg"`
	Generation  uint64    `json:"generation"` // counts within its algorithm from 1
	PublicJWK   JWK       `json:"public_jwk"`
	Sealed      []byte    `json:"sealed_private_key"` // PKCS #8
	Created     time.Time `json:"created"`
	ActiveFrom  time.Time `json:"active_from"`  // inclusive
	RetireFrom  time.Time `json:"retire_from"`  // its successor's ActiveFrom
	RemoveAfter time.Time `json:"remove_after"` // the last token it signed has expired everywhere
	RevokedAt   time.Time `json:"revoked_at,omitzero"`
}

// State is where a key is in its life.
type State string

// The states. All but Revoked follow from the clock.
const (
	Published State = "published" // verifiers learn it; it does not sign
	Active    State = "active"    // it signs
	Retiring  State = "retiring"  // what it signed may still be alive
	Retired   State = "retired"   // nothing it signed is alive
	Revoked   State = "revoked"   // ended at once
)

// StateAt returns the state at now.
func (r Record) StateAt(now time.Time) State {
	switch {
	case !r.RevokedAt.IsZero():
		return Revoked
	case now.Before(r.ActiveFrom):
		return Published
	case now.Before(r.RetireFrom):
		return Active
	case now.Before(r.RemoveAfter):
		return Retiring
	default:
		return Retired
	}
}

// Info describes a key to people.
type Info struct {
	KID         string
	Alg         Alg
	Generation  uint64
	State       State
	Created     time.Time
	ActiveFrom  time.Time
	RetireFrom  time.Time
	RemoveAfter time.Time
	RevokedAt   time.Time // zero unless revoked
}
