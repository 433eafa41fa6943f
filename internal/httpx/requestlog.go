package httpx

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/tracing"
)

const (
	// ownFields is how many fields every line has, room beside them for what
	// handlers add without another allocation.
	ownFields, roomForFields = 8, 12

	// otherMethod stands for a method that is not one of HTTP's own, which may be
	// any text (OpenTelemetry semantic conventions).
	otherMethod = "_OTHER"
)

type logKey struct{}

// RequestLog is the one log line of a request, filled on the way and written at
// its end. A nil *RequestLog swallows what it is given. It is safe for
// concurrent use; what comes after the end of the request is dropped.
type RequestLog struct {
	origin audit.Origin
	addr   netip.Addr

	mu     sync.Mutex
	ended  bool
	fields []zap.Field
	inline [roomForFields]zap.Field
}

// RequestLogFrom returns the log line of the request that ctx belongs to, nil
// when it belongs to none.
func RequestLogFrom(ctx context.Context) *RequestLog {
	log, _ := ctx.Value(logKey{}).(*RequestLog)
	return log
}

// Add puts fields on the line. They must hold no secret.
func (l *RequestLog) Add(fields ...zap.Field) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.fields = append(l.fields, fields...)
	}
}

// end has what comes from now on dropped, and returns what came before.
func (l *RequestLog) end() []zap.Field {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	return l.fields
}

// write ends the line and hands it to the logger: a fault of ours as a warning.
func (l *RequestLog) write(logger *zap.Logger, own [ownFields]zap.Field, fault bool) {
	level := zap.InfoLevel
	if fault {
		level = zap.WarnLevel
	}
	fields := l.end()
	if entry := logger.Check(level, "request"); entry != nil {
		copy(fields, own[:])
		entry.Write(fields...)
	}
}

// exchange is one request on its way through the handlers: the writer they
// answer through, which counts, and its log line.
type exchange struct {
	http.ResponseWriter

	log    RequestLog
	ctx    logContext
	span   tracing.Span
	status int // 0 until the answer has begun
	bytes  int64
}

func newExchange(w http.ResponseWriter, addr netip.Addr, origin audit.Origin) *exchange {
	x := &exchange{ResponseWriter: w, log: RequestLog{origin: origin, addr: addr}}
	x.log.fields = x.log.inline[:ownFields]
	return x
}

// logContext is a context in which RequestLogFrom finds a line: that of
// context.WithValue, which would be made for each request.
type logContext struct {
	context.Context //nolint:containedctx // it is one

	log *RequestLog
}

// Value implements context.Context.
func (c *logContext) Value(key any) any {
	switch {
	case key == logKey{}:
		return c.log
	case tracing.Asked(key):
		return nil // that of the request is begun within
	default:
		return c.Context.Value(key)
	}
}

// within returns ctx with the request's line in it.
func (x *exchange) within(ctx context.Context) context.Context {
	x.ctx = logContext{ctx, &x.log}
	return &x.ctx
}

// WriteHeader implements http.ResponseWriter and remembers the final status.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && status >= http.StatusOK {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter and counts.
func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.ResponseWriter.Write(p)
	x.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the server's writer.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// answered is the status of the answer: 200 is what net/http sends for a handler that
// wrote nothing.
func (x *exchange) answered() int { return cmp.Or(x.status, http.StatusOK) }

// finish writes the log line.
func (x *exchange) finish(logger *zap.Logger, r *http.Request, pattern string, took time.Duration) {
	status := x.answered()
	x.log.write(logger, [ownFields]zap.Field{
		zap.String("method", knownMethod(r.Method)),
		zap.String("route", pattern),
		zap.Int("status", status),
		zap.Duration("duration", took),
		zap.Int64("bytes", x.bytes),
		zap.String("ip", x.log.origin.IP),
		zap.String("tracking_id", x.log.origin.TrackingID),
		zap.String("user_agent", x.log.origin.UserAgent),
	}, status >= http.StatusInternalServerError)
}

// route returns the pattern that matched, never the path: it may hold anything.
func route(r *http.Request) string {
	if r.Pattern == "" {
		return "unmatched"
	}
	return r.Pattern
}

func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	}
	return otherMethod
}
