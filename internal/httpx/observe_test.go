package httpx_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/tracing"
)

const knownTrace = "0123456789abcdef0123456789abcdef"

// seen keeps what an observer is told.
type seen struct {
	began int
	ended []string
}

func (s *seen) RequestBegan() { s.began++ }

func (s *seen) RequestEnded(route string, status int, took time.Duration, trace string) {
	s.ended = append(s.ended, fmt.Sprint(route, " ", status, " ", took, " ", trace))
}

// observedShell is a shell around a route whose answers have the status of their path.
func observedShell(t *testing.T, change func(*httpx.ShellConfig)) (http.Handler, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status/{status}", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		var status int
		_, _ = fmt.Sscan(r.PathValue("status"), &status) // 0 then
		if status == 0 {
			panic("no status")
		}
		w.WriteHeader(status)
	})
	trusted, err := httpx.ParseTrustedProxies([]string{"10.0.0.0/8"})
	require.NoError(t, err)
	config := httpx.ShellConfig{
		Next: mux, Logger: zap.New(core), Now: time.Now, Trusted: trusted,
		Fault: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	}
	change(&config)
	return httpx.NewShell(config), logs
}

// An observer is told of each request once, by its route, also of one that panics or has none.
func TestShellTellsTheObserver(t *testing.T) {
	told := &seen{}
	shell, _ := observedShell(t, func(config *httpx.ShellConfig) { config.Observer = told })
	synctest.Test(t, func(t *testing.T) {
		for _, path := range []string{"/status/204", "/status/404", "/status/x", "/nowhere"} {
			shell.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, http.NoBody))
		}
	})
	require.Equal(t, 4, told.began)
	require.Equal(t, []string{"GET /status/{status} 204 1s ", "GET /status/{status} 404 1s ", "GET /status/{status} 500 1s ", "unmatched 404 0s "}, told.ended)
}

func TestShellLogsWhatIsWanted(t *testing.T) {
	for lines, want := range map[httpx.Lines][]int64{
		"": {204, 302, 404, 503}, httpx.LinesAll: {204, 302, 404, 503}, httpx.LinesErrors: {404, 503}, httpx.LinesNone: {503},
	} {
		shell, logs := observedShell(t, func(config *httpx.ShellConfig) { config.Lines = lines })
		synctest.Test(t, func(t *testing.T) {
			for _, status := range []int{204, 302, 404, 503} {
				shell.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, fmt.Sprint("/status/", status), http.NoBody))
			}
		})
		var logged []int64
		for _, entry := range logs.All() {
			status, ok := entry.ContextMap()["status"].(int64)
			require.True(t, ok)
			logged = append(logged, status)
		}
		require.Equal(t, want, logged, lines)
	}
}

// That a caller samples its trace counts from a proxy that is trusted, and then only if the
// flag is set.
func TestShellBelievesProxiesThatSample(t *testing.T) {
	tracer, err := tracing.New(t.Context(), tracing.Config{Endpoint: "http://127.0.0.1:1/v1/traces", Ratio: 0})
	require.NoError(t, err)
	t.Cleanup(func() { _ = tracer.Close(t.Context()) }) // nobody takes what it sends
	told := &seen{}
	shell, _ := observedShell(t, func(config *httpx.ShellConfig) { config.Observer, config.Tracer = told, tracer })
	for _, c := range []struct{ peer, flags, trace string }{
		{"10.1.2.3:4", "01", knownTrace},
		{"10.1.2.3:4", "03", knownTrace},
		{"10.1.2.3:4", "00", ""},
		{"10.1.2.3:4", "02", ""},
		{"192.0.2.1:4", "01", ""},
		{"pipe", "01", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/nowhere", http.NoBody)
		r.RemoteAddr = c.peer
		r.Header.Set("Traceparent", "00-"+knownTrace+"-0123456789abcdef-"+c.flags)
		told.ended = nil
		shell.ServeHTTP(httptest.NewRecorder(), r)
		require.Len(t, told.ended, 1)
		require.Regexp(t, " "+c.trace+"$", told.ended[0], c)
		require.Equal(t, c.trace != "", len(told.ended[0]) > len(knownTrace), c)
	}
}
