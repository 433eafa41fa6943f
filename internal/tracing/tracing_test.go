package tracing_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/protobuf/proto"

	"github.com/cambio-sts/cambio/internal/tracing"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
)

// collector is one, which answers with status.
type collector struct {
	*httptest.Server

	mu     sync.Mutex
	status int
	spans  []*tracepb.Span
}

func newCollector(t *testing.T, status int) *collector {
	t.Helper()
	c := &collector{status: status}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var data tracepb.TracesData // the same on the wire as a request of the export
		if err := proto.Unmarshal(body, &data); err != nil || r.URL.Path != "/v1/traces" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range data.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
		w.WriteHeader(c.status)
	}))
	t.Cleanup(c.Close)
	return c
}

func newTracer(t *testing.T, c *collector, ratio float64, log *zap.Logger) *tracing.Tracer {
	t.Helper()
	tracer, err := tracing.New(t.Context(), tracing.Config{Endpoint: c.URL + "/v1/traces", Ratio: ratio, Version: "v1", Logger: log})
	require.NoError(t, err)
	return tracer
}

// Spans of a request have the trace and the parent that it came with, and each other.
func TestSpansAreSent(t *testing.T) {
	sent := newCollector(t, http.StatusOK)
	tracer := newTracer(t, sent, 1, nil)
	ctx, request := tracer.Begin(t.Context(), tracing.Parent{TraceID: traceID, SpanID: spanID})
	require.Equal(t, traceID, tracing.ID(ctx))
	require.False(t, trace.SpanContextFromContext(ctx).IsValid(), "libraries do not find it, and add no spans of theirs")
	_, below := tracing.Start(ctx, "uses.use")
	below.Set(tracing.Cause, "network")
	below.End(true)
	request.Rename("POST /oauth2/token")
	request.Status(http.StatusForbidden)
	request.End(false)
	require.NoError(t, tracer.Close(t.Context()))

	require.Len(t, sent.spans, 2)
	child, parent := sent.spans[0], sent.spans[1]
	require.Equal(t, []string{"uses.use", "POST /oauth2/token"}, []string{child.GetName(), parent.GetName()})
	require.Equal(t, parent.GetSpanId(), child.GetParentSpanId())
	require.Equal(t, []byte{0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7}, parent.GetParentSpanId())
	require.Equal(t, parent.GetTraceId(), child.GetTraceId())
	require.Equal(t, tracepb.Status_STATUS_CODE_ERROR, child.GetStatus().GetCode())
	require.Equal(t, tracepb.Span_SPAN_KIND_SERVER, parent.GetKind())
	taken, failed := tracer.Sent()
	require.Equal(t, []uint64{2, 0}, []uint64{taken, failed})
}

// A trace that begins here has the id that it is given.
func TestTraceBeginsHere(t *testing.T) {
	tracer := newTracer(t, newCollector(t, http.StatusOK), 1, nil)
	ctx, span := tracer.Begin(t.Context(), tracing.Parent{TraceID: traceID})
	require.Equal(t, traceID, tracing.ID(ctx))
	span.End(false)
	require.NoError(t, tracer.Close(t.Context()))
}

// What is not sampled has no spans and costs no memory.
func TestNotSampled(t *testing.T) {
	sent := newCollector(t, http.StatusOK)
	for name, tracer := range map[string]*tracing.Tracer{"off": nil, "ratio 0": newTracer(t, sent, 0, nil)} {
		t.Run(name, func(t *testing.T) {
			ctx, span := tracer.Begin(t.Context(), tracing.Parent{TraceID: traceID, SpanID: spanID})
			require.False(t, span.Recorded())
			require.Empty(t, tracing.ID(ctx))
			require.Zero(t, testing.AllocsPerRun(100, func() {
				ctx, span := tracer.Begin(ctx, tracing.Parent{TraceID: traceID, SpanID: spanID})
				_, below := tracing.Start(ctx, "uses.use")
				below.Set(tracing.Cause, "network")
				below.End(true)
				span.Status(http.StatusOK)
				span.End(false)
			}))
			require.NoError(t, tracer.Close(t.Context()))
		})
	}
	require.Empty(t, sent.spans)
}

// A caller who is believed decides; else about as many are sampled as the ratio says.
func TestSampling(t *testing.T) {
	tracer := newTracer(t, newCollector(t, http.StatusOK), 0.01, nil)
	_, span := tracer.Begin(t.Context(), tracing.Parent{TraceID: traceID, SpanID: spanID, Sampled: true})
	require.True(t, span.Recorded())
	sampled := 0
	for range 20_000 {
		if _, span := tracer.Begin(t.Context(), tracing.Parent{TraceID: traceID}); span.Recorded() {
			sampled++
		}
	}
	require.InDelta(t, 200, sampled, 90) // more than six standard deviations
	require.NoError(t, tracer.Close(t.Context()))
}

// A collector that refuses is counted and logged once.
func TestCollectorThatFails(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	refusing := newCollector(t, http.StatusBadRequest)
	tracer := newTracer(t, refusing, 1, zap.New(core))
	_, span := tracer.Begin(t.Context(), tracing.Parent{TraceID: traceID})
	span.End(false)
	require.NoError(t, tracer.Close(t.Context()))
	taken, failed := tracer.Sent()
	require.Equal(t, []uint64{0, 1}, []uint64{taken, failed})
	require.Equal(t, 1, logs.FilterMessage("the collector does not take traces").Len())
}

func TestConfig(t *testing.T) {
	for name, config := range map[string]tracing.Config{
		"no endpoint": {Ratio: 1}, "above 1": {Endpoint: "http://127.0.0.1:1", Ratio: 1.1}, "below 0": {Endpoint: "http://127.0.0.1:1", Ratio: -0.1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tracing.New(t.Context(), config)
			require.Error(t, err)
		})
	}
}

// BenchmarkTraced is what a request costs that is traced, with three spans below it, the
// sending to a collector of this process included.
func BenchmarkTraced(b *testing.B) {
	taking := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	b.Cleanup(taking.Close)
	for name, ratio := range map[string]float64{"all": 1, "one in a hundred": 0.01, "none": 0} {
		b.Run(name, func(b *testing.B) {
			tracer, err := tracing.New(b.Context(), tracing.Config{Endpoint: taking.URL + "/v1/traces", Ratio: ratio})
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				ctx, request := tracer.Begin(b.Context(), tracing.Parent{TraceID: traceID, SpanID: spanID})
				ctx, use := tracing.Start(ctx, "exchange")
				for _, name := range []string{"uses.use", "mint"} {
					_, span := tracing.Start(ctx, name)
					span.End(false)
				}
				use.Set(tracing.Cause, "none")
				use.End(false)
				request.Set(tracing.Route, "/oauth2/token")
				request.Status(http.StatusOK)
				request.End(false)
			}
			require.NoError(b, tracer.Close(b.Context()))
		})
	}
}
