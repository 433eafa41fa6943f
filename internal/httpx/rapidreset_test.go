package httpx_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/cambio-sts/cambio/internal/httpx"
)

// A peer that opens and resets streams as fast as it can runs no more handlers
// at once than it may have streams, and is cut off.
func TestRapidReset(t *testing.T) {
	certificate := httptest.NewTLSServer(nil)
	defer certificate.Close()
	var running, most atomic.Int64
	release := make(chan struct{})
	h := start(t, httpx.ServerConfig{TLS: &tls.Config{Certificates: certificate.TLS.Certificates, MinVersion: tls.VersionTLS13}},
		httpx.GroupConfig{Grace: patience}, func(mux *http.ServeMux, _ *house) {
			mux.HandleFunc("/held", func(http.ResponseWriter, *http.Request) {
				now := running.Add(1)
				defer running.Add(-1)
				for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
				}
				<-release
			})
		})
	defer close(release)
	conn := tls.Client(h.dial(t), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	require.NoError(t, conn.HandshakeContext(t.Context()))
	require.Equal(t, "h2", conn.ConnectionState().NegotiatedProtocol)
	_, err := io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	framer := http2.NewFramer(conn, conn)
	require.NoError(t, framer.WriteSettings())
	ended := make(chan http2.ErrCode, 1)
	go func() {
		defer close(ended)
		for {
			frame, err := framer.ReadFrame()
			if err != nil {
				return
			}
			if goAway, ok := frame.(*http2.GoAwayFrame); ok {
				ended <- goAway.ErrCode
				return
			}
		}
	}()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i := range 100_000 {
		block.Reset()
		for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "x"}, {":path", "/held"}} {
			require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
		}
		stream := uint32(2*i + 1)
		err = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
		if err == nil {
			err = framer.WriteRSTStream(stream, http2.ErrCodeCancel)
		}
		if err != nil {
			break // cut off already
		}
	}
	require.Equal(t, http2.ErrCodeEnhanceYourCalm, <-ended)
	require.LessOrEqual(t, most.Load(), int64(64))
}
