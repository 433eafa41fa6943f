package httpx_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/httpx"
)

// Who has connected when a listener stops is served, though nobody had accepted
// the connection yet; who comes later is refused.
func TestStopAcceptsWhoIsThere(t *testing.T) {
	listener, err := httpx.Listen(t.Context(), httpx.ListenConfig{Addr: "127.0.0.1:0"})
	require.NoError(t, err)
	var waiting []net.Conn
	for range 20 {
		waiting = append(waiting, dialTo(t, listener))
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		listener.Stop()
	}()
	accepted := accept(listener)
	for range waiting {
		conn := <-accepted
		require.NotNil(t, conn)
		go func() {
			_, _ = io.WriteString(conn, "served")
			_ = conn.Close()
		}()
	}
	<-stopped
	for _, conn := range waiting {
		text, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Equal(t, "served", string(text))
	}
	_, err = net.DialTimeout("tcp", listener.Addr().String(), time.Second)
	require.Error(t, err)
	require.Empty(t, accepted, "it accepts nothing more")
	listener.Stop()
	require.NoError(t, listener.Close())
	_, open := <-accepted
	require.False(t, open)
}

// A listener that nobody accepts from stops all the same.
func TestStopWaitsForNobody(t *testing.T) {
	listener, err := httpx.Listen(t.Context(), httpx.ListenConfig{Addr: "127.0.0.1:0"})
	require.NoError(t, err)
	began := time.Now()
	listener.Stop()
	require.Less(t, time.Since(began), patience)
	_, err = net.DialTimeout("tcp", listener.Addr().String(), time.Second)
	require.Error(t, err)
	require.NoError(t, listener.Close())
}
