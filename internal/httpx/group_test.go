package httpx_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/cambio-sts/cambio/internal/httpx"
)

func TestDrain(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	h := start(t, httpx.ServerConfig{}, httpx.GroupConfig{Notice: 200 * time.Millisecond, Grace: patience}, func(mux *http.ServeMux, _ *house) {
		mux.HandleFunc("/held", func(w http.ResponseWriter, _ *http.Request) {
			close(entered)
			<-release
			_, _ = io.WriteString(w, "whole")
		})
	})
	require.NoError(t, h.group.Ready(t.Context()))
	busy := h.dial(t)
	_, err := io.WriteString(busy, "GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	<-entered

	h.stop()
	<-h.group.Draining()
	require.ErrorIs(t, h.group.Ready(t.Context()), httpx.ErrDraining)
	require.Contains(t, h.talk(t, "GET /second HTTP/1.1\r\nHost: x\r\n\r\n"), "Connection: close", "still served within the notice")

	close(release)
	answer, err := io.ReadAll(busy)
	require.NoError(t, err)
	require.Contains(t, string(answer), "whole", "what was in flight completes")
	require.NoError(t, <-h.ended)
	_, err = new(net.Dialer).DialContext(t.Context(), "tcp", h.addr)
	require.Error(t, err, "nothing listens any more")
}

// Clients that keep their connections busy are told to let go of them before
// anything closes, so none of their requests is lost.
func TestDrainUnderLoadLosesNoRequest(t *testing.T) {
	h := start(t, httpx.ServerConfig{}, httpx.GroupConfig{Notice: time.Second, Grace: patience}, nil)
	var served atomic.Int64
	warm := make(chan struct{}, 8)
	var clients errgroup.Group
	for range 8 {
		clients.Go(func() error {
			client := &http.Client{Transport: &http.Transport{}}
			for n := 0; ; n++ {
				response, err := client.Post("http://"+h.addr+"/first", urlencoded, strings.NewReader("a=b"))
				if err != nil {
					return err
				}
				_, err = io.Copy(io.Discard, response.Body)
				if err = errors.Join(err, response.Body.Close()); err != nil || response.Close {
					return err
				}
				served.Add(1)
				if n == 10 {
					warm <- struct{}{}
				}
			}
		})
	}
	for range 8 {
		<-warm
	}
	h.stop()
	require.NoError(t, clients.Wait())
	require.NoError(t, <-h.ended)
	require.GreaterOrEqual(t, served.Load(), int64(88))
}

func TestDrainCutsOffWhatOutlivesTheGrace(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	h := start(t, httpx.ServerConfig{}, httpx.GroupConfig{Grace: 50 * time.Millisecond}, func(mux *http.ServeMux, _ *house) {
		mux.HandleFunc("/held", func(http.ResponseWriter, *http.Request) {
			close(entered)
			<-release
		})
	})
	conn := h.dial(t)
	_, err := io.WriteString(conn, "GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	<-entered
	h.stop()
	require.ErrorIs(t, <-h.ended, context.DeadlineExceeded)
	answer, _ := io.ReadAll(conn)
	require.Empty(t, answer)
}

func TestServeEndsAllWhenOneFails(t *testing.T) {
	listen := func() net.Listener {
		listener, err := httpx.Listen(t.Context(), httpx.ListenConfig{Addr: "127.0.0.1:0"})
		require.NoError(t, err)
		return listener
	}
	server := func() *http.Server {
		return httpx.NewServer(httpx.ServerConfig{Handler: httpx.Livez(), Logger: zap.NewNop()})
	}
	broken := listen()
	require.NoError(t, broken.Close())
	group := httpx.NewGroup(httpx.GroupConfig{Grace: patience})
	err := group.Serve(t.Context(), httpx.Endpoint{Server: server(), Listener: listen()}, httpx.Endpoint{Server: server(), Listener: broken})
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorIs(t, group.Ready(t.Context()), httpx.ErrDraining)
}
