package httpx_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestAllocations holds what is around a handler: tracking id, origin, headers and the log
// line.
func TestAllocations(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httpx.RequestLogFrom(r.Context()).Add(zap.String("outcome", "success"))
		w.WriteHeader(http.StatusOK)
	})
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(nopSink{}), zap.InfoLevel)
	shell := httpx.NewShell(httpx.ShellConfig{Next: handler, Logger: zap.New(core), Now: time.Now})
	r := post("/oauth2/token", urlencoded, "")
	r.Header.Set("User-Agent", "curl/8.5.0")
	w := nopWriter{http.Header{}}
	require.LessOrEqual(t, testenv.Allocations(t, func() { shell.ServeHTTP(w, r) }), 5.0)
}
