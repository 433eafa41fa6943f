package forwardauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/forwardauth"
)

// BenchmarkReuse answers with a kept JWT, without a network.
func BenchmarkReuse(b *testing.B) {
	w := newWorld(b)
	made, _ := w.create()
	door, err := forwardauth.New(forwardauth.Config{Exchanger: w.exchanger, Trusted: netip.Addr.IsLoopback, Now: w.clock.now, Logger: zap.NewNop()})
	require.NoError(b, err)
	request := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	request.Header.Set("Authorization", "Bearer "+reveal(made))
	b.ReportAllocs()
	for b.Loop() {
		out := httptest.NewRecorder()
		door.ServeHTTP(out, request)
		if out.Code != http.StatusOK {
			b.Fatal(out.Code)
		}
	}
}
