package httpx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/tracing"
)

// Lines says of which requests a line is logged; the zero value, of all.
type Lines string

// The choices.
const (
	LinesAll    Lines = "all"
	LinesErrors Lines = "errors" // of those answered with a status of 400 and above
	LinesNone   Lines = "none"   // of none, but faults of ours, 500 and above
)

// Observer is told of each request. Its methods do not block. Route is a pattern, never a
// path; trace is the id of its trace if it is sampled, else empty.
type Observer interface {
	RequestBegan()
	RequestEnded(route string, status int, took time.Duration, trace string)
}

// ShellConfig is what NewShell needs. All but Draining, Observer, Tracer and Lines is
// required.
type ShellConfig struct {
	Next    http.Handler // the routes; a *http.ServeMux, whose patterns are logged
	Logger  *zap.Logger
	Now     func() time.Time
	Trusted TrustedProxies
	// Fault answers a request whose handler panicked before it had answered: with
	// status 500 and the error shape of the door the path belongs to.
	Fault http.HandlerFunc
	// Draining is closed once the process is to end; from then on each answer ends
	// its connection, so that no client sends on one about to be closed. It is
	// Group.Draining; nil means never.
	Draining <-chan struct{}
	Observer Observer        // nil: none
	Tracer   *tracing.Tracer // nil: none
	Lines    Lines
}

// shell is what surrounds every handler.
type shell struct {
	ShellConfig
	// One slice serves all requests: it has no spare capacity, so an Add copies it,
	// and a Set replaces it.
	nosniff, noStore, noReferrer []string
}

// NewShell returns the handler around all routes. For each request it
//
//   - names it: the trace id of a valid traceparent, else 16 random bytes;
//   - keeps its origin for OriginFrom and ClientAddrFrom;
//   - sets nosniff, Referrer-Policy and, for handlers to override, no-store;
//   - answers `Connection: close` to whatever may hide a second request;
//   - turns a panic into Fault and a log entry with the stack;
//   - writes one log line, with what handlers add to RequestLogFrom;
//   - begins its span, if it is sampled, and tells the observer.
//
// Neither paths, query strings nor bodies are logged.
func NewShell(cfg ShellConfig) http.Handler {
	return &shell{
		ShellConfig: cfg,
		nosniff:     []string{"nosniff"},
		noStore:     []string{"no-store"},
		noReferrer:  []string{"no-referrer"},
	}
}

// ServeHTTP implements http.Handler.
func (s *shell) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := s.Now()
	parent := readParent(r.Header)
	addr, origin := s.origin(r, parent.TraceID)
	x := newExchange(w, addr, origin)
	r = r.WithContext(s.begin(x.within(r.Context()), x, r, parent))
	s.setHeaders(w.Header(), r)

	finished := false
	defer func() {
		if finished {
			s.finish(x, r, start)
			return
		}
		s.recovered(x, r, start, recover())
	}()
	s.Next.ServeHTTP(x, r)
	finished = true
}

func (s *shell) origin(r *http.Request, trackingID string) (netip.Addr, audit.Origin) {
	addr := ClientIP(r, s.Trusted)
	origin := audit.Origin{
		UserAgent:  printable(r.Header.Get("User-Agent"), maxUserAgent),
		TrackingID: trackingID,
	}
	if addr.IsValid() {
		origin.IP = textOf(addr, r.RemoteAddr)
	}
	return addr, origin
}

// textOf is addr as text: the beginning of remote, if that is it.
func textOf(addr netip.Addr, remote string) string {
	var buf [64]byte
	text := addr.AppendTo(buf[:0])
	if len(remote) > len(text) && remote[:len(text)] == string(text) && remote[len(text)] == ':' {
		return remote[:len(text)]
	}
	return string(text)
}

// begin tells the observer, and begins the span. That the caller samples the trace counts
// if it is a proxy that is trusted: anybody else could have all of theirs recorded.
func (s *shell) begin(ctx context.Context, x *exchange, r *http.Request, parent tracing.Parent) context.Context {
	if s.Observer != nil {
		s.Observer.RequestBegan()
	}
	if s.Tracer == nil {
		return ctx
	}
	if parent.Sampled {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		parent.Sampled = err == nil && s.Trusted.Contain(normal(peer.Addr()))
	}
	ctx, x.span = s.Tracer.Begin(ctx, parent)
	return ctx
}

