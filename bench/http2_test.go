package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// secured answers with its protocol, the request's body and something of a size.
func secured(t *testing.T, protocol string) *connection {
	t.Helper()
	answering := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path != tokenPath || r.Method != http.MethodPost || r.Header.Get("Content-Length") != strconv.Itoa(len(body)) {
			w.WriteHeader(http.StatusBadRequest)
		}
		text := r.Proto + " " + string(body) + strings.Repeat(".", 40_000)
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		_, _ = io.WriteString(w, text)
	}))
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, answering.Listener.Close())
	answering.Listener, answering.EnableHTTP2 = listener, true
	answering.StartTLS()
	t.Cleanup(answering.Close)
	transport, ok := answering.Client().Transport.(*http.Transport)
	require.True(t, ok)
	trusts := transport.TLSClientConfig.Clone()
	trusts.NextProtos, trusts.ServerName = []string{protocol}, "127.0.0.1"
	s := &server{process: &process{name: "it"}, addr: listener.Addr().String(), tls: trusts}
	s.exchangeOf("one", "another")
	c, err := dial(t.Context(), s, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestARequestOverTLS(t *testing.T) {
	for protocol, want := range map[string]string{protocolHTTP1: "HTTP/1.1 ", protocolHTTP2: "HTTP/2.0 "} {
		t.Run(protocol, func(t *testing.T) {
			c := secured(t, protocol)
			for i := range 5 { // more than the window that a connection begins with
				status, body, err := c.ask(c.requests[i%2], nil)
				require.NoError(t, err)
				require.Equal(t, "200", status)
				require.True(t, strings.HasPrefix(string(body), want), string(body[:20]))
				require.Contains(t, string(body), []string{"one", "another"}[i%2])
				require.Greater(t, len(body), 40_000)
			}
		})
	}
}
