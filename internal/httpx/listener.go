package httpx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/netutil"
)

// DefaultMaxConns is how many connections one listener holds unless the caller
// says otherwise.
const DefaultMaxConns = 4096

const (
	// peerShare is what part of a listener's connections one peer may hold unless
	// the caller says otherwise: one in peerShare.
	peerShare = 4

	// subnetBits is how much of an address tells peers apart: all of IPv4, and of
	// IPv6 what a network assigns to one host (RFC 6177).
	subnetBits = 64
)

// ListenConfig is what Listen needs. Addr is required.
type ListenConfig struct {
	Addr     string // host:port; port 0 picks a free one
	MaxConns int    // open at once; 0 means DefaultMaxConns
	// MaxPerAddr is how many of them one peer may hold, an IPv4 address or an IPv6
	// /64; 0 means a quarter of MaxConns, at least one.
	MaxPerAddr int
	Exempt     TrustedProxies // peers without a limit of their own, since they carry many clients
}

// Listen opens a TCP listener, a *Listener. Of the connections beyond MaxConns each waits in
// the kernel's queue; one beyond MaxPerAddr is closed as soon as it is accepted,
// so that no peer keeps the others out.
func Listen(ctx context.Context, cfg ListenConfig) (*Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, err
	}
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("listen on %s: it is no TCP socket", cfg.Addr), listener.Close())
	}
	stopper, most := newStopListener(tcp), cmp.Or(cfg.MaxConns, DefaultMaxConns)
	fair := newFairListener(stopper, cmp.Or(cfg.MaxPerAddr, max(1, most/peerShare)), cfg.Exempt)
	return &Listener{Listener: netutil.LimitListener(fair, most), stopper: stopper}, nil
}

// fairListener closes what a peer opens beyond its share.
type fairListener struct {
	net.Listener

	most   int
	exempt TrustedProxies

	mu   sync.Mutex
	held map[netip.Prefix]int // by who holds any
}

func newFairListener(listener net.Listener, most int, exempt TrustedProxies) *fairListener {
	return &fairListener{Listener: listener, most: most, exempt: exempt, held: map[netip.Prefix]int{}}
}

// Accept implements net.Listener.
func (l *fairListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, _ := conn.RemoteAddr().(*net.TCPAddr) // Listen opens no other
		peer := normal(tcp.AddrPort().Addr())
		if l.exempt.Contain(peer) {
			return conn, nil
		}
		subnet, _ := peer.Prefix(min(peer.BitLen(), subnetBits)) // fails for more bits than there are
		if l.acquire(subnet) {
			return &fairConn{Conn: conn, release: sync.OnceFunc(func() { l.release(subnet) })}, nil
		}
		_ = conn.Close() // nothing was sent on it that could be lost
	}
}

func (l *fairListener) acquire(subnet netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[subnet] >= l.most {
		return false
	}
	l.held[subnet]++
	return true
}

func (l *fairListener) release(subnet netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[subnet]--; l.held[subnet] == 0 {
		delete(l.held, subnet)
	}
}

// fairConn gives its place back when it is closed.
type fairConn struct {
	net.Conn

	release func()
}

// Close implements net.Conn.
func (c *fairConn) Close() error {
	err := c.Conn.Close()
	c.release()
	return err
}
