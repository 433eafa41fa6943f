package authz_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestAllocations holds what the token endpoint takes: the form, the exchange without the
// signature and a store, and the answer.
func TestAllocations(t *testing.T) {
	w := newWorld(t, unwatched, func(c *exchange.Config, _ *authz.Config) { c.Signer = unsigned{} })
	body := exchangeForm(w.token(alice, nil)).Encode()
	template := httptest.NewRequest(http.MethodPost, authz.PathToken, nil)
	template.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	ctx := httpx.WithOrigin(t.Context(), audit.Origin{IP: "192.0.2.1", UserAgent: "test"})
	writer := &discard{http.Header{}}
	require.LessOrEqual(t, testenv.Allocations(t, func() {
		r := template.WithContext(ctx)
		r.Body, r.ContentLength = readCloserOf(body), int64(len(body))
		w.bare.ServeHTTP(writer, r)
	}), 44.0)
}