// finish writes the log line, ends the span and tells the observer.
func (s *shell) finish(x *exchange, r *http.Request, start time.Time) {
	took, pattern, status := s.Now().Sub(start), route(r), x.answered()
	if s.logs(status) {
		x.finish(s.Logger, r, pattern, took)
	} else {
		x.log.end()
	}
	trace := ""
	if x.span.Recorded() {
		trace = x.log.origin.TrackingID
		x.span.Rename(pattern)
		x.span.Set(tracing.Route, pattern)
		x.span.Set(tracing.Method, knownMethod(r.Method))
		x.span.Status(status)
		x.span.End(status >= http.StatusInternalServerError)
	}
	if s.Observer != nil {
		s.Observer.RequestEnded(pattern, status, took, trace)
	}
}

// logs reports whether a request that was answered so has a line.
func (s *shell) logs(status int) bool {
	switch s.Lines {
	case LinesErrors:
		return status >= http.StatusBadRequest
	case LinesNone:
		return status >= http.StatusInternalServerError
	default:
		return true
	}
}

func (s *shell) setHeaders(h http.Header, r *http.Request) {
	h["X-Content-Type-Options"] = s.nosniff
	h["Cache-Control"] = s.noStore
	h["Referrer-Policy"] = s.noReferrer
	if s.mustClose(r) {
		h.Set("Connection", "close")
	}
}

// mustClose reports whether the connection has to end with this answer.
//
// net/http lets Transfer-Encoding win over Content-Length and takes what follows
// the last chunk for the next request, where a proxy in front may have seen one
// body; it also drops Transfer-Encoding from HTTP/1.0 requests unseen. Ending the
// connection leaves nothing that could be executed (RFC 9112 §6.1).
func (s *shell) mustClose(r *http.Request) bool {
	if len(r.TransferEncoding) > 0 || r.ProtoMajor == 1 && r.ProtoMinor == 0 {
		return true
	}
	select {
	case <-s.Draining:
		return true
	default:
		return false
	}
}

// recovered answers and logs a panic. What the handler had put into the header
// goes with it. Where the answer has begun already, the connection is aborted so
// that the client cannot take the rest for whole.
func (s *shell) recovered(x *exchange, r *http.Request, start time.Time, cause any) {
	err, isError := cause.(error)
	aborted := isError && errors.Is(err, http.ErrAbortHandler)
	if !aborted {
		s.Logger.Error("panic in a handler",
			zap.String("cause", printable(fmt.Sprint(cause), maxReport)),
			zap.String("tracking_id", x.log.origin.TrackingID),
			zap.Stack("stack"))
	}
	begun := x.status != 0
	if !aborted && !begun {
		clear(x.Header())
		s.setHeaders(x.Header(), r)
		s.Fault(x, r)
	}
	s.finish(x, r, start)
	if aborted || begun {
		panic(http.ErrAbortHandler)
	}
}

// readParent reads the one traceparent (W3C Trace Context §3.2). Without a valid one the
// trace has a fresh id and begins here.
func readParent(h http.Header) tracing.Parent {
	const (
		traceAt, parentAt, flagsAt = 3, 36, 53
		length                     = 55
	)
	values := h["Traceparent"]
	if len(values) != 1 || len(values[0]) < length {
		return tracing.Parent{TraceID: id.New()}
	}
	v := values[0]
	version, trace, parent, flags := v[:2], v[traceAt:parentAt-1], v[parentAt:flagsAt-1], v[flagsAt:length]
	switch {
	case v[2] != '-', v[parentAt-1] != '-', v[flagsAt-1] != '-',
		!isHex(version), !isHex(parent), !isHex(flags), !id.Valid(trace),
		strings.Trim(trace, "0") == "", strings.Trim(parent, "0") == "",
		version == "ff",
		version == "00" && len(v) != length,
		len(v) > length && v[length] != '-':
		return tracing.Parent{TraceID: id.New()}
	}
	return tracing.Parent{TraceID: trace, SpanID: parent, Sampled: sampled(flags)}
}

// sampled reports whether the lowest of the flags, two hex digits, is set.
func sampled(flags string) bool { return strings.IndexByte("13579bdf", flags[1]) >= 0 }

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// AllowMethods passes requests with one of the methods on. To any other it sets
// Allow and calls refuse, which writes the 405 of the door (RFC 9110 §15.5.6).
// HEAD is a method of its own here: list it beside GET only where the answer is
// static, since it runs the handler.
func AllowMethods(next http.Handler, refuse http.HandlerFunc, methods ...string) http.Handler {
	allow := strings.Join(methods, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(methods, r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Allow", allow)
		refuse(w, r)
	})
}
