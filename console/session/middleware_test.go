package session_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console/session"
)

// TestWrites: reading writes nothing, but the time of the last use once a minute.
func TestWrites(t *testing.T) {
	store := newMemory()
	s := sessions(t, store, store.clock)
	b := &browser{t: t}
	b.signIn(s, "alice")
	read := []string{"get session", "get ended", "get over"}
	look := func() []string {
		t.Helper()
		return store.during(func() { require.Equal(t, "alice", b.is(s)) })
	}
	for range 3 {
		require.Equal(t, read, look())
		store.pass(time.Minute - time.Millisecond)
		require.Equal(t, read, look())
		store.pass(time.Millisecond)
		require.Equal(t, append(read[:3:3], "put session"), look())
	}
	answer := b.visit(s, func(http.ResponseWriter, *http.Request) {})
	require.Empty(t, answer.Header().Get("Set-Cookie"))
}

// TestAShortIdleTime is prolonged in time.
func TestAShortIdleTime(t *testing.T) {
	store := newMemory()
	s, err := session.New(session.Config{Store: store, Idle: 10 * time.Second, Lifetime: time.Hour, Now: store.Now, Failed: failed})
	require.NoError(t, err)
	b := &browser{t: t}
	b.signIn(s, "alice")
	for range 10 {
		store.pass(6 * time.Second)
		require.Equal(t, "alice", b.is(s))
	}
}

// TestStoreFails: whichever call of a request fails, it is answered 503, and nothing of
// the handler's answer is sent.
func TestStoreFails(t *testing.T) {
	kinds := map[string]func(s *session.Sessions, r *http.Request) error{
		"read":     func(*session.Sessions, *http.Request) error { return nil },
		"put":      func(s *session.Sessions, r *http.Request) error { return s.Put(r.Context(), "a", "b") },
		"sign in":  func(s *session.Sessions, r *http.Request) error { return s.SignIn(r.Context(), "bob") },
		"sign out": func(s *session.Sessions, r *http.Request) error { return s.SignOut(r.Context()) },
	}
	ways := map[string]func(w http.ResponseWriter, err error){
		"body":      func(w http.ResponseWriter, _ error) { _, _ = io.WriteString(w, "for alice's eyes") },
		"redirect":  func(w http.ResponseWriter, _ error) { w.WriteHeader(http.StatusSeeOther) },
		"flush":     func(w http.ResponseWriter, _ error) { _ = http.NewResponseController(w).Flush() },
		"old flush": func(w http.ResponseWriter, _ error) { w.(http.Flusher).Flush() }, //nolint:forcetypeassert // the test
		"nothing":   func(http.ResponseWriter, error) {},
	}
	for kind, do := range kinds {
		for way, write := range ways {
			t.Run(kind+", "+way, func(t *testing.T) {
				store := newMemory()
				s := sessions(t, store, store.clock)
				b := &browser{t: t}
				b.signIn(s, "alice")
				var after *browser
				visit := func() *httptest.ResponseRecorder {
					after = b.copied()
					return after.visit(s, func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("Location", "/for/alice")
						if err := do(s, r); err != nil {
							failed(w, r, err)
							return
						}
						write(w, nil)
						_, _ = io.WriteString(w, " and more")
					})
				}
				at, values := store.now, maps.Clone(store.values)
				store.pass(2 * time.Minute)
				calls := store.during(func() { require.NotEqual(t, http.StatusServiceUnavailable, visit().Code) })
				for i := range calls {
					store.now, store.values = at.Add(2*time.Minute), maps.Clone(values)
					store.fails = i + 1
					answer := visit()
					require.Zero(t, store.fails, calls[i])
					require.Equal(t, http.StatusServiceUnavailable, answer.Code, calls[i])
					require.Equal(t, "try again\n", answer.Body.String())
					require.Equal(t, "Cookie", answer.Header().Get("Vary"))
					if kind == "read" || kind == "put" { // in the others the handler may have answered
						require.Empty(t, answer.Header().Get("Set-Cookie"))
						require.Empty(t, answer.Header().Get("Location"))
					}
					require.NotEqual(t, "bob", after.is(s))
				}
			})
		}
	}
}

// TestDamaged: what is no session is not taken for an empty one.
func TestDamaged(t *testing.T) {
	store := newMemory()
	s := sessions(t, store, store.clock)
	b := &browser{t: t}
	b.signIn(s, "alice")
	for _, key := range store.keys("session/") {
		store.values[key] = entry{[]byte("damaged"), store.now.Add(time.Hour)}
	}
	answer := b.visit(s, func(http.ResponseWriter, *http.Request) { t.Error("it was served") })
	require.Equal(t, http.StatusInternalServerError, answer.Code)
}

// TestOverHTTP: the session is saved before a client can know of it, and informational
// answers do not count.
func TestOverHTTP(t *testing.T) {
	store := newMemory()
	s := sessions(t, store, store.clock)
	server := httptest.NewServer(s.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		require.NoError(t, s.SignIn(r.Context(), "alice"))
		require.NoError(t, http.NewResponseController(w).SetWriteDeadline(time.Time{}), "it is unwrapped")
		require.NoError(t, http.NewResponseController(w).Flush())
		require.Len(t, store.keys("session/"), 1)
		_, err := fmt.Fprint(w, "hello")
		require.NoError(t, err)
	})))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	require.NoError(t, err)
	answer, err := server.Client().Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, "hello", string(body))
	require.Len(t, answer.Cookies(), 1)
	require.Equal(t, "alice", (&browser{t, answer.Cookies()[0]}).is(s))
}

// TestAPanicSavesNothing: what was half done is not kept.
func TestAPanicSavesNothing(t *testing.T) {
	store := newMemory()
	s := sessions(t, store, store.clock)
	b := &browser{t: t}
	require.Panics(t, func() {
		b.visit(s, func(_ http.ResponseWriter, r *http.Request) {
			require.NoError(t, s.SignIn(r.Context(), "alice"))
			panic("half way")
		})
	})
	require.Empty(t, store.values)
}

func TestNewRefuses(t *testing.T) {
	store := newMemory()
	good := session.Config{Store: store, Idle: idle, Lifetime: lifetime, Now: store.Now, Failed: failed}
	for name, change := range map[string]func(*session.Config){
		"no store":    func(c *session.Config) { c.Store = nil },
		"no clock":    func(c *session.Config) { c.Now = nil },
		"no answer":   func(c *session.Config) { c.Failed = nil },
		"no idle":     func(c *session.Config) { c.Idle = 0 },
		"no lifetime": func(c *session.Config) { c.Lifetime = 0 },
	} {
		config := good
		change(&config)
		_, err := session.New(config)
		require.Error(t, err, name)
	}
}
