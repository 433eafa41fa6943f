package faults

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// collector is an OpenTelemetry collector that keeps what it is sent.
type collector struct {
	*httptest.Server

	mu    sync.Mutex
	raw   bytes.Buffer
	spans []*tracepb.Span
}

// newCollector starts one that answers with status.
func newCollector(t *testing.T, status int) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var sent tracepb.TracesData // the same on the wire as the request of an export
		if err != nil || proto.Unmarshal(body, &sent) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = r.Header.Write(&c.raw) // a buffer takes all
		c.raw.Write(body)
		for _, resource := range sent.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(c.Close)
	return c
}

// config has everything traced.
func (c *collector) config() string {
	return `telemetry: {tracesEndpoint: "` + c.URL + `/v1/traces", tracesRatio: 1}` + "\n"
}

func (c *collector) everything() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.raw.Bytes())
}

func (c *collector) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.spans)
}

// of returns the spans of a trace, by name.
func (c *collector) of(trace string) map[string]*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[string]*tracepb.Span{}
	for _, span := range c.spans {
		if hex.EncodeToString(span.GetTraceId()) == trace {
			found[span.GetName()] = span
		}
	}
	return found
}

// metrics returns what the server tells Prometheus.
func (s *served) metrics(t *testing.T) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.admin+"/metrics", nil)
	require.NoError(t, err)
	request.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	response, err := s.client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	return string(text)
}

// A trace goes on under the caller's span, through door, pipeline and store, under the id that
// the log, the audit trail and an exemplar have too.
func TestOneTrace(t *testing.T) {
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	traces := newCollector(t, http.StatusOK)
	server := serve(t, t.TempDir(), "", traces.config())
	traceparent := header("Traceparent", "00-"+trace+"-"+parent+"-00")
	got := server.send(t, http.MethodPost, pathToken, exchangeForm(server.token), header("Content-Type", formType), traceparent)
	require.Equal(t, http.StatusOK, got.status)
	refused := server.send(t, http.MethodGet, pathTokens+"/"+strings.Repeat("0", 32), "", bearer(server.token))
	testenv.Wait(t, soon, func() bool { return strings.Contains(server.metrics(t), `trace_id="`+trace+`"`) })
	server.Stop()

	spans := traces.of(trace)
	door, use := spans["/oauth2/token"], spans["exchange"]
	require.NotNil(t, door)
	require.NotNil(t, use)
	require.Equal(t, parent, hex.EncodeToString(door.GetParentSpanId()))
	require.Equal(t, door.GetSpanId(), use.GetParentSpanId())
	for _, name := range []string{"uses.use", "mint"} {
		require.Contains(t, spans, name)
		require.Equal(t, use.GetSpanId(), spans[name].GetParentSpanId(), name)
	}
	require.Contains(t, server.Stderr(), `"tracking_id":"`+trace+`"`)
	recorded := false
	for _, e := range trail(t, server.auditDir()) {
		recorded = recorded || e["tracking_id"] == trace && e["event"] == "PERSONAL_ACCESS_TOKEN_USED"
	}
	require.True(t, recorded)
	require.Contains(t, traces.of(refused.member("trackingId")), "GET /api/v1/personal-access-tokens/{id}", "the trackingId of an error is its trace")
	for _, span := range traces.spans {
		for _, value := range span.GetAttributes() {
			require.Contains(t, []string{
				"http.request.method", "http.route", "http.response.status_code", "cambio.outcome", "cambio.cause",
			}, value.GetKey(), "what a span tells is a short list")
		}
	}
}

// A collector that refuses, hangs or is gone disturbs no request, nor the end of the server.
func TestCollectorIsGone(t *testing.T) {
	refusing := newCollector(t, http.StatusServiceUnavailable)
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the end of the connection is not seen
		<-r.Context().Done()
	}))
	t.Cleanup(hung.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, url := range map[string]string{"refuses": refusing.URL, "hangs": hung.URL, "is gone": gone.URL} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, t.TempDir(), "", `telemetry: {tracesEndpoint: "`+url+`/v1/traces", tracesRatio: 1}`+"\n")
			for range 50 {
				got := server.send(t, http.MethodPost, pathToken, exchangeForm(server.token), header("Content-Type", formType))
				require.Equal(t, http.StatusOK, got.status)
			}
			server.Stop()
			require.Zero(t, server.ExitCode())
		})
	}
}
