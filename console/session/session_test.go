package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console/session"
	"github.com/cambio-sts/cambio/internal/fault"
)

const (
	idle     = 30 * time.Minute
	lifetime = 8 * time.Hour
)

// sessions are those of one process.
func sessions(t *testing.T, store session.Store, at *clock) *session.Sessions {
	t.Helper()
	made, err := session.New(session.Config{Store: store, Idle: idle, Lifetime: lifetime, Now: at.Now, Failed: failed})
	require.NoError(t, err)
	return made
}

func failed(w http.ResponseWriter, _ *http.Request, err error) {
	status := http.StatusInternalServerError
	if errors.Is(err, fault.ErrUnavailable) {
		status = http.StatusServiceUnavailable
	}
	http.Error(w, "try again", status)
}

// browser keeps the one cookie that it was given last.
type browser struct {
	t      *testing.T
	cookie *http.Cookie
}

// visit sends a request to a process, whose handler is do.
func (b *browser) visit(to *session.Sessions, do http.HandlerFunc) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, "/console", http.NoBody)
	if b.cookie != nil {
		r.AddCookie(&http.Cookie{Name: b.cookie.Name, Value: b.cookie.Value})
	}
	answer := httptest.NewRecorder()
	to.LoadAndSave(do).ServeHTTP(answer, r)
	for _, cookie := range answer.Result().Cookies() {
		if b.cookie = cookie; cookie.MaxAge < 0 {
			b.cookie = nil
		}
	}
	return answer
}

// signIn signs in as an identity.
func (b *browser) signIn(to *session.Sessions, identity string) {
	b.t.Helper()
	answer := b.visit(to, func(_ http.ResponseWriter, r *http.Request) { require.NoError(b.t, to.SignIn(r.Context(), identity)) })
	require.Equal(b.t, http.StatusOK, answer.Code)
}

// is returns who the browser is for a process; nobody if it is not signed in.
func (b *browser) is(to *session.Sessions) (identity string) {
	b.t.Helper()
	answer := b.visit(to, func(_ http.ResponseWriter, r *http.Request) {
		who, ok := to.Identity(r.Context())
		require.Equal(b.t, who != "", ok)
		identity = who
	})
	require.Equal(b.t, http.StatusOK, answer.Code)
	return identity
}

// copied is a browser with the same cookie, as of now.
func (b *browser) copied() *browser { return &browser{b.t, b.cookie} }

func TestLogin(t *testing.T) {
	store := newMemory()
	one, other := sessions(t, store, store.clock), sessions(t, store, store.clock)
	b := &browser{t: t}
	require.Empty(t, store.during(func() { require.Empty(t, b.is(one)) }), "who only looks costs the store nothing")
	require.Nil(t, b.cookie)

	b.visit(one, func(_ http.ResponseWriter, r *http.Request) {
		require.NoError(t, one.Put(r.Context(), "state", "s1"))
		require.NoError(t, one.Put(r.Context(), "nonce", "n1"))
	})
	stranger := b.copied()
	require.Empty(t, b.is(other))
	b.visit(other, func(_ http.ResponseWriter, r *http.Request) {
		state, found := other.Pop(r.Context(), "state")
		require.True(t, found)
		require.Equal(t, "s1", state)
		_, again := other.Pop(r.Context(), "state")
		require.False(t, again)
		require.NoError(t, other.SignIn(r.Context(), "alice"))
		_, nonce := other.Pop(r.Context(), "nonce")
		require.False(t, nonce, "a login begins with nothing")
		require.NoError(t, other.Put(r.Context(), "id_token_hint", "jwt"))
	})
	require.NotEqual(t, stranger.cookie.Value, b.cookie.Value, "another token")
	require.Equal(t, "alice", b.is(one))
	require.Empty(t, stranger.is(one), "whoever knew the token before knows nothing")
	stranger.visit(one, func(_ http.ResponseWriter, r *http.Request) {
		_, state := one.Pop(r.Context(), "state")
		require.False(t, state)
	})
	store.requireNowhere(t, b.cookie.Value)
	require.Len(t, store.keys("session/"), 1)

	signedIn := b.copied()
	answer := b.visit(one, func(_ http.ResponseWriter, r *http.Request) {
		hint, found := one.Pop(r.Context(), "id_token_hint")
		require.True(t, found)
		require.Equal(t, "jwt", hint)
		require.NoError(t, one.SignOut(r.Context()))
		_, ok := one.Identity(r.Context())
		require.False(t, ok)
	})
	require.Contains(t, answer.Header().Get("Set-Cookie"), "cambio_session=; Path=/; Expires=")
	require.Nil(t, b.cookie)
	require.Empty(t, signedIn.is(other), "the server has ended it")
	require.Empty(t, store.keys("session/"))
}

