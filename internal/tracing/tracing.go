package tracing

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

const (
	serviceName = "cambio"
	// exportTimeout bounds one attempt to send a batch, with its retries.
	exportTimeout = 10 * time.Second
	// queueSpans is how many ended spans wait at most; more are dropped.
	queueSpans = 4096
)

// Config is what a Tracer needs; all of it but Logger.
type Config struct {
	Endpoint string  // URL of the collector, as https://otel.example.com:4318/v1/traces
	Ratio    float64 // of the requests, 0 to 1
	Version  string  // of the program
	Logger   *zap.Logger
}

// Tracer begins traces. A nil *Tracer begins none. It is safe to share.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	exporter *exporter
	ratio    float64
}

// New returns a Tracer. It connects to nothing before there is a span to send.
func New(ctx context.Context, config Config) (*Tracer, error) {
	if config.Endpoint == "" || config.Ratio < 0 || config.Ratio > 1 {
		return nil, errors.New("tracing: an endpoint and a ratio from 0 to 1 are needed")
	}
	if config.Logger == nil {
		config.Logger = zap.NewNop()
	}
	client, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(config.Endpoint), otlptracehttp.WithTimeout(exportTimeout))
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	sending := &exporter{next: client, log: config.Logger}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.AlwaysSample()), // Begin has decided
		sdktrace.WithIDGenerator(ids{}),
		sdktrace.WithBatcher(sending, sdktrace.WithMaxQueueSize(queueSpans), sdktrace.WithExportTimeout(exportTimeout)),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", serviceName), attribute.String("service.version", config.Version),
		)),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer(serviceName), exporter: sending, ratio: config.Ratio}, nil
}

// Close sends what waits, as long as ctx lets it.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Sent returns how many spans the collector took, and how many it did not.
func (t *Tracer) Sent() (taken, failed uint64) {
	if t == nil {
		return 0, 0
	}
	return t.exporter.taken.Load(), t.exporter.failed.Load()
}

// Parent is where a request stands in a trace (W3C Trace Context §3.2).
type Parent struct {
	TraceID string // 32 lowercase hex characters
	SpanID  string // 16 of the caller's span; empty: there is none
	// Sampled says that the caller, who is believed, records this trace.
	Sampled bool
}

// Begin begins the span of a request that came in, if it is sampled, and returns ctx with
// it. The trace has the id of p.
func (t *Tracer) Begin(ctx context.Context, p Parent) (context.Context, Span) {
	if t == nil || !p.Sampled && !t.draw() {
		return ctx, Span{}
	}
	traceID, err := trace.TraceIDFromHex(p.TraceID)
	if err != nil {
		return ctx, Span{}
	}
	above := context.Background()
	if spanID, err := trace.SpanIDFromHex(p.SpanID); err == nil {
		above = trace.ContextWithRemoteSpanContext(above, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: traceID, SpanID: spanID, TraceFlags: trace.FlagsSampled, Remote: true,
		}))
	} else {
		above = context.WithValue(above, rootKey{}, traceID)
	}
	_, span := t.tracer.Start(above, "request", trace.WithSpanKind(trace.SpanKindServer))
	return with(ctx, span)
}

// spanKey is where a span lies in a context. It is not where OpenTelemetry looks: fosite and
// others would make spans of their own below it, with texts of errors in them.
type spanKey struct{}

func with(ctx context.Context, span trace.Span) (context.Context, Span) {
	return context.WithValue(ctx, spanKey{}, span), Span{span}
}

// Asked reports whether key is how a context is asked for its span. One that lies around
// all spans can answer at once that it has none: those within it are met first.
func Asked(key any) bool { return key == spanKey{} }

// from returns the span of ctx; nil if there is none.
func from(ctx context.Context) trace.Span {
	span, _ := ctx.Value(spanKey{}).(trace.Span)
	return span
}

// draw samples by a die and not by the trace id: that is the client's to choose.
func (t *Tracer) draw() bool {
	return t.ratio > 0 && rand.Float64() < t.ratio //nolint:gosec // it only samples
}

// Start begins a span below the one of ctx; nothing if there is none.
func Start(ctx context.Context, name string) (context.Context, Span) {
	parent := from(ctx)
	if parent == nil {
		return ctx, Span{}
	}
	_, span := parent.TracerProvider().Tracer(serviceName).Start(trace.ContextWithSpan(context.Background(), parent), name)
	return with(ctx, span)
}

// ID returns the id of the trace that ctx belongs to; empty if it is not sampled.
func ID(ctx context.Context) string {
	span := from(ctx)
	if span == nil {
		return ""
	}
	return span.SpanContext().TraceID().String()
}

// rootKey is where Begin leaves the id of a trace that begins here.
type rootKey struct{}

// ids names spans at random, and a trace as Begin says.
type ids struct{}

var _ sdktrace.IDGenerator = ids{}

// NewIDs implements sdktrace.IDGenerator.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, _ := ctx.Value(rootKey{}).(trace.TraceID)
	return id, ids{}.NewSpanID(ctx, id)
}

// NewSpanID implements sdktrace.IDGenerator.
func (ids) NewSpanID(context.Context, trace.TraceID) trace.SpanID {
	var id trace.SpanID
	for !id.IsValid() {
		binary.BigEndian.PutUint64(id[:], rand.Uint64()) //nolint:gosec // it only names
	}
	return id
}
