package faults

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestRapidReset (A047): streams opened and reset as fast as can be cost the
// server nothing that lasts, and others are served.
func TestRapidReset(t *testing.T) {
	server := testenv.Dev(t)
	d := devDoor(server)
	client := server.Client()
	transport, ok := client.Transport.(*http.Transport)
	require.True(t, ok)
	roots := transport.TLSClientConfig.RootCAs
	conn := tls.Client(dial(t, strings.TrimPrefix(server.Info.TLSAddr, "https://")), &tls.Config{
		RootCAs: roots, ServerName: "127.0.0.1", NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
	})
	require.NoError(t, conn.HandshakeContext(t.Context()))
	require.Equal(t, "h2", conn.ConnectionState().NegotiatedProtocol)
	_, err := io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	framer := http2.NewFramer(conn, conn)
	require.NoError(t, framer.WriteSettings())
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	before := residentKiB(t, server.PID())
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	cut := false
	for i := range times(1000, 100_000) {
		block.Reset()
		for _, f := range [][2]string{{":method", "POST"}, {":scheme", "https"}, {":authority", "x"}, {":path", pathToken}, {"content-type", formType}} {
			require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
		}
		stream := uint32(2*i + 1)
		err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true})
		if err == nil {
			err = framer.WriteRSTStream(stream, http2.ErrCodeCancel)
		}
		if err != nil {
			cut = true
			break
		}
	}
	require.NoError(t, err)
	d.mint(t, server.Info.Users.Alice.PAT.Token)
	got, err := client.Get(server.Info.TLSAddr + pathJWKS)
	require.NoError(t, err)
	require.NoError(t, got.Body.Close())
	require.Equal(t, http.StatusOK, got.StatusCode)
	require.Less(t, residentKiB(t, server.PID())-before, 100<<10, "connection cut off: %v", cut)
	_ = conn.Close() // it may have been cut off
	testenv.Wait(t, soon, func() bool { return goroutines(t, server) < 100 })
}

// residentKiB is how much memory a process holds.
func residentKiB(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "VmRSS:")
	require.True(t, found)
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(t, err)
	return n
}

// goroutines is how many a server runs, by its admin listener.
func goroutines(t *testing.T, server *testenv.DevServer) int {
	t.Helper()
	text := door{server.Info.AdminAddr, server.Client()}.get(t, "/debug/pprof/goroutine?debug=1").body
	_, rest, found := strings.Cut(text, "total ")
	require.True(t, found, text)
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(t, err)
	return n
}

// TestSlowClients (A050): who sends slowly is cut off in time; in full also who
// reads slowly.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	server := testenv.Dev(t)
	for name, c := range map[string]struct {
		begin string
		limit time.Duration
	}{
		"header": {"POST " + pathToken + " HTTP/1.1\r\nHost: x\r\nX-Slow: ", 7 * time.Second},
		"body":   {"POST " + pathToken + " HTTP/1.1\r\nHost: x\r\nContent-Type: " + formType + "\r\nContent-Length: 1000\r\n\r\ngrant_type=", 18 * time.Second},
		"idle":   {"", 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, server.Info.Addr)
			_, err := io.WriteString(conn, c.begin)
			require.NoError(t, err)
			began := time.Now()
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = io.Copy(io.Discard, conn)
			}()
			for {
				select {
				case <-ended:
					require.Less(t, time.Since(began), c.limit)
					return
				case <-time.After(200 * time.Millisecond):
					require.Less(t, time.Since(began), c.limit)
					if c.begin != "" {
						_, _ = io.WriteString(conn, "a") // it may be closed
					}
				}
			}
		})
	}
	if !testenv.Full() { // a reader takes more than a minute: make faults
		return
	}
	t.Run("reader", func(t *testing.T) {
		t.Parallel()
		conn := dial(t, server.Info.Addr)
		request := "GET " + pathJWKS + " HTTP/1.1\r\nHost: x\r\n\r\n"
		require.NoError(t, conn.SetWriteDeadline(time.Now().Add(100*time.Second)))
		for {
			if _, err := io.WriteString(conn, request); err != nil {
				require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
				return
			}
		}
	})
}
