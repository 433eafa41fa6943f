package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cambio-sts/cambio/internal/httpx"
)

// The trackingId of an error is the trace id of the request, and finds its line in
// the log; a request without one gets one of its own, in both places.
func TestTrackingIDFindsTheLogLine(t *testing.T) {
	w := newWorld(t)
	core, logs := observer.New(zap.InfoLevel)
	mux := http.NewServeMux()
	w.api.Register(mux)
	server := httptest.NewServer(httpx.NewShell(httpx.ShellConfig{Next: mux, Logger: zap.New(core), Now: w.clock.now, Fault: w.api.ServeFault}))
	t.Cleanup(server.Close)
	w.url = server.URL
	token := w.bearer(&w.alice)
	for _, header := range [][]string{{"traceparent", traceparent}, nil} {
		got := w.call(token, http.MethodGet, collection+"/unknown", "", header...)
		require.Equal(t, http.StatusNotFound, got.StatusCode)
		tracking := got.failure(t).TrackingID
		require.Equal(t, header != nil, tracking == traceparent[3:35])
		// So small an answer is sent once the handler is done, and with it the line.
		lines := logs.FilterMessage("request").FilterField(zap.String("tracking_id", tracking)).All()
		require.Len(t, lines, 1)
		require.Equal(t, int64(http.StatusNotFound), lines[0].ContextMap()["status"])
	}
}
