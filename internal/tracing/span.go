package tracing

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Key names a value of a span. There are no others, so that it is plain what a trace tells.
type Key string

// The keys; those of HTTP are OpenTelemetry's.
const (
	Method Key = "http.request.method"
	Route  Key = "http.route"
	// Outcome and Cause say how a use of a token ended.
	Outcome Key = "cambio.outcome"
	Cause   Key = "cambio.cause"
)

const statusKey = "http.response.status_code"

// Span is one piece of work in a trace. The zero Span is none, and its methods do nothing.
type Span struct{ span trace.Span }

// Recorded reports whether there is a span.
func (s Span) Recorded() bool { return s.span != nil }

// Rename gives the span the name it should have had, now that it is known.
func (s Span) Rename(name string) {
	if s.span != nil {
		s.span.SetName(name)
	}
}

// Set tells a value, which is a constant of this program or a route.
func (s Span) Set(key Key, value string) {
	if s.span != nil {
		s.span.SetAttributes(attribute.String(string(key), value))
	}
}

// Status tells how a request was answered.
func (s Span) Status(status int) {
	if s.span != nil {
		s.span.SetAttributes(attribute.Int(statusKey, status))
	}
}

// End ends the span. A failure is one of ours, not a refusal; its text stays in the log.
func (s Span) End(failed bool) {
	if s.span == nil {
		return
	}
	if failed {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}
