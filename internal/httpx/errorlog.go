package httpx

import (
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// maxReport is how much of one report of net/http is kept, in bytes: a stack is
// never in it, the shell has logged that.
const maxReport = 1024

// serverCore turns what net/http reports as free text, with bytes of the peer in
// it, into a constant message with the text as an escaped field. Handshakes that
// fail are the daily noise of scanners and health checks: debug.
type serverCore struct{ zapcore.Core }

// Check implements zapcore.Core.
func (c serverCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if strings.HasPrefix(entry.Message, "http: TLS handshake error") {
		entry.Level = zapcore.DebugLevel
	}
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// Write implements zapcore.Core.
func (c serverCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	report := zap.String("report", printable(entry.Message, maxReport))
	entry.Message = "http server"
	return c.Core.Write(entry, append(fields, report))
}

// With implements zapcore.Core.
func (c serverCore) With(fields []zapcore.Field) zapcore.Core {
	return serverCore{c.Core.With(fields)}
}
