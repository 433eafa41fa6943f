package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// ErrForbidden says that an address is none that may be called.
var ErrForbidden = errors.New("the address is not public, and allowedNetworks does not name it")

// reserved4 are the networks of IPv4 that are not the public internet, by the registry
// of special-purpose addresses (RFC 6890): private, loopback, link-local with the
// metadata services of clouds, those of carriers (100.64.0.0/10), multicast and others.
func reserved4() []netip.Prefix {
	return prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")
}

// global6 are the networks of IPv6 that are the public internet, reserved6 those within
// them that are not: for protocols such as Teredo, for documentation, and 6to4, which
// leads to addresses of IPv4.
func global6() []netip.Prefix { return prefixes("2000::/3") }

func reserved6() []netip.Prefix {
	return prefixes("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
}

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

func within(addr netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// embedded is the address of IPv4 that addr leads to: itself, mapped into IPv6, or
// behind a translator at the well-known prefix (NAT64, RFC 6052 §2.1).
func embedded(addr netip.Addr) (netip.Addr, bool) {
	addr = addr.Unmap()
	if addr.Is4() {
		return addr, true
	}
	if netip.MustParsePrefix("64:ff9b::/96").Contains(addr) {
		bytes := addr.As16()
		return netip.AddrFrom4([4]byte(bytes[12:])), true
	}
	return addr, false
}

// Guard says which addresses may be called. The zero value is all that are public.
type Guard struct {
	// Allowed are networks that may be called though they are not public.
	Allowed []netip.Prefix
	// Only says that nothing but Allowed may be called, as what is sent is not encrypted.
	Only bool
}

// Check returns ErrForbidden unless addr may be called: it is in an allowed network, or
// public.
func (g *Guard) Check(addr netip.Addr) error {
	addr = addr.WithZone("")
	v4, is4 := embedded(addr)
	if within(addr.Unmap(), g.Allowed) || is4 && within(v4, g.Allowed) {
		return nil
	}
	public := is4 && !within(v4, reserved4()) || !is4 && within(addr, global6()) && !within(addr, reserved6())
	if !public || g.Only {
		return fmt.Errorf("%s: %w", addr, ErrForbidden)
	}
	return nil
}

// control checks the address that a socket is about to be connected to, whatever name
// it was found by.
func (g *Guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return ErrForbidden
	}
	return g.Check(to.Addr())
}

const (
	dialTimeout   = 5 * time.Second
	idleTimeout   = time.Minute
	maxHeaderSize = 16 << 10
)

// Transport returns one that connects to what the guard lets through, directly: a proxy would look the
// name up by itself.
func (g *Guard) Transport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, ControlContext: g.control}
	return &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: dialTimeout,
		MaxIdleConns: 1, MaxConnsPerHost: 1, IdleConnTimeout: idleTimeout, MaxResponseHeaderBytes: maxHeaderSize, DisableCompression: true,
	}
}
