package egress

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGuard(t *testing.T) {
	for addr, public := range map[string]bool{
		"93.184.216.34": true, "1.1.1.1": true, "172.15.255.255": true, "172.32.0.0": true, "100.63.255.255": true, "100.128.0.0": true,
		"11.0.0.0": true, "128.0.0.1": true, "169.253.255.255": true, "192.167.255.255": true, "223.255.255.255": true,
		"2606:4700::1111": true, "2001:200::1": true, "2001:4860:4860::8888": true,
		"::ffff:93.184.216.34": true, "64:ff9b::93.184.216.34": true,

		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "127.0.0.1": false, "127.255.255.255": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.168.0.1": false, "169.254.169.254": false, "169.254.0.1": false, "100.64.0.1": false, "100.127.255.255": false, "100.100.100.200": false,
		"224.0.0.1": false, "239.255.255.255": false, "255.255.255.255": false, "240.0.0.1": false, "198.18.0.1": false, "192.0.0.192": false,
		"192.0.2.1": false, "198.51.100.1": false, "203.0.113.1": false,
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd00:ec2::254": false, "fec0::1": false, "ff02::1": false,
		"2001:db8::1": false, "2001::1": false, "2001:10::1": false, "2002:7f00:1::": false, "2002:5db8:d822::": false, "100::1": false, "3fff::1": false, "5f00::1": false,
		"::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false,
		"64:ff9b::127.0.0.1": false, "64:ff9b::169.254.169.254": false, "64:ff9b::10.0.0.1": false, "64:ff9b:1::93.184.216.34": false,
	} {
		parsed := netip.MustParseAddr(addr)
		open, plain := &Guard{}, &Guard{Only: true}
		if public {
			require.NoError(t, open.Check(parsed), addr)
		} else {
			require.ErrorIs(t, open.Check(parsed), ErrForbidden, addr)
		}
		require.ErrorIs(t, plain.Check(parsed), ErrForbidden, "%s over http", addr)

		// Its own network makes the difference, and nobody else's.
		bare := parsed.Unmap().WithZone("")
		own := []netip.Prefix{netip.PrefixFrom(bare, bare.BitLen())}
		require.NoError(t, (&Guard{Allowed: own}).Check(parsed), addr)
		require.NoError(t, (&Guard{Allowed: own, Only: true}).Check(parsed), addr)
		other := []netip.Prefix{netip.PrefixFrom(bare.Next(), bare.BitLen())}
		if !bare.Next().IsValid() {
			continue
		}
		require.Equal(t, public, (&Guard{Allowed: other}).Check(parsed) == nil, addr)
	}
}

// An address of IPv4 is allowed by its own network in each of its forms.
func TestGuardOfOtherForms(t *testing.T) {
	g := &Guard{Allowed: prefixes("10.1.0.0/16")}
	for _, addr := range []string{"10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3"} {
		require.NoError(t, g.Check(netip.MustParseAddr(addr)), addr)
	}
	for _, addr := range []string{"10.2.2.3", "::ffff:10.2.2.3", "64:ff9b::10.2.2.3"} {
		require.ErrorIs(t, g.Check(netip.MustParseAddr(addr)), ErrForbidden, addr)
	}
}

func TestGuardOfSockets(t *testing.T) {
	g := &Guard{Allowed: prefixes("127.0.0.0/8")}
	require.NoError(t, g.control(t.Context(), "tcp4", "127.0.0.1:443", nil))
	require.ErrorIs(t, g.control(t.Context(), "tcp4", "128.0.0.1", nil), ErrForbidden)
	require.ErrorIs(t, g.control(t.Context(), "udp4", "127.0.0.1:443", nil), ErrForbidden)
	require.ErrorIs(t, g.control(t.Context(), "unix", "/run/docker.sock", nil), ErrForbidden)
}

func TestNoProxy(t *testing.T) {
	require.Nil(t, (&Guard{}).Transport().Proxy, "it would look the name up by itself")
}
