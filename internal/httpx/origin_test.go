package httpx_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/httpx"
)

func TestClientIP(t *testing.T) {
	trusted, err := httpx.ParseTrustedProxies([]string{"10.0.0.0/8", "2001:db8:1::/48", "::ffff:172.16.0.0/108", "192.0.2.1"})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"peer":                      {"198.51.100.1:5", nil, "198.51.100.1"},
		"mapped peer":               {"[::ffff:198.51.100.1]:5", nil, "198.51.100.1"},
		"peer with zone":            {"[fe80::1%eth0]:5", nil, "fe80::1"},
		"forged by anyone":          {"198.51.100.1:5", []string{"203.0.113.9"}, "198.51.100.1"},
		"by a proxy":                {"10.1.2.3:5", []string{"203.0.113.9"}, "203.0.113.9"},
		"by a mapped proxy":         {"[::ffff:10.1.2.3]:5", []string{"203.0.113.9"}, "203.0.113.9"},
		"by a proxy in mapped CIDR": {"172.16.9.9:5", []string{"203.0.113.9"}, "203.0.113.9"},
		"by a single address":       {"192.0.2.1:5", []string{"203.0.113.9"}, "203.0.113.9"},
		"by an IPv6 proxy":          {"[2001:db8:1::9]:5", []string{"2001:db8:2::1"}, "2001:db8:2::1"},
		"forged through a proxy":    {"10.1.2.3:5", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		"two proxies":               {"10.1.2.3:5", []string{"1.1.1.1, 203.0.113.9 ,10.9.9.9"}, "203.0.113.9"},
		"two headers":               {"10.1.2.3:5", []string{"203.0.113.9", "10.9.9.9"}, "203.0.113.9"},
		"proxies only":              {"10.1.2.3:5", []string{"10.7.7.7,10.9.9.9"}, "10.7.7.7"},
		"with port":                 {"10.1.2.3:5", []string{"203.0.113.9:4711"}, "203.0.113.9"},
		"IPv6 with port":            {"10.1.2.3:5", []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		"IPv6 in brackets":          {"10.1.2.3:5", []string{"[2001:db8::7]"}, "2001:db8::7"},
		"mapped entry":              {"10.1.2.3:5", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"entry with zone":           {"10.1.2.3:5", []string{"fe80::1%eth0"}, "fe80::1"},
		"garbage":                   {"10.1.2.3:5", []string{"1.1.1.1, unknown"}, "10.1.2.3"},
		"garbage behind a proxy":    {"10.1.2.3:5", []string{"1.1.1.1, _x, 10.9.9.9"}, "10.9.9.9"},
		"empty":                     {"10.1.2.3:5", []string{""}, "10.1.2.3"},
		"no address":                {"@", []string{"1.1.1.1"}, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = c.peer
			r.Header["X-Forwarded-For"] = c.forwarded
			r.Header.Set("Forwarded", "for=9.9.9.9")
			r.Header.Set("X-Real-Ip", "9.9.9.9")
			require.Equal(t, c.want, httpx.ClientIP(r, trusted).String())
		})
	}
}

func TestParseTrustedProxiesRefuses(t *testing.T) {
	for _, bad := range []string{"", "10.0.0.0/33", "proxy.example", "fe80::1%eth0/64", "10.0.0.1-9"} {
		_, err := httpx.ParseTrustedProxies([]string{"10.0.0.0/8", bad})
		require.Error(t, err, bad)
	}
	trusted, err := httpx.ParseTrustedProxies(nil)
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Forwarded-For", "1.1.1.1")
	require.Equal(t, "192.0.2.1", httpx.ClientIP(r, trusted).String())
}

func TestOriginWithoutRequest(t *testing.T) {
	require.Zero(t, httpx.OriginFrom(t.Context()))
	require.False(t, httpx.ClientAddrFrom(t.Context()).IsValid())
	httpx.RequestLogFrom(t.Context()).Add() // nil swallows

	want := audit.Origin{IP: "2001:db8::1", UserAgent: "job runner", TrackingID: "0123456789abcdef0123456789abcdef"}
	ctx := httpx.WithOrigin(t.Context(), want)
	require.Equal(t, want, httpx.OriginFrom(ctx))
	require.Equal(t, want.IP, httpx.ClientAddrFrom(ctx).String())
	require.False(t, httpx.ClientAddrFrom(httpx.WithOrigin(t.Context(), audit.Origin{})).IsValid())
}

// Whoever is not behind a trusted proxy cannot choose an address.
func FuzzClientIP(f *testing.F) {
	f.Add("10.0.0.1", "1.2.3.4, 10.0.0.2")
	f.Add("[::1]", ",,,")
	trusted, err := httpx.ParseTrustedProxies([]string{"10.0.0.0/8"})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, first, second string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["X-Forwarded-For"] = []string{first, second}
		require.Equal(t, "192.0.2.1", httpx.ClientIP(r, trusted).String())

		r.RemoteAddr = "10.0.0.9:1"
		r.Header["X-Forwarded-For"] = []string{first, second, "203.0.113.9"}
		require.Equal(t, "203.0.113.9", httpx.ClientIP(r, trusted).String(), "what the proxy appended counts")

		r.Header["X-Forwarded-For"] = []string{first, second}
		got := httpx.ClientIP(r, trusted)
		require.True(t, got.IsValid())
		require.False(t, got.Is4In6())
		require.Empty(t, got.Zone())
	})
}
