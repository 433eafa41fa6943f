package forwardauth

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

var (
	errNoRoute = errors.New("no route has the original request")
	errQuery   = errors.New("the query is not one of audience and scope")
)

// target is what a request asks for; the zero value: the default.
type target struct {
	audience []string
	scope    string
}

// isOwnQuery reports whether the query is what the proxy was told to send. Below Path it
// is that of the original request.
func isOwnQuery(r *http.Request) bool { return r.URL.Path == Path }

// target reads the proxy's query, or else finds the route of the original request.
func (d *Door) target(r *http.Request) (target, error) {
	if isOwnQuery(r) && r.URL.RawQuery != "" {
		return queryTarget(r.URL.RawQuery)
	}
	if len(d.routes) == 0 {
		return target{}, nil
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !d.trusted(peer.Addr().Unmap().WithZone("")) {
		return target{}, errNoRoute
	}
	hosts, paths, ok := original(r)
	if !ok {
		return target{}, errNoRoute
	}
	route := d.routes.find(hosts, paths)
	if route == nil {
		return target{}, errNoRoute
	}
	return target{audience: []string{route.Audience}, scope: route.Scope}, nil
}

// queryTarget takes audience, which may be repeated, and scope. Any other parameter is a
// slip that would let in with more than was meant.
func queryTarget(raw string) (target, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return target{}, errQuery
	}
	asked := target{audience: query["audience"], scope: query.Get("scope")}
	for name, values := range query {
		empty := len(values) == 1 && values[0] == ""
		if name != "audience" && name != "scope" || name == "scope" && len(values) > 1 || empty {
			return target{}, errQuery
		}
	}
	return asked, nil
}

// original returns every host and path that the request may be about. Proxies send some of
// these headers and pass the others on as a client sent them, so all must agree.
func original(r *http.Request) (hosts, paths []string, ok bool) {
	said := func(name string) (value string, there bool) {
		values := r.Header[name]
		if len(values) > 1 {
			ok = false
		}
		if len(values) == 0 {
			return "", false
		}
		return values[0], true
	}
	ok = true
	if host, there := said("X-Forwarded-Host"); there { // Traefik, Caddy
		hosts = append(hosts, host)
	}
	for _, name := range []string{"X-Forwarded-Uri", "X-Original-Uri"} { // Traefik, Caddy; nginx
		if uri, there := said(name); there {
			sent, _, _ := strings.Cut(uri, "?")
			paths = append(paths, sent)
		}
	}
	if text, there := said("X-Original-Url"); there { // ingress-nginx
		whole, err := url.Parse(text)
		if err != nil || whole.Host == "" {
			return nil, nil, false
		}
		hosts, paths = append(hosts, whole.Host), append(paths, whole.EscapedPath())
	}
	if !isOwnQuery(r) { // Envoy
		hosts, paths = append(hosts, r.Host), append(paths, strings.TrimPrefix(r.URL.EscapedPath(), Path))
	}
	if len(hosts) == 0 {
		hosts = []string{""}
	}
	return hosts, paths, ok
}
