package session_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/fault"
)

// TestEndAll: an administrator ends what a person has signed in to, also at that very
// instant, and nothing else.
func TestEndAll(t *testing.T) {
	at := newClock()
	store := openBolt(t, at)
	one, other := sessions(t, store, at), sessions(t, store, at)
	phone, laptop, bob := &browser{t: t}, &browser{t: t}, &browser{t: t}
	for range 2 { // the second time they know the mark of the first
		phone.signIn(one, "alice")
		laptop.signIn(other, "alice")
		bob.signIn(one, "bob")
		require.Equal(t, "alice", laptop.is(one))
		require.NoError(t, other.EndAll(t.Context(), "alice"))
		require.Empty(t, phone.is(one))
		require.Empty(t, laptop.is(other))
		require.Equal(t, "bob", bob.is(other))
	}
	phone.signIn(one, "alice")
	require.Equal(t, "alice", phone.is(other), "may sign in again")
	for range 40 { // until the mark is gone, and the session is used all the while
		at.pass(10 * time.Minute)
		require.Equal(t, "alice", phone.is(other))
	}
	require.NoError(t, one.EndAll(t.Context(), "nobody has signed in"))
}

// TestEndAllWhileSigningIn: who is on the way in as it happens is out, too.
func TestEndAllWhileSigningIn(t *testing.T) {
	store := newMemory()
	s := sessions(t, store, store.clock)
	b := &browser{t: t}
	b.visit(s, func(_ http.ResponseWriter, r *http.Request) {
		require.NoError(t, s.SignIn(r.Context(), "alice"))
		require.NoError(t, s.EndAll(r.Context(), "alice"))
	})
	require.NotNil(t, b.cookie)
	require.Empty(t, b.is(s))
}

// TestEndedForAsLongAsASessionLasts: the mark outlives every session that it ends, also
// where nothing else would end that.
func TestEndedForAsLongAsASessionLasts(t *testing.T) {
	store := newMemory()
	s := sessions(t, store, store.clock)
	b := &browser{t: t}
	b.signIn(s, "alice")
	require.NoError(t, s.EndAll(t.Context(), "alice"))
	signedOut := &browser{t: t}
	signedOut.signIn(s, "bob")
	signedOut.visit(s, func(_ http.ResponseWriter, r *http.Request) { require.NoError(t, s.SignOut(r.Context())) })
	for _, kind := range []string{"ended/", "over/"} {
		keys := store.keys(kind)
		require.Len(t, keys, 1)
		require.Greater(t, store.values[keys[0]].expiry, store.now.Add(lifetime).Add(30*time.Second), "clocks differ")
	}
}

// TestSignOutIsFinal: a request that is under way meanwhile, and saves its session
// afterwards, does not bring it back.
func TestSignOutIsFinal(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, signOut, signIn func(context.Context) error) error{
		"sign out":         func(ctx context.Context, signOut, _ func(context.Context) error) error { return signOut(ctx) },
		"sign in as other": func(ctx context.Context, _, signIn func(context.Context) error) error { return signIn(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			store := newMemory()
			s := sessions(t, store, store.clock)
			b := &browser{t: t}
			b.signIn(s, "alice")
			slow, quick := b.copied(), b.copied()
			slow.visit(s, func(_ http.ResponseWriter, r *http.Request) {
				require.NoError(t, s.Put(r.Context(), "flash", "saved"))
				quick.visit(s, func(_ http.ResponseWriter, r *http.Request) { //nolint:contextcheck // another request
					require.NoError(t, end(r.Context(), s.SignOut, func(ctx context.Context) error { return s.SignIn(ctx, "bob") }))
				})
			})
			require.Contains(t, store.during(func() { require.Empty(t, slow.is(s)) }), "get over")
			require.NotEqual(t, "alice", quick.is(s))
		})
	}
}

// TestEndsAlthoughTheClientIsGone: a sign-out that was asked for happens.
func TestEndsAlthoughTheClientIsGone(t *testing.T) {
	store := newMemory()
	s := sessions(t, store, store.clock)
	b := &browser{t: t}
	b.signIn(s, "alice")
	before := b.copied()
	b.visit(s, func(_ http.ResponseWriter, r *http.Request) {
		gone, cancel := context.WithCancel(r.Context())
		cancel()
		require.NoError(t, s.SignOut(gone))
		require.NoError(t, s.EndAll(gone, "bob"))
		require.True(t, store.limit, "and does not take for ever")
	})
	require.Empty(t, before.is(s))
}

// TestSignOutFails: each of its steps is tried, and the trouble is told.
func TestSignOutFails(t *testing.T) {
	for call := range 2 {
		store := newMemory()
		s := sessions(t, store, store.clock)
		b := &browser{t: t}
		b.signIn(s, "alice")
		before := b.copied()
		b.visit(s, func(_ http.ResponseWriter, r *http.Request) {
			store.fails = call + 1
			require.ErrorIs(t, s.SignOut(r.Context()), fault.ErrUnavailable)
		})
		require.Empty(t, before.is(s), "one of them is enough")
	}
}
