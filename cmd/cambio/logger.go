package main

import (
	"os"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/cambio-sts/cambio/internal/behind"
)

// logFlush is how long a line may wait for others.
const logFlush = 100 * time.Millisecond

// newLogger writes one JSON object a line to stderr, many with one write: a
// request does not wait for it. flush writes what is left; call it last.
func newLogger(level string) (logger *zap.Logger, flush func(), err error) {
	least, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, nil, err
	}
	encoding := zap.NewProductionEncoderConfig()
	encoding.TimeKey, encoding.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	out := behind.NewWriter(os.Stderr, logFlush)
	core := zapcore.NewCore(zapcore.NewJSONEncoder(encoding), out, least)
	return zap.New(core), func() { _ = out.Close() }, nil // stderr is where the error would go
}
