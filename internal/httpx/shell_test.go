package httpx_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/tracing"
)

// newShell returns the shell around one route and what it logs.
func newShell(tb testing.TB, pattern string, handler http.HandlerFunc) (http.Handler, *observer.ObservedLogs) {
	tb.Helper()
	core, logs := observer.New(zap.DebugLevel)
	mux := http.NewServeMux()
	mux.HandleFunc(pattern, handler)
	return httpx.NewShell(httpx.ShellConfig{
		Next:   mux,
		Logger: zap.New(core),
		Now:    time.Now,
		Fault: func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "fault", http.StatusInternalServerError)
		},
	}), logs
}

func TestShellLogsOneLine(t *testing.T) {
	shell, logs := newShell(t, "POST /things/{id}", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		httpx.RequestLogFrom(r.Context()).Add(zap.String("outcome", "refused"), zap.Int("n", 2))
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte("hello"))
	})
	synctest.Test(t, func(t *testing.T) {
		r := post("/things/cambio_pat_x?token=secret", urlencoded, "password=secret")
		r.Header.Set("User-Agent", "curl\r\nforged: \x1b[31m \u2028\u202e"+strings.Repeat("ä", 300))
		r.Header.Set("Traceparent", "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
		shell.ServeHTTP(httptest.NewRecorder(), r)
	})
	require.Equal(t, 1, logs.Len())
	entry := logs.All()[0]
	require.Equal(t, "request", entry.Message)
	require.Equal(t, zap.InfoLevel, entry.Level)
	fields := entry.ContextMap()
	agent, ok := fields["user_agent"].(string)
	require.True(t, ok)
	require.True(t, strings.HasPrefix(agent, "curl??forged: ?[31m ??ä"), agent)
	require.LessOrEqual(t, len(agent), 256)
	delete(fields, "user_agent")
	require.Equal(t, map[string]any{
		"method": "POST", "route": "POST /things/{id}", "status": int64(400), "duration": time.Second, "bytes": int64(5),
		"ip": "192.0.2.1", "tracking_id": "0123456789abcdef0123456789abcdef", "outcome": "refused", "n": int64(2),
	}, fields)
}

func TestShellLogsWhatIsUnknownAsSuch(t *testing.T) {
	shell, logs := newShell(t, "GET /", func(http.ResponseWriter, *http.Request) {})
	shell.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("CAMBIO_PAT_SECRET", "/", nil))
	shell.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, "_OTHER", logs.All()[0].ContextMap()["method"])
	require.Equal(t, "unmatched", logs.All()[0].ContextMap()["route"])
	require.EqualValues(t, 405, logs.All()[0].ContextMap()["status"])
	require.EqualValues(t, 200, logs.All()[1].ContextMap()["status"])
}

func TestShellDropsWhatComesTooLate(t *testing.T) {
	release, done := make(chan struct{}), make(chan string)
	shell, logs := newShell(t, "/", func(_ http.ResponseWriter, r *http.Request) {
		go func(ctx context.Context) {
			<-release
			httpx.RequestLogFrom(ctx).Add(zap.String("late", "yes"))
			done <- httpx.ClientAddrFrom(ctx).String()
		}(r.Context())
	})
	shell.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	close(release)
	require.Equal(t, "192.0.2.1", <-done, "the origin outlives the request")
	require.NotContains(t, logs.All()[0].ContextMap(), "late")
}

// asked counts how often it is asked for a span.
type asked struct {
	context.Context //nolint:containedctx // it is one

	times *int
}

func (a asked) Value(key any) any {
	if tracing.Asked(key) {
		*a.times++
	}
	return a.Context.Value(key)
}

// That a request has no span is known without a walk through the contexts of net/http.
func TestShellHasNoSpanAround(t *testing.T) {
	var times int
	base := asked{t.Context(), &times}
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, span := tracing.Start(r.Context(), "work")
		require.False(t, span.Recorded())
	})
	shell := httpx.NewShell(httpx.ShellConfig{Next: handler, Logger: zap.NewNop(), Now: time.Now})
	shell.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody).WithContext(base))
	require.Zero(t, times)
	tracing.ID(base)
	require.Equal(t, 1, times, "it counts")
}

