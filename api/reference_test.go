package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/pat"
)

// The reference is for everyone, to read and no more.
func TestReferenceIsPublic(t *testing.T) {
	w := newWorld(t)
	for path, media := range map[string]string{
		"/api/v1/docs":               "text/html; charset=utf-8",
		"/api/v1/docs/reference.css": "text/css; charset=utf-8",
		"/api/v1/openapi.json":       "application/json",
		"/api/v1/openapi.yaml":       "application/yaml",
	} {
		require.Contains(t, api.PublicPaths(), path)
		got := w.call("", http.MethodGet, path, "")
		require.Equal(t, http.StatusOK, got.StatusCode, path)
		require.NotEmpty(t, got.body)
		require.Equal(t, media, got.Header.Get("Content-Type"))
		require.Equal(t, "public, max-age=300", got.Header.Get("Cache-Control"))
		require.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"))
		require.Equal(t, "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", got.Header.Get("Content-Security-Policy"))
		require.Empty(t, got.Header.Values("RateLimit"))
		etag := got.Header.Get("ETag")
		require.NotEmpty(t, etag)

		head := w.call("", http.MethodHead, path, "")
		require.Equal(t, http.StatusOK, head.StatusCode)
		require.Empty(t, head.body)
		require.Equal(t, etag, head.Header.Get("ETag"))
		again := w.call("", http.MethodGet, path, "", "If-None-Match", etag)
		require.Equal(t, http.StatusNotModified, again.StatusCode)
		require.Empty(t, again.body)
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			refused := w.call("", method, path, "")
			require.Equal(t, http.StatusMethodNotAllowed, refused.StatusCode, method)
			require.Equal(t, "GET, HEAD", refused.Header.Get("Allow"))
			require.Equal(t, "405 Method Not Allowed", refused.json(t)["detailCode"])
		}
	}
	require.Len(t, api.PublicPaths(), 4)
}

// Nothing beside it is: every route of the API asks who is there.
func TestNothingElseIsPublic(t *testing.T) {
	w := newWorld(t)
	for _, route := range api.Routes(w.api) {
		method, path, _ := strings.Cut(route, " ")
		require.NotContains(t, api.PublicPaths(), path)
		path = strings.NewReplacer("{id}", string(pat.NewID(w.alice.ID)), "{", "", "}", "").Replace(path)
		require.Equal(t, http.StatusUnauthorized, w.call("", method, path, "").StatusCode, route)
	}
	for _, path := range []string{"/api/v1/docs/", "/api/v1/docs/page.html", "/api/v1/openapi", "/v3/docs"} {
		require.Equal(t, http.StatusNotFound, w.call("", http.MethodGet, path, "").StatusCode, path)
	}
}
