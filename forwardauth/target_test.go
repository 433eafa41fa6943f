package forwardauth_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/forwardauth"
)

func routed(c *forwardauth.Config) {
	c.Routes = []forwardauth.Route{
		{Host: "shop.example.com", Path: "/orders", Audience: orders, Scope: "orders:read"},
		{Path: "/", Audience: open, Scope: "site:page:read"},
	}
}

func TestRouteOfTheOriginalRequest(t *testing.T) {
	w := newWorld(t, routed)
	made, _ := w.create()
	token := bearer(reveal(made))
	for name, said := range map[string][]string{
		"Traefik, Caddy": {"X-Forwarded-Host", "shop.example.com", "X-Forwarded-Uri", "/orders/1?x=/../y"},
		"nginx":          {"X-Forwarded-Host", "shop.example.com", "X-Original-URI", "/orders/1"},
		"ingress-nginx":  {"X-Original-URL", "https://shop.example.com:443/orders?x"},
		"all of them": {
			"X-Forwarded-Host", "shop.example.com", "X-Forwarded-Uri", "/orders/1", "X-Original-URI", "/orders/1",
			"X-Original-URL", "https://shop.example.com/orders",
		},
	} {
		claims := w.claims(w.get(path, append(said, token...)...), orders)
		require.Equal(t, "orders:read", claims.Scope, name)
	}
	envoy := append([]string{"Host", "shop.example.com"}, token...)
	w.claims(w.get(path+"/orders/1?audience="+open+"&access_token=x", envoy...), orders)
	w.claims(w.get(path+"/other//x?audience="+orders, envoy...), open)
	w.claims(w.get(path+"?audience="+orders, append([]string{"X-Forwarded-Uri", "/other"}, token...)...), orders) // the proxy's own query goes first
	for name, said := range map[string][]string{
		"nothing said":    {},
		"another host":    {"X-Forwarded-Host", "shop.example.com", "X-Original-URL", "https://other.example.com/orders"},
		"another path":    {"X-Forwarded-Host", "shop.example.com", "X-Original-URI", "/orders", "X-Forwarded-Uri", "/other"},
		"two hosts":       {"X-Forwarded-Host", "shop.example.com", "X-Forwarded-Host", "shop.example.com", "X-Original-URI", "/orders"},
		"a list of hosts": {"X-Forwarded-Host", "shop.example.com, shop.example.com", "X-Original-URI", "/orders"},
		"no path":         {"X-Forwarded-Host", "shop.example.com"},
		"dots":            {"X-Forwarded-Host", "shop.example.com", "X-Original-URI", "/x/../orders"},
		"no URL":          {"X-Original-URL", "/orders"},
	} {
		got := w.get(path, append(said, token...)...)
		require.Equal(t, http.StatusForbidden, got.status, name)
		require.Empty(t, got.header.Get(forwardauth.HeaderCause), name)
		require.Empty(t, got.jwt(), name)
	}
	require.Equal(t, http.StatusForbidden, w.get(path+"/x/..%2forders", envoy...).status, "a path that is two")
}

// Whoever is no proxy does not choose a route.
func TestRouteOnlyByTrustedProxies(t *testing.T) {
	w := newWorld(t, routed, func(c *forwardauth.Config) { c.Trusted = func(netip.Addr) bool { return false } })
	made, _ := w.create()
	said := append(bearer(reveal(made)), "X-Forwarded-Host", "shop.example.com", "X-Forwarded-Uri", "/orders")
	require.Equal(t, http.StatusForbidden, w.get(path, said...).status)
	require.Equal(t, http.StatusForbidden, w.get(path+"/orders", said...).status)
	require.Equal(t, http.StatusOK, w.get(path+"?audience="+orders, said...).status, "a query needs no trust: the token may be exchanged for it anyway")
}
