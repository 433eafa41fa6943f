package session_test

import (
	"encoding/base64"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console/session"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/secret"
)

func TestLinks(t *testing.T) {
	ctx, store := t.Context(), newMemory()
	links := session.NewLinks(store)
	token, err := links.Make(ctx, "first-login", "alice", time.Hour)
	require.NoError(t, err)
	another, err := links.Make(ctx, "first-login", "bob", time.Hour)
	require.NoError(t, err)
	require.NotEqual(t, another.Reveal(), token.Reveal())
	raw, err := base64.RawURLEncoding.DecodeString(token.Reveal())
	require.NoError(t, err)
	require.Len(t, raw, 32)
	store.requireNowhere(t, token.Reveal())
	store.requireNowhere(t, string(raw))

	for range 2 {
		subject, found, err := links.Peek(ctx, "first-login", token)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, "alice", subject)
	}
	for _, purpose := range []string{"", "reset", "first-login/"} {
		_, found, err := links.Open(ctx, purpose, token)
		require.NoError(t, err)
		require.False(t, found, "of another purpose")
	}
	subject, found, err := links.Open(ctx, "first-login", token)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "alice", subject)
	requireNoLink(t, links, token)

	store.pass(time.Hour)
	requireNoLink(t, links, another)
}

func requireNoLink(t *testing.T, links session.Links, token secret.Text) {
	t.Helper()
	_, found, err := links.Peek(t.Context(), "first-login", token)
	require.NoError(t, err)
	require.False(t, found)
	_, found, err = links.Open(t.Context(), "first-login", token)
	require.NoError(t, err)
	require.False(t, found)
}

// TestLinksAreRestored: who could not use one may try again, once.
func TestLinksAreRestored(t *testing.T) {
	ctx, store := t.Context(), newMemory()
	links := session.NewLinks(store)
	token, err := links.Make(ctx, "first-login", "alice", time.Hour)
	require.NoError(t, err)
	_, found, err := links.Open(ctx, "first-login", token)
	require.NoError(t, err)
	require.True(t, found)
	require.NoError(t, links.Restore(ctx, "first-login", token, "alice", time.Minute))
	store.requireNowhere(t, token.Reveal())
	subject, found, err := links.Open(ctx, "first-login", token)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "alice", subject)
	requireNoLink(t, links, token)

	require.NoError(t, links.Restore(ctx, "first-login", token, "alice", time.Minute))
	store.pass(time.Minute)
	requireNoLink(t, links, token)
	require.Error(t, links.Restore(ctx, "first-login", secret.New("short"), "alice", time.Minute))
	store.fails = 1
	require.ErrorIs(t, links.Restore(ctx, "first-login", token, "alice", time.Minute), fault.ErrUnavailable)
}

// TestWrongLinks: a token that could be one costs the store one call, any other none.
func TestWrongLinks(t *testing.T) {
	ctx, store := t.Context(), newMemory()
	links := session.NewLinks(store)
	token, err := links.Make(ctx, "first-login", "alice", time.Hour)
	require.NoError(t, err)
	text := token.Reveal()
	require.Equal(t, []string{"take link"}, store.during(func() {
		_, found, err := links.Open(ctx, "first-login", secret.New(strings.Repeat("A", 43)))
		require.NoError(t, err)
		require.False(t, found)
	}))
	require.Empty(t, store.during(func() {
		for _, wrong := range []string{"", text[:42], text + "A", text + "=", " " + text, text[:42] + "*", text[:10] + "\n" + text[10:], strings.Repeat(text, 1000)} {
			requireNoLink(t, links, secret.New(wrong))
		}
	}))
	_, found, err := links.Open(ctx, "first-login", token)
	require.NoError(t, err)
	require.True(t, found)
}

// TestLinksOpenOnce: on a real store, of many at once.
func TestLinksOpenOnce(t *testing.T) {
	at := newClock()
	links := session.NewLinks(openBolt(t, at))
	token, err := links.Make(t.Context(), "first-login", "alice", time.Hour)
	require.NoError(t, err)
	var won atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, found, err := links.Open(t.Context(), "first-login", token)
			if assert.NoError(t, err) && found {
				won.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, won.Load())
}

func TestLinksFail(t *testing.T) {
	ctx, store := t.Context(), newMemory()
	links := session.NewLinks(store)
	token, err := links.Make(ctx, "first-login", "alice", time.Hour)
	require.NoError(t, err)
	store.fails = 1
	_, _, err = links.Peek(ctx, "first-login", token)
	require.ErrorIs(t, err, fault.ErrUnavailable)
	store.fails = 1
	_, _, err = links.Open(ctx, "first-login", token)
	require.ErrorIs(t, err, fault.ErrUnavailable)
	store.fails = 1
	token, err = links.Make(ctx, "first-login", "alice", time.Hour)
	require.ErrorIs(t, err, fault.ErrUnavailable)
	require.True(t, token.Empty())
}