func TestCookie(t *testing.T) {
	store := newMemory()
	for name, secure := range map[string]bool{"cambio_session": false, "__Host-cambio_session": true} {
		made, err := session.New(session.Config{Store: store, Idle: idle, Lifetime: lifetime, Secure: secure, Now: store.Now, Failed: failed})
		require.NoError(t, err)
		b := &browser{t: t}
		answer := b.visit(made, func(_ http.ResponseWriter, r *http.Request) { require.NoError(t, made.SignIn(r.Context(), "alice")) })
		cookie := *b.cookie
		require.Len(t, cookie.Value, 43, "32 random bytes")
		cookie.Value, cookie.Raw = "", ""
		require.Equal(t, http.Cookie{Name: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure}, cookie)
		require.Equal(t, "Cookie", answer.Header().Get("Vary"))
		require.Equal(t, "alice", b.is(made))
	}
}

// TestATokenOfSomebodyElse: one that nobody was given is not adopted (session fixation).
func TestATokenOfSomebodyElse(t *testing.T) {
	store := newMemory()
	s := sessions(t, store, store.clock)
	for _, token := range []string{"chosen", strings.Repeat("A", 43), strings.Repeat("x", 4096), "a/b"} {
		b := &browser{t, &http.Cookie{Name: "cambio_session", Value: token}}
		require.Empty(t, b.is(s))
		b.signIn(s, "alice")
		require.NotEqual(t, token, b.cookie.Value)
		attacker := &browser{t, &http.Cookie{Name: "cambio_session", Value: token}}
		require.Empty(t, attacker.is(s))
	}
}

// TestDeadlines: the server ends a session by its own clock, whatever the store still
// has and wherever that clock is.
func TestDeadlines(t *testing.T) {
	for name, begin := range map[string]time.Time{
		"now": newClock().now, "long ago": time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), "far ahead": time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			at := &clock{begin}
			for kind, store := range map[string]session.Store{"bolt": openBolt(t, at), "that never forgets": keeper{newMemory()}} {
				t.Run(kind, func(t *testing.T) {
					s := sessions(t, store, at)
					b := &browser{t: t}
					b.signIn(s, "alice")
					at.pass(idle - time.Millisecond)
					require.Equal(t, "alice", b.is(s))
					at.pass(idle - time.Millisecond)
					require.Equal(t, "alice", b.is(s), "from the last use")
					at.pass(idle)
					require.Empty(t, b.is(s))

					b.signIn(s, "alice")
					used := at.now
					for at.now.Sub(used) < lifetime-20*time.Minute {
						at.pass(20 * time.Minute)
						require.Equal(t, "alice", b.is(s))
					}
					at.now = used.Add(lifetime - time.Millisecond)
					require.Equal(t, "alice", b.is(s))
					at.pass(time.Millisecond)
					require.Empty(t, b.is(s), "however much it is used")
				})
			}
		})
	}
}

// keeper is a store that forgets nothing by itself.
type keeper struct{ *memory }

func (k keeper) Put(ctx context.Context, key string, value []byte, _ time.Duration) error {
	return k.memory.Put(ctx, key, value, 1000*time.Hour)
}

// TestStrangers: what is remembered of somebody who has not signed in is forgotten soon,
// and takes little room.
func TestStrangers(t *testing.T) {
	for name, forgets := range map[string]bool{"by the store": true, "by the server": false} {
		t.Run(name, func(t *testing.T) {
			memory := newMemory()
			store := session.Store(memory)
			if !forgets {
				store = keeper{memory}
			}
			s := sessions(t, store, memory.clock)
			early, late := &browser{t: t}, &browser{t: t}
			for _, b := range []*browser{early, late} {
				b.visit(s, func(_ http.ResponseWriter, r *http.Request) {
					require.NoError(t, s.Put(r.Context(), "return", strings.Repeat("x", session.MaxValue)))
					require.ErrorIs(t, s.Put(r.Context(), "return", strings.Repeat("x", session.MaxValue+1)), session.ErrTooLong)
					require.Error(t, s.SignIn(r.Context(), ""))
				})
			}
			has := func(b *browser) (found bool) {
				b.visit(s, func(_ http.ResponseWriter, r *http.Request) { _, found = s.Pop(r.Context(), "return") })
				return found
			}
			memory.pass(15*time.Minute - time.Millisecond)
			require.True(t, has(early))
			memory.pass(time.Millisecond)
			require.False(t, has(late))
		})
	}
}
