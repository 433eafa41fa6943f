package tracing

import (
	"context"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"
)

// exporter counts what the collector takes, and logs the first failure of a row and its
// end. It never fails itself: OpenTelemetry would print that past the log.
type exporter struct {
	next          sdktrace.SpanExporter
	log           *zap.Logger
	taken, failed atomic.Uint64
	troubled      bool // of one goroutine at a time, as ExportSpans is called
}

var _ sdktrace.SpanExporter = (*exporter)(nil)

// ExportSpans implements sdktrace.SpanExporter.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.next.ExportSpans(ctx, spans)
	if err != nil {
		e.failed.Add(uint64(len(spans)))
	} else {
		e.taken.Add(uint64(len(spans)))
	}
	switch {
	case err != nil && !e.troubled:
		e.log.Warn("the collector does not take traces", zap.Error(err))
	case err == nil && e.troubled:
		e.log.Info("the collector takes traces again")
	}
	e.troubled = err != nil
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (e *exporter) Shutdown(ctx context.Context) error { return e.next.Shutdown(ctx) }
