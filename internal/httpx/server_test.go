package httpx_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/cambio-sts/cambio/internal/httpx"
)

const patience = 10 * time.Second // for what must happen, not for what must not

// lockedBuffer is a log sink that can be read meanwhile.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// house is a running server: the whole path from listener to handler.
type house struct {
	addr   string
	group  *httpx.Group
	logs   lockedBuffer
	second atomic.Int64 // calls of /second
	stop   context.CancelFunc
	ended  chan error
}

func start(t *testing.T, cfg httpx.ServerConfig, groupCfg httpx.GroupConfig, extra func(*http.ServeMux, *house)) *house {
	t.Helper()
	h := &house{group: httpx.NewGroup(groupCfg), ended: make(chan error, 1)}
	// The console encoder escapes nothing in messages, so it shows what must not pass.
	core := zapcore.NewCore(zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.AddSync(&h.logs), zap.DebugLevel)
	mux := http.NewServeMux()
	mux.HandleFunc("/first", func(w http.ResponseWriter, r *http.Request) {
		if _, err := httpx.ReadForm(w, r, httpx.FormOptions{}); err != nil {
			status := http.StatusBadRequest
			if errors.Is(err, httpx.ErrTooLarge) {
				status = http.StatusRequestEntityTooLarge
			}
			http.Error(w, err.Error(), status)
			return
		}
		_, _ = io.WriteString(w, "first")
	})
	mux.HandleFunc("/second", func(http.ResponseWriter, *http.Request) { h.second.Add(1) })
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("on purpose") })
	if extra != nil {
		extra(mux, h)
	}
	cfg.Logger = zap.New(core)
	cfg.Handler = httpx.NewShell(httpx.ShellConfig{
		Next: mux, Logger: cfg.Logger, Now: time.Now, Draining: h.group.Draining(),
		Fault: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	})
	listener, err := httpx.Listen(t.Context(), httpx.ListenConfig{Addr: "127.0.0.1:0"})
	require.NoError(t, err)
	h.addr = listener.Addr().String()
	var ctx context.Context
	ctx, h.stop = context.WithCancel(context.WithoutCancel(t.Context()))
	go func() {
		h.ended <- h.group.Serve(ctx, httpx.Endpoint{Server: httpx.NewServer(cfg), Listener: listener})
	}()
	t.Cleanup(h.stop)
	return h
}

func (h *house) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", h.addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

// talk sends raw bytes and returns all that comes until the server closes.
func (h *house) talk(t *testing.T, raw string) string {
	t.Helper()
	conn := h.dial(t)
	_, err := io.WriteString(conn, raw)
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	if !errors.Is(err, io.EOF) && err != nil {
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		require.NotContains(t, err.Error(), "timeout", "the server kept the connection")
	}
	return string(answer)
}

