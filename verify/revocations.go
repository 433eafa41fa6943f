package verify

import "context"

// Revocations knows tokens that ended before their exp. Verify asks it about
// every token that is otherwise valid, those out of the cache of AcceptPAT
// included, so it should answer from memory. It is called from many goroutines.
type Revocations interface {
	// Revoked reports whether the token that says claims is revoked: by its ID,
	// or by its PATID with a PATGeneration that is over. An error says that
	// nobody can tell, and refuses the token with ErrUnavailable: whoever would
	// rather accept it for a while answers false for that while.
	Revoked(ctx context.Context, claims *Claims) (bool, error)
}
