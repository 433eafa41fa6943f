package pat

import (
	"context"
	"time"

	"github.com/cambio-sts/cambio/directory"
)

// EndedKind says what ended.
type EndedKind string

// What can end before the exp of the JWTs that it has made.
const (
	EndedToken EndedKind = "pat"   // revoked, auto-revoked, deleted, rotated without grace
	EndedJWT   EndedKind = "jti"   // one JWT, revoked by itself
	EndedOwner EndedKind = "owner" // an identity that was disabled
)

// Ended says of which JWTs nothing may be accepted any more, whatever their exp says.
type Ended struct {
	Kind EndedKind
	ID   string // of the token, of the JWT, or of the identity
	// Generation is, of a token, the last that ended: of a deleted one EveryGeneration.
	Generation int64
	// Token is, of a JWT, the token that it was minted from, and Expiry when it would have
	// expired anyway.
	Token  ID
	Expiry time.Time
	// At is when it ended, by the store's clock. An identity may be enabled again, so of
	// its JWTs only those are meant that were issued by then.
	At time.Time
}

// EveryGeneration is the generation of a token that has none after it.
const EveryGeneration int64 = 1<<63 - 1

// EndedWindow is how long a store keeps an Ended at least: until every JWT that it is about
// has expired, by any clock that may be asked.
const EndedWindow = MaxAccessTokenLife + 10*time.Minute

// EndedLog is the log of them. Each is committed in one step with the change that it tells of.
type EndedLog interface {
	// Follow returns a cursor that stands before the oldest one that is kept.
	Follow() EndedCursor
	// Owned returns, for each of some identities, the ids of the tokens that it owns,
	// whoever holds them: an EndedOwner is about the JWTs of these, and what was deleted
	// meanwhile has an end of its own. fault.ErrUnavailable.
	Owned(ctx context.Context, owners []directory.ID) ([][]ID, error)
}

// EndedCursor reads a log. It belongs to one goroutine.
type EndedCursor interface {
	// Next returns those that were committed since the call before, oldest first as far
	// as that can be told; none of a committed change is ever left out, some may come
	// again. After an error, fault.ErrUnavailable, the next call gives what this one
	// would have.
	Next(ctx context.Context) ([]Ended, error)
}