func TestServerLimits(t *testing.T) {
	short := 100 * time.Millisecond
	t.Run("header too large", func(t *testing.T) {
		h := start(t, httpx.ServerConfig{}, httpx.GroupConfig{Grace: patience}, nil)
		answer := h.talk(t, "GET /second HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("a", 40<<10)+"\r\n\r\n")
		require.Contains(t, answer, "HTTP/1.1 431")
		require.Zero(t, h.second.Load())
	})
	t.Run("slow header", func(t *testing.T) {
		h := start(t, httpx.ServerConfig{ReadHeaderTimeout: short}, httpx.GroupConfig{Grace: patience}, nil)
		h.talk(t, "GET /second HTTP/1.1\r\nHost: x\r\nX: ")
		require.Zero(t, h.second.Load())
	})
	t.Run("slow body", func(t *testing.T) {
		h := start(t, httpx.ServerConfig{ReadTimeout: short}, httpx.GroupConfig{Grace: patience}, nil)
		answer := h.talk(t, "POST /first HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\na=")
		require.Contains(t, answer, "HTTP/1.1 400")
	})
	t.Run("slow reader", func(t *testing.T) {
		written := make(chan error, 1)
		h := start(t, httpx.ServerConfig{WriteTimeout: short}, httpx.GroupConfig{Grace: patience}, func(mux *http.ServeMux, _ *house) {
			mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) {
				var err error
				for chunk := make([]byte, 1<<20); err == nil; {
					_, err = w.Write(chunk)
				}
				written <- err
			})
		})
		conn := h.dial(t)
		_, err := io.WriteString(conn, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		select {
		case err := <-written:
			require.Error(t, err)
		case <-time.After(patience):
			require.Fail(t, "the answer was never given up")
		}
	})
	t.Run("idle", func(t *testing.T) {
		h := start(t, httpx.ServerConfig{IdleTimeout: short}, httpx.GroupConfig{Grace: patience}, nil)
		require.Contains(t, h.talk(t, "GET /second HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200")
	})
}

// A long poll lasts longer than a request may take to arrive.
func TestAHandlerOutlivesTheReadTimeout(t *testing.T) {
	h := start(t, httpx.ServerConfig{ReadTimeout: 50 * time.Millisecond}, httpx.GroupConfig{Grace: patience}, func(mux *http.ServeMux, _ *house) {
		mux.HandleFunc("/poll", func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
				w.WriteHeader(http.StatusGone)
			case <-time.After(300 * time.Millisecond):
				_, _ = io.WriteString(w, "news")
			}
		})
	})
	require.Contains(t, h.talk(t, "GET /poll HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "news")
}

func TestLogStaysOneLine(t *testing.T) {
	h := start(t, httpx.ServerConfig{}, httpx.GroupConfig{Grace: patience}, nil)
	h.talk(t, "GET /second HTTP/1.1\r\nHost: x\r\nUser-Agent: a\tb\x80\xe2\x80\xa8forged\r\nConnection: close\r\n\r\n")
	require.Contains(t, h.talk(t, "GET /panic HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "HTTP/1.1 500")
	h.stop()
	require.NoError(t, <-h.ended)
	for line := range strings.Lines(h.logs.String()) {
		if strings.Contains(line, "forged") {
			require.Contains(t, line, `"user_agent": "a?b??forged"`)
			require.Contains(t, line, "request")
			return
		}
	}
	require.Fail(t, "no line", h.logs.String())
}

// What net/http itself reports holds bytes of the peer.
func TestServerReportsAreEscaped(t *testing.T) {
	var logs lockedBuffer
	core := zapcore.NewCore(zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.AddSync(&logs), zap.InfoLevel)
	server := httpx.NewServer(httpx.ServerConfig{Logger: zap.New(core).With(zap.String("listener", "main"))})
	server.ErrorLog.Printf("http: peer said %s", "a\nforged \x1b[31m")
	server.ErrorLog.Printf("http: TLS handshake error from 192.0.2.1:5: EOF")
	require.Equal(t, 1, strings.Count(logs.String(), "\n"), logs.String())
	require.Contains(t, logs.String(), `"report": "http: peer said a?forged ?[31m"`)
	require.Contains(t, logs.String(), `"listener": "main"`)
}

func TestHostChangesNothing(t *testing.T) {
	h := start(t, httpx.ServerConfig{}, httpx.GroupConfig{Grace: patience}, nil)
	for _, request := range []string{
		"GET http://evil.example/second HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n",
		"GET //second HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n",
	} {
		require.NotContains(t, h.talk(t, request), "evil")
	}
	require.Contains(t, h.talk(t, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 400")
}

func TestIsLoopback(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:80": true, "127.9.9.9:80": true, "[::1]:80": true, "localhost:80": true, "LOCALHOST:80": true,
		"[::ffff:127.0.0.1]:80": true, "::1": true, "[::1]": true, "127.0.0.1": true,
		":80": false, "": false, "0.0.0.0:80": false, "[::]:80": false, "192.0.2.1:80": false,
		"localhost.example:80": false, "example:80": false,
	} {
		require.Equal(t, want, httpx.IsLoopback(addr), addr)
	}
}
