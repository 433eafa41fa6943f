// Package tracing makes the spans of requests and sends them to a collector by OTLP over
// HTTP. It is the only package that knows OpenTelemetry.
//
//	Tracer.Begin ──▶ ctx with the span of a request, if it is sampled
//	Start(ctx)   ──▶ a span below it, or nothing: then it costs one look into ctx
//	Span.End     ──▶ a queue of bounded length ──▶ the collector
//
// A request is sampled or not when it begins; one that is not carries nothing along. A
// collector that is slow or gone costs spans, never a request.
//
// It refuses to know what a request is about. Names and values of spans are constants of
// this program, routes and status codes: no path, no id, no address, no text of an error,
// so that nothing a client sent reaches a trace.
package tracing
