package httpx

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// ServerConfig is what NewServer needs. Handler and Logger are required; a time
// of 0 means the default.
type ServerConfig struct {
	Handler http.Handler // as a rule the result of NewShell
	Logger  *zap.Logger
	TLS     *tls.Config // nil serves plain HTTP/1.1

	ReadHeaderTimeout time.Duration // 5 s
	ReadTimeout       time.Duration // header and body; 15 s
	WriteTimeout      time.Duration // from the end of the header to the end of the answer; 65 s, for long polls of 30 s
	IdleTimeout       time.Duration // between requests; 90 s
}

const (
	maxHeaderBytes = 32 << 10 // net/http allows 4 KiB on top; then 431

	// maxStreams bounds the requests of one HTTP/2 connection. A peer that opens
	// and resets faster than handlers end (CVE-2023-44487) is cut off by net/http
	// at a small multiple of it. Each may hold a body and a handler's memory.
	maxStreams = 64
)

// NewServer returns a server that no slow, greedy or malformed client holds up.
// It is not started. HTTP/2 is spoken over TLS only. What net/http reports goes
// to the logger, the peer's bytes in it escaped.
func NewServer(cfg ServerConfig) *http.Server {
	escaped := cfg.Logger.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core { return serverCore{core} }))
	errorLog, _ := zap.NewStdLogAt(escaped, zap.WarnLevel) // fails for levels that zap does not have
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(cfg.TLS != nil)
	return &http.Server{
		Handler:                      cfg.Handler,
		TLSConfig:                    cfg.TLS,
		ReadHeaderTimeout:            cmp.Or(cfg.ReadHeaderTimeout, 5*time.Second),
		ReadTimeout:                  cmp.Or(cfg.ReadTimeout, 15*time.Second),
		WriteTimeout:                 cmp.Or(cfg.WriteTimeout, 65*time.Second),
		IdleTimeout:                  cmp.Or(cfg.IdleTimeout, 90*time.Second),
		MaxHeaderBytes:               maxHeaderBytes,
		Protocols:                    protocols,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:                     errorLog,
		DisableGeneralOptionsHandler: true, // OPTIONS * is answered by the routes like everything else
	}
}

// IsLoopback reports whether a listen address, `host:port` or a bare host, is
// reached from this machine only. No host means every interface, so not.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
