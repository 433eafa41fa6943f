package sts_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/verify/internal/sts"
)

// serve answers every request by handler and returns where.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func newClient(t *testing.T) *sts.Client {
	t.Helper()
	client := sts.NewClient(nil)
	t.Cleanup(client.Close)
	return client
}

// TestDiscoverPath: the well-known part lies between host and path (RFC 8414 §3.1).
func TestDiscoverPath(t *testing.T) {
	var base, asked string
	base = serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		_, _ = w.Write([]byte(`{"issuer":"` + base + `/tenant/one","jwks_uri":"` + base + `/jwks"}`))
	})
	found, err := newClient(t).Discover(t.Context(), base+"/tenant/one")
	require.NoError(t, err)
	require.Equal(t, "/.well-known/oauth-authorization-server/tenant/one", asked)
	require.Equal(t, base+"/jwks", found.JWKSURI)
	_, err = newClient(t).Discover(t.Context(), base+"/tenant/one/")
	require.ErrorIs(t, err, sts.ErrUnavailable, "another issuer, though at the same address")
	_, err = newClient(t).Discover(t.Context(), "http://sts.example.com")
	require.ErrorIs(t, err, sts.ErrIssuer)
}

func TestMaxAge(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"public, max-age=900": 900 * time.Second, "MAX-AGE=5": 5 * time.Second, `max-age="7"`: 7 * time.Second, "": 0, "no-store": 0,
		"max-age=-1": 0, "max-age=x": 0, "max-age=99999999999": 0, "s-maxage=3": 0,
	} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Cache-Control", header) })
		_, age, err := newClient(t).Keys(t.Context(), base)
		require.NoError(t, err)
		require.Equal(t, want, age, header)
	}
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=900")
		w.Header().Set("Age", r.URL.Query().Get("age"))
	})
	for given, want := range map[string]time.Duration{"100": 800 * time.Second, "1000": 0, "x": 900 * time.Second} {
		_, age, err := newClient(t).Keys(t.Context(), base+"?age="+given)
		require.NoError(t, err)
		require.Equal(t, want, age, given)
	}
}

// TestBounds: an answer that is too long, elsewhere, or no answer, is none.
func TestBounds(t *testing.T) {
	elsewhere := 0
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere++ })
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, other, http.StatusTemporaryRedirect)
		case "/long":
			_, _ = w.Write([]byte(strings.Repeat(" ", 256<<10+1)))
		case "/fits":
			_, _ = w.Write([]byte(strings.Repeat(" ", 256<<10)))
		case "/broken":
			panic(http.ErrAbortHandler)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	client := newClient(t)
	_, _, err := client.Keys(t.Context(), base+"/fits")
	require.NoError(t, err)
	for _, path := range []string{"/moved", "/long", "/broken", "/absent"} {
		_, _, err := client.Keys(t.Context(), base+path)
		require.ErrorIs(t, err, sts.ErrUnavailable, path)
		_, err = client.Exchange(t.Context(), base+path, sts.Request{SubjectToken: "the PAT"})
		require.ErrorIs(t, err, sts.ErrUnavailable, path)
		require.NotContains(t, err.Error(), "the PAT")
	}
	require.Zero(t, elsewhere, "a credential is sent to one place")
}

// TestEnded: what is asked, and what counts as an answer.
func TestEnded(t *testing.T) {
	var asked *http.Request
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r
		w.Header().Set("Etag", `"e"`)
		w.Header().Set("Retry-After", "3")
		switch r.URL.Path {
		case "/held":
			w.Header().Set("Preference-Applied", "wait=5")
			_, _ = w.Write([]byte("a.b.c"))
		case "/plain":
			_, _ = w.Write([]byte("a.b.c"))
		case "/same":
			w.WriteHeader(http.StatusNotModified)
		case "/refused":
			w.WriteHeader(http.StatusBadRequest)
		case "/long":
			for range 65 {
				_, _ = w.Write(make([]byte, 1<<20))
			}
		case "/busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	client := newClient(t)
	poll := sts.Poll{Since: 70, ETag: `"d"`, Wait: 5 * time.Second}
	got, err := client.Ended(t.Context(), base+"/held?x=y", poll)
	require.NoError(t, err)
	require.Equal(t, sts.Ended{Signed: "a.b.c", ETag: `"e"`, Held: true}, got)
	require.Equal(t, "since=70&x=y", asked.URL.RawQuery)
	require.Equal(t, "wait=5", asked.Header.Get("Prefer"))
	require.Equal(t, `"d"`, asked.Header.Get("If-None-Match"))
	got, err = client.Ended(t.Context(), base+"/plain", sts.Poll{})
	require.NoError(t, err)
	require.Equal(t, sts.Ended{Signed: "a.b.c", ETag: `"e"`}, got)
	require.Empty(t, asked.URL.RawQuery)
	require.Empty(t, asked.Header.Get("Prefer"))
	require.Empty(t, asked.Header.Get("If-None-Match"))
	got, err = client.Ended(t.Context(), base+"/same", poll)
	require.NoError(t, err)
	require.Empty(t, got.Signed)

	_, err = client.Ended(t.Context(), base+"/same", sts.Poll{})
	require.ErrorIs(t, err, sts.ErrUnavailable, "nobody said that they had one")
	_, err = client.Ended(t.Context(), base+"/empty", poll)
	require.ErrorIs(t, err, sts.ErrUnavailable)
	_, err = client.Ended(t.Context(), base+"/long", poll)
	require.ErrorIs(t, err, sts.ErrUnavailable)
	got, err = client.Ended(t.Context(), base+"/refused", poll)
	require.ErrorIs(t, err, sts.ErrUnavailable)
	require.True(t, got.Refused)
	got, err = client.Ended(t.Context(), base+"/busy", poll)
	require.ErrorIs(t, err, sts.ErrUnavailable)
	require.Equal(t, 3*time.Second, got.RetryAfter)
	require.False(t, got.Refused)
}
