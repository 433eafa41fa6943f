package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/throttle"
	"github.com/cambio-sts/cambio/pat"
)

// Whoever is known is told what is left, whatever the answer is; nobody else.
func TestRateLimitIsTold(t *testing.T) {
	w := newWorld(t)
	w.build(func(c *api.Config) { c.Requests = limiter(w, throttle.Window{Most: 5, Length: 10 * time.Second}) })
	token := w.bearer(&w.alice, string(directory.ReadMyTokens))
	for _, step := range []struct {
		name, method, path, body string
		status                   int
		left                     string
	}{
		{"within the limit", http.MethodGet, mine, "", http.StatusOK, `"default";r=4;t=10`},
		{"not there", http.MethodGet, collection + "/" + string(pat.NewID(w.alice.ID)), "", http.StatusNotFound, `"default";r=3;t=10`},
		{"not allowed", http.MethodPost, collection, `{"name":"x"}`, http.StatusForbidden, `"default";r=2;t=9`},
		{"not a parameter", http.MethodGet, collection + "?x=y", "", http.StatusBadRequest, `"default";r=1;t=9`},
		{"the last", http.MethodHead, mine, "", http.StatusOK, `"default";r=0;t=9`},
		{"beyond the limit", http.MethodGet, mine, "", http.StatusTooManyRequests, `"default";r=0;t=9`},
	} {
		if step.status == http.StatusForbidden {
			w.clock.advance(1500 * time.Millisecond) // seconds are rounded up
		}
		got := w.call(token, step.method, step.path, step.body)
		require.Equal(t, step.status, got.StatusCode, step.name)
		require.Equal(t, []string{`"default";q=5;w=10`}, got.Header.Values("RateLimit-Policy"), step.name)
		require.Equal(t, []string{step.left}, got.Header.Values("RateLimit"), step.name)
		require.Equal(t, step.status == http.StatusTooManyRequests, got.Header.Get("Retry-After") == "9", step.name)
	}
	for name, credential := range map[string]string{"nobody": "", "a wrong secret": w.tokens.Format().New(pat.NewID(w.alice.ID)).Reveal().Reveal()} {
		got := w.call(credential, http.MethodGet, mine, "")
		require.Equal(t, http.StatusUnauthorized, got.StatusCode, name)
		require.Empty(t, got.Header.Values("RateLimit-Policy"), name)
		require.Empty(t, got.Header.Values("RateLimit"), name)
	}
}
