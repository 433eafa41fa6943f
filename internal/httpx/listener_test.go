package httpx_test

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/httpx"
)

// accept returns what listener accepts, in order.
func accept(listener net.Listener) <-chan net.Conn {
	accepted := make(chan net.Conn, 16)
	go func() {
		defer close(accepted)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	return accepted
}

func dialTo(t *testing.T, listener net.Listener) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

func TestListenHoldsNoMoreConnectionsThanAllowed(t *testing.T) {
	listener, err := httpx.Listen(t.Context(), httpx.ListenConfig{Addr: "127.0.0.1:0", MaxConns: 1})
	require.NoError(t, err)
	defer listener.Close()
	accepted := accept(listener)
	dialTo(t, listener)
	dialTo(t, listener)
	first := <-accepted
	require.Empty(t, accepted)
	require.NoError(t, first.Close())
	require.NoError(t, (<-accepted).Close())
}

// One peer cannot take every place of a listener.
func TestListenLeavesRoomForOthers(t *testing.T) {
	for name, c := range map[string]struct {
		config httpx.ListenConfig
		share  int
	}{
		"a quarter":       {httpx.ListenConfig{MaxConns: 8}, 2},
		"at least one":    {httpx.ListenConfig{MaxConns: 3}, 1},
		"as many as said": {httpx.ListenConfig{MaxConns: 8, MaxPerAddr: 3}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.Addr = "127.0.0.1:0"
			listener, err := httpx.Listen(t.Context(), c.config)
			require.NoError(t, err)
			defer listener.Close()
			accepted := accept(listener)
			var held []net.Conn
			for range c.share {
				dialTo(t, listener)
				held = append(held, <-accepted)
			}
			for range c.config.MaxConns { // more than there are places
				_, err = dialTo(t, listener).Read(make([]byte, 1))
				require.ErrorIs(t, err, io.EOF, "closed at once")
			}
			require.Empty(t, accepted)
			require.NoError(t, held[0].Close())
			require.Error(t, held[0].Close(), "of a connection that is closed, and gives no second place back")
			dialTo(t, listener)
			held[0] = <-accepted
			_, err = dialTo(t, listener).Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF)
			for _, conn := range held {
				require.NoError(t, conn.Close())
			}
		})
	}
}

func TestListenExemptsProxies(t *testing.T) {
	trusted, err := httpx.ParseTrustedProxies([]string{"127.0.0.0/8"})
	require.NoError(t, err)
	listener, err := httpx.Listen(t.Context(), httpx.ListenConfig{Addr: "127.0.0.1:0", MaxConns: 4, Exempt: trusted})
	require.NoError(t, err)
	defer listener.Close()
	accepted := accept(listener)
	for range 4 {
		dialTo(t, listener)
		defer (<-accepted).Close()
	}
}

// fromPeers is a listener whose connections come from the given addresses.
type fromPeers struct{ peers []string }

type fromPeer struct {
	net.Conn

	peer string
}

func (c fromPeer) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.peer))
}

func (l *fromPeers) Accept() (net.Conn, error) {
	if len(l.peers) == 0 {
		return nil, net.ErrClosed
	}
	near, far := net.Pipe()
	_ = far.Close()
	conn := fromPeer{Conn: near, peer: l.peers[0]}
	l.peers = l.peers[1:]
	return conn, nil
}

func (*fromPeers) Close() error   { return nil }
func (*fromPeers) Addr() net.Addr { return &net.TCPAddr{} }

func TestWhoIsOnePeer(t *testing.T) {
	exempt, err := httpx.ParseTrustedProxies([]string{"10.0.0.1"})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		peers []string
		want  int
	}{
		"one address":          {[]string{"192.0.2.1:1", "192.0.2.1:2"}, 1},
		"its IPv6 form":        {[]string{"192.0.2.1:1", "[::ffff:192.0.2.1]:2"}, 1},
		"neighbours":           {[]string{"192.0.2.1:1", "192.0.2.2:1"}, 2},
		"one IPv6 /64":         {[]string{"[2001:db8::1]:1", "[2001:db8::ffff:0:0:2]:1"}, 1},
		"neighbouring /64":     {[]string{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1"}, 2},
		"one zone's address":   {[]string{"[fe80::1%eth0]:1", "[fe80::1%eth1]:1"}, 1},
		"a proxy":              {[]string{"10.0.0.1:1", "10.0.0.1:2", "[::ffff:10.0.0.1]:3"}, 3},
		"a proxy's neighbour":  {[]string{"10.0.0.2:1", "10.0.0.2:2"}, 1},
		"others in between":    {[]string{"192.0.2.1:1", "192.0.2.2:1", "192.0.2.1:2", "192.0.2.3:1"}, 3},
		"IPv4 is not IPv6 ::0": {[]string{"0.0.0.1:1", "[::2]:1"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			listener := httpx.FairListener(&fromPeers{peers: c.peers}, 1, exempt)
			got := 0
			for {
				conn, err := listener.Accept()
				if err != nil {
					require.ErrorIs(t, err, net.ErrClosed)
					break
				}
				got++
				defer conn.Close()
			}
			require.Equal(t, c.want, got)
		})
	}
}
