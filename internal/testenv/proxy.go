package testenv

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// Link is a kind of connections to a Redis server.
type Link int

// The kinds. A connection is a client's until it behaves like another's.
const (
	Clients Link = iota
	Replicas
	Sentinels
)

// Fault is what a Proxy does to connections.
type Fault int

// The faults. The zero value is none.
const (
	Pass    Fault = iota
	Cut           // connections end, new ones are refused
	Stall         // connections stay open, and nothing is carried in either direction
	Swallow       // commands are carried, the replies are not: the connection ends instead
)

// Proxy carries connections to a server, and harms them on demand. Its methods
// are safe for concurrent use.
type Proxy struct {
	ctx      context.Context //nolint:containedctx // of the test that it ends with
	listener net.Listener

	mu     sync.Mutex
	target string
	faults map[Link]Fault
	delay  time.Duration
	change chan struct{} // closed and replaced when faults or delay do
	conns  map[*proxied]bool
}

// proxied is one connection and its kind.
type proxied struct {
	client, server net.Conn
	link           Link
}

// NewProxy starts a proxy on a free port. It ends with the test.
func NewProxy(tb testing.TB) *Proxy {
	tb.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("start a proxy: %v", err)
	}
	p := &Proxy{ctx: tb.Context(), listener: listener, faults: map[Link]Fault{}, change: make(chan struct{}), conns: map[*proxied]bool{}}
	tb.Cleanup(func() {
		_ = listener.Close()
		for _, link := range []Link{Clients, Replicas, Sentinels} {
			p.Set(link, Cut)
		}
	})
	go p.accept()
	return p
}

// Carry sets the server that connections go to from now on.
func (p *Proxy) Carry(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Addr returns host and port of the proxy.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Set does something to all connections of a kind, those that are open and those
// that come.
func (p *Proxy) Set(link Link, fault Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[link] = fault
	close(p.change)
	p.change = make(chan struct{})
	for conn := range p.conns {
		if fault == Cut && conn.link == link {
			_, _ = conn.client.Close(), conn.server.Close()
		}
	}
}

// Delay makes each reply wait, whatever the connection.
func (p *Proxy) Delay(length time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = length
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		server, err := new(net.Dialer).DialContext(p.ctx, "tcp", target)
		if err != nil {
			_ = client.Close()
			continue
		}
		conn := &proxied{client: client, server: server}
		p.mu.Lock()
		p.conns[conn] = true
		p.mu.Unlock()
		go p.carry(conn, client, server, true)
		go p.carry(conn, server, client, false)
	}
}

// carry copies one direction until either side ends.
func (p *Proxy) carry(conn *proxied, from, to net.Conn, commands bool) {
	defer func() {
		_, _ = conn.client.Close(), conn.server.Close()
		p.mu.Lock()
		delete(p.conns, conn)
		p.mu.Unlock()
	}()
	chunk := make([]byte, 64<<10)
	for {
		n, err := from.Read(chunk)
		if err != nil || !p.let(conn, chunk[:n], commands) {
			return
		}
		if _, err := to.Write(chunk[:n]); err != nil {
			return
		}
	}
}

// linkOf tells by what is sent on a connection whose it is.
func linkOf(chunk []byte) Link {
	switch {
	case bytes.Contains(chunk, []byte("REPLCONF")):
		return Replicas
	case bytes.Contains(chunk, []byte("sentinel-")): // the name they give their connections
		return Sentinels
	default:
		return Clients
	}
}

// let waits as long as the fault of the connection says, and reports whether a
// chunk is carried.
func (p *Proxy) let(conn *proxied, chunk []byte, commands bool) bool {
	for {
		p.mu.Lock()
		if commands && conn.link == Clients {
			conn.link = linkOf(chunk)
		}
		fault, delay, change := p.faults[conn.link], p.delay, p.change
		p.mu.Unlock()
		switch {
		case fault == Cut, fault == Swallow && !commands:
			return false
		case fault == Stall:
			<-change
		default:
			if !commands && delay > 0 {
				<-time.After(delay)
			}
			return true
		}
	}
}
