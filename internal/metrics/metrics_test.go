package metrics_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/metrics"
)

const trace = "4bf92f3577b34da6a3ce929d0e0e4736"

func newMetrics() *metrics.Metrics {
	return metrics.New(metrics.Config{
		Version: "v1.2.3", GoVersion: "go1.26", Door: func(string) string { return "oauth" }, Ops: []string{"uses.use"}, Uses: []string{"exchange"},
		Causes: []metrics.Cause{{Outcome: "success", Cause: "none"}, {Outcome: "refused", Cause: "network"}},
		Limits: []string{"failures"}, Jobs: []string{"sweep"}, Now: func() time.Time { return time.UnixMilli(1_800_000_000_500) },
	})
}

func scrape(t *testing.T, m *metrics.Metrics, accept string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, w.Code, string(body))
	return string(body)
}

// everything has a source give each family that sources give, with some value of each label.
func everything(m *metrics.Metrics) {
	m.AddSource(func(emit metrics.Emit) {
		for _, family := range metrics.Families() {
			if !strings.Contains(counted, family.Name+" ") {
				emit(family.Name, 1, make([]string, len(family.Labels))...)
			}
		}
	})
}

// counted are the families that no source gives.
const counted = `cambio_http_requests_total cambio_http_request_duration_seconds cambio_http_requests_in_flight cambio_uses_total
cambio_use_duration_seconds cambio_store_call_duration_seconds cambio_store_failures_total cambio_rate_limit_refusals_total cambio_job_runs_total
cambio_job_last_success_timestamp_seconds cambio_build_info `

func TestFiguresAreExact(t *testing.T) {
	m := newMetrics()
	for range 3 {
		m.RequestBegan()
	}
	m.RequestEnded("POST /oauth2/token", 200, 3*time.Millisecond, "")
	m.RequestEnded("POST /oauth2/token", 403, time.Millisecond, "")
	m.UseEnded("exchange", "refused", "network", time.Millisecond, "")
	m.UseEnded("exchange", "refused", "made up", time.Millisecond, "")
	m.StoreCalled("uses.use", time.Millisecond, true, "")
	m.StoreCalled("uses.use", time.Millisecond, false, "")
	m.StoreCalled("unknown", time.Millisecond, true, "")
	m.Refused("failures")
	m.JobEnded("sweep", nil)
	m.JobEnded("sweep", errors.New("down"))
	text := scrape(t, m, "text/plain")
	for _, want := range []string{
		`cambio_http_requests_in_flight 1`,
		`cambio_http_requests_total{door="oauth",route="POST /oauth2/token",status="2xx"} 1`,
		`cambio_http_requests_total{door="oauth",route="POST /oauth2/token",status="4xx"} 1`,
		`cambio_http_request_duration_seconds_bucket{door="oauth",status="2xx",le="0.0025"} 0`,
		`cambio_http_request_duration_seconds_bucket{door="oauth",status="2xx",le="0.005"} 1`,
		`cambio_uses_total{cause="none",outcome="success",use="exchange"} 0`,
		`cambio_uses_total{cause="network",outcome="refused",use="exchange"} 1`,
		`cambio_uses_total{cause="other",outcome="fault",use="exchange"} 1`,
		`cambio_store_call_duration_seconds_count{op="uses.use"} 2`,
		`cambio_store_failures_total{op="uses.use"} 1`,
		`cambio_rate_limit_refusals_total{limit="failures"} 1`,
		`cambio_job_runs_total{job="sweep",result="success"} 1`,
		`cambio_job_runs_total{job="sweep",result="failure"} 1`,
		`cambio_job_last_success_timestamp_seconds{job="sweep"} 1.8000000005e+09`,
		`cambio_build_info{go_version="go1.26",version="v1.2.3"} 1`,
	} {
		require.Contains(t, text, want+"\n")
	}
	require.NotContains(t, text, "made up")
}

// Names, units and helps are as Prometheus wants them, and every family of the table is told.
func TestLint(t *testing.T) {
	m := newMetrics()
	everything(m)
	m.RequestEnded("GET /livez", 200, 0, "")
	text := scrape(t, m, "text/plain")
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
	for _, family := range metrics.Families() {
		require.Contains(t, text, "# TYPE "+family.Name+" "+string(family.Kind)+"\n")
		require.NotEmpty(t, family.Unit, family.Name)
	}
}

// The table in the documentation is the table in the program.
func TestReference(t *testing.T) {
	text, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	require.Contains(t, string(text), metrics.Reference(), "copy this into docs/metrics.md:\n%s", metrics.Reference())
}

func TestExemplarsNameTheTrace(t *testing.T) {
	m := newMetrics()
	m.RequestEnded("POST /oauth2/token", 200, time.Millisecond, trace)
	m.UseEnded("exchange", "success", "none", time.Millisecond, trace)
	m.StoreCalled("uses.use", time.Millisecond, false, trace)
	text := scrape(t, m, "application/openmetrics-text; version=1.0.0")
	require.Equal(t, 3, strings.Count(text, `# {trace_id="`+trace+`"} 0.001`), text)
	require.True(t, strings.HasSuffix(text, "# EOF\n"))
}

// Routes are few; were they not, there would be no more series all the same.
func TestNoRoutesWithoutEnd(t *testing.T) {
	m := newMetrics()
	for i := range 2000 {
		m.RequestEnded(fmt.Sprintf("GET /%d", i), 200, 0, "")
	}
	text := scrape(t, m, "text/plain")
	require.Equal(t, 513, strings.Count(text, "\ncambio_http_requests_total{"))
	require.Contains(t, text, `cambio_http_requests_total{door="oauth",route="other",status="2xx"} 1488`)
}

// A source that tells what no table has fails the scrape, so that a test finds it.
func TestUnknownFamilyFails(t *testing.T) {
	for name, source := range map[string]metrics.Source{
		"name":   func(emit metrics.Emit) { emit("cambio_made_up", 1) },
		"labels": func(emit metrics.Emit) { emit(metrics.SigningKeys, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMetrics()
			m.AddSource(source)
			w := httptest.NewRecorder()
			m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			require.Equal(t, http.StatusInternalServerError, w.Code)
		})
	}
}

// Whoever has no figures counts nothing, at no cost.
func TestNil(t *testing.T) {
	var m *metrics.Metrics
	require.Zero(t, testing.AllocsPerRun(10, func() { hotPath(m) }))
}

// What runs for each request takes no memory.
func TestNoAllocations(t *testing.T) {
	m := newMetrics()
	hotPath(m)
	require.Zero(t, testing.AllocsPerRun(100, func() { hotPath(m) }))
}

func hotPath(m *metrics.Metrics) {
	m.RequestBegan()
	m.StoreCalled("uses.use", time.Millisecond, false, "")
	m.UseEnded("exchange", "success", "none", time.Millisecond, "")
	m.Refused("failures")
	m.RequestEnded("POST /oauth2/token", 200, time.Millisecond, "")
}

func BenchmarkRequest(b *testing.B) {
	m := newMetrics()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			hotPath(m)
		}
	})
}