func TestShellTrackingID(t *testing.T) {
	const good = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
	for name, c := range map[string]struct {
		header []string
		taken  bool
	}{
		"good":                {[]string{good}, true},
		"a version to come":   {[]string{"01" + good[2:] + "-more"}, true},
		"none":                {nil, false},
		"two":                 {[]string{good, good}, false},
		"version ff":          {[]string{"ff" + good[2:]}, false},
		"version 00 and more": {[]string{good + "-more"}, false},
		"more without dash":   {[]string{"01" + good[2:] + "more"}, false},
		"upper case":          {[]string{strings.ToUpper(good)}, false},
		"no trace":            {[]string{"00-00000000000000000000000000000000-0123456789abcdef-01"}, false},
		"no parent":           {[]string{"00-0123456789abcdef0123456789abcdef-0000000000000000-01"}, false},
		"other separator":     {[]string{strings.ReplaceAll(good, "-", "_")}, false},
		"cut":                 {[]string{good[:54]}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			shell, _ := newShell(t, "/", func(_ http.ResponseWriter, r *http.Request) {
				got = httpx.OriginFrom(r.Context()).TrackingID
			})
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header["Traceparent"] = c.header
			shell.ServeHTTP(httptest.NewRecorder(), r)
			require.True(t, id.Valid(got), got)
			require.Equal(t, c.taken, got == good[3:35])
		})
	}
}

func TestShellSetsHeaders(t *testing.T) {
	shell, _ := newShell(t, "/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/static" {
			w.Header().Set("Cache-Control", "public, max-age=60")
		}
		w.Header().Add("Referrer-Policy", "origin")
	})
	for path, cache := range map[string]string{"/static": "public, max-age=60", "/": "no-store"} {
		w := httptest.NewRecorder()
		shell.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		require.Equal(t, cache, w.Header().Get("Cache-Control"))
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
		require.Equal(t, []string{"no-referrer", "origin"}, w.Header()["Referrer-Policy"])
		require.Empty(t, w.Header().Get("Connection"))
	}
}

func TestShellAnswersAPanic(t *testing.T) {
	shell, logs := newShell(t, "/{how}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "half=made")
		switch r.PathValue("how") {
		case "late":
			_, _ = w.Write([]byte("half"))
			panic("late\nline")
		case "abort":
			panic(http.ErrAbortHandler)
		}
		panic(errors.New("early\nline"))
	})
	w := httptest.NewRecorder()
	shell.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/early", nil))
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Equal(t, "fault\n", w.Body.String())
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Empty(t, w.Header().Get("Set-Cookie"))

	for _, path := range []string{"/late", "/abort"} {
		require.PanicsWithValue(t, http.ErrAbortHandler, func() {
			shell.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
		}, path)
	}

	panics := logs.FilterMessage("panic in a handler").All()
	require.Len(t, panics, 2, "an abort is no fault")
	require.Equal(t, "early?line", panics[0].ContextMap()["cause"])
	require.Contains(t, panics[0].ContextMap()["stack"], "TestShellAnswersAPanic")
	lines := logs.FilterMessage("request").All()
	require.Len(t, lines, 3)
	require.Equal(t, zap.WarnLevel, lines[0].Level)
	require.EqualValues(t, 500, lines[0].ContextMap()["status"])
}

func TestAllowMethods(t *testing.T) {
	passed := 0
	handler := httpx.AllowMethods(
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed++ }),
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) },
		http.MethodGet, http.MethodPost)
	for method, want := range map[string]int{
		"GET": 200, "POST": 200, "HEAD": 405, "PUT": 405, "OPTIONS": 405, "TRACE": 405, "get": 405, "BREW": 405,
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		require.Equal(t, want, w.Code, method)
		if want == http.StatusMethodNotAllowed {
			require.Equal(t, "GET, POST", w.Header().Get("Allow"))
		}
	}
	require.Equal(t, 2, passed)
}

// nopWriter is a response writer that costs nothing.
type nopWriter struct{ header http.Header }

func (w nopWriter) Header() http.Header       { return w.header }
func (nopWriter) Write(p []byte) (int, error) { return len(p), nil }
func (nopWriter) WriteHeader(int)             {}

func BenchmarkShell(b *testing.B) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		httpx.RequestLogFrom(r.Context()).Add(zap.String("outcome", "success"))
		w.WriteHeader(http.StatusOK)
	})
	discard := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(nopSink{}), zap.InfoLevel)
	shell := httpx.NewShell(httpx.ShellConfig{Next: mux, Logger: zap.New(discard), Now: time.Now})
	r := post("/oauth2/token", urlencoded, "")
	r.Header.Set("User-Agent", "curl/8.5.0")
	for name, handler := range map[string]http.Handler{"mux alone": mux, "shell": shell} {
		b.Run(name, func(b *testing.B) {
			w := nopWriter{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				handler.ServeHTTP(w, r)
			}
		})
	}
}

type nopSink struct{}

func (nopSink) Write(p []byte) (int, error) { return len(p), nil }
