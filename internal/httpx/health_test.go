package httpx_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/httpx"
)

func TestHealth(t *testing.T) {
	w := httptest.NewRecorder()
	httpx.Livez().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/livez", nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.JSONEq(t, `{"status":"alive"}`, w.Body.String())

	synctest.Test(t, func(t *testing.T) {
		var broken error
		fine := httpx.Check{Name: "keys", Run: func(context.Context) error { return nil }}
		shell, logs := newShell(t, "/readyz", httpx.Readyz(
			fine,
			httpx.Check{Name: "store", Run: func(context.Context) error { return broken }},
			httpx.Check{Name: "slow", Run: func(ctx context.Context) error {
				if broken != nil {
					<-ctx.Done()
				}
				return ctx.Err()
			}},
		).ServeHTTP)

		w := httptest.NewRecorder()
		shell.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		require.Equal(t, http.StatusOK, w.Code)
		require.JSONEq(t, `{"status":"ready"}`, w.Body.String())

		broken = errors.New("dial 10.0.0.9:6379: refused")
		w = httptest.NewRecorder()
		shell.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		require.Equal(t, http.StatusServiceUnavailable, w.Code)
		require.JSONEq(t, `{"status":"not ready","failing":["store","slow"]}`, w.Body.String())
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		require.Contains(t, logs.All()[1].ContextMap()["check_store"], "10.0.0.9")
	})
}

func TestSetRetryAfter(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		0: "1", time.Nanosecond: "1", time.Second: "1", time.Second + 1: "2", 3 * time.Second: "3",
	} {
		h := http.Header{}
		httpx.SetRetryAfter(h, wait)
		require.Equal(t, want, h.Get("Retry-After"), wait)
	}
}
