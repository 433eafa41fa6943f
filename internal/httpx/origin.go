package httpx

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cambio-sts/cambio/internal/audit"
)

// maxUserAgent is how much of a User-Agent is kept, in bytes.
const maxUserAgent = 256

// TrustedProxies is the networks of the proxies whose X-Forwarded-For is
// believed. The zero value trusts nobody.
type TrustedProxies struct{ networks []netip.Prefix }

// ParseTrustedProxies reads networks in CIDR notation and single addresses.
func ParseTrustedProxies(networks []string) (TrustedProxies, error) {
	var trusted TrustedProxies
	for _, text := range networks {
		prefix, err := parseNetwork(text)
		if err != nil {
			return TrustedProxies{}, fmt.Errorf("trusted proxy %q: %w", text, err)
		}
		trusted.networks = append(trusted.networks, prefix)
	}
	return trusted, nil
}

// parseNetwork returns the network in the form that normal addresses match:
// IPv4-mapped IPv6 as IPv4, host bits cleared.
func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		addr = normal(addr)
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if addr, bits := prefix.Addr(), prefix.Bits(); addr.Is4In6() && bits >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), bits-96)
	}
	return prefix.Masked(), nil
}

// Contain reports whether addr is a trusted proxy.
func (t TrustedProxies) Contain(addr netip.Addr) bool {
	return slices.ContainsFunc(t.networks, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// ClientIP returns who sent r, IPv4-mapped addresses as IPv4 and without zone:
// the peer, or, where the peer is a trusted proxy, the nearest address in
// X-Forwarded-For that is none. From any other peer that header is ignored. An
// entry that is no address ends the walk: the client is then the proxy that
// wrote it. The Forwarded header (RFC 7239) is not read, for a proxy that
// writes only the one passes a forged other on. The result is the zero Addr when
// the peer has none.
func ClientIP(r *http.Request, trusted TrustedProxies) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	client := normal(peer.Addr())
	for _, line := range slices.Backward(r.Header["X-Forwarded-For"]) {
		for line != "" && trusted.Contain(client) {
			hop := line
			if i := strings.LastIndexByte(line, ','); i >= 0 {
				line, hop = line[:i], line[i+1:]
			} else {
				line = ""
			}
			addr, ok := parseHop(strings.TrimSpace(hop))
			if !ok {
				return client
			}
			client = addr
		}
	}
	return client
}

// parseHop reads an address with or without port and brackets.
func parseHop(hop string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddr(hop); err == nil {
		return normal(addr), true
	}
	if pair, err := netip.ParseAddrPort(hop); err == nil {
		return normal(pair.Addr()), true
	}
	if inner, ok := strings.CutPrefix(hop, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok {
			addr, err := netip.ParseAddr(inner)
			return normal(addr), err == nil
		}
	}
	return netip.Addr{}, false
}

func normal(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// printable returns at most limit bytes of text with everything that is not a
// visible character or a space replaced, so that it stays on one line anywhere.
func printable(text string, limit int) string {
	if len(text) > limit {
		end := limit
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// WithOrigin returns a context that OriginFrom and ClientAddrFrom read. The
// shell does it for each request; this is for work that no request started.
func WithOrigin(ctx context.Context, origin audit.Origin) context.Context {
	addr, err := netip.ParseAddr(origin.IP)
	if err != nil {
		addr = netip.Addr{}
	}
	return context.WithValue(ctx, logKey{}, &RequestLog{origin: origin, addr: addr})
}

// OriginFrom returns where the request of ctx came from; the zero Origin when
// ctx belongs to none.
func OriginFrom(ctx context.Context) audit.Origin {
	if log := RequestLogFrom(ctx); log != nil {
		return log.origin
	}
	return audit.Origin{}
}

// ClientAddrFrom returns the address in OriginFrom, parsed; the zero Addr when
// there is none.
func ClientAddrFrom(ctx context.Context) netip.Addr {
	if log := RequestLogFrom(ctx); log != nil {
		return log.addr
	}
	return netip.Addr{}
}
