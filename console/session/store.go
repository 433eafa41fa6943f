package session

import (
	"context"
	"time"

	"github.com/alexedwards/scs/v2"
)

// Store keeps small values until they expire; every process of a deployment sees the
// same. An error says that nothing is known, and wraps fault.ErrUnavailable. It is safe to
// share.
type Store interface {
	// Get returns the value of key, unless there is none or it has expired.
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	// Put keeps value for life, a millisecond at least, in place of what key had.
	Put(ctx context.Context, key string, value []byte, life time.Duration) error
	// Delete ends the value of key, if there is one.
	Delete(ctx context.Context, key string) error
	// Take is Get and Delete in one step: of several at once one gets the value.
	Take(ctx context.Context, key string) (value []byte, found bool, err error)
}

// kept is Store as scs wants it. Its keys are hashes of tokens.
type kept struct {
	scs.Store // none: scs calls the methods below, which have a context

	store Store
	now   func() time.Time
}

var _ scs.CtxStore = kept{}

// FindCtx implements scs.CtxStore.
func (k kept) FindCtx(ctx context.Context, hash string) (value []byte, found bool, err error) {
	return k.store.Get(ctx, sessionKey(hash))
}

// CommitCtx implements scs.CtxStore.
func (k kept) CommitCtx(ctx context.Context, hash string, value []byte, expiry time.Time) error {
	return k.store.Put(ctx, sessionKey(hash), value, max(expiry.Sub(k.now()), time.Millisecond))
}

// DeleteCtx implements scs.CtxStore.
func (k kept) DeleteCtx(ctx context.Context, hash string) error {
	return k.store.Delete(ctx, sessionKey(hash))
}

func sessionKey(hash string) string { return "session/" + hash }

// overKey is where it is noted that a sign-in is over.
func overKey(signIn string) string { return "over/" + signIn }

// endedKey has the mark that sessions of an identity have to know.
func endedKey(identity string) string { return "ended/" + identity }
