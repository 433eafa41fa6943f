package forwardauth

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Route says what requests to a part of a site are for.
type Route struct {
	Host     string // in lower case, without port; empty: any
	Path     string // a clean path: it and what lies below; "/": all
	Audience string
	Scope    string // separated by spaces; empty: what the token holds
}

// table has the routes of which the first that fits is taken: those of a host before
// those of any, longer paths before shorter ones.
type table []Route

func newTable(routes []Route) (table, error) {
	for i, route := range routes {
		host, ok := hostOf(route.Host)
		switch {
		case route.Audience == "":
			return nil, fmt.Errorf("forwardauth: route %d has no audience", i)
		case route.Path == "" || route.Path[0] != '/' || clean(route.Path) != route.Path:
			return nil, fmt.Errorf("forwardauth: route %d: the path must begin with / and be clean", i)
		case !ok || host != route.Host:
			return nil, fmt.Errorf("forwardauth: route %d: the host must be in lower case, without port", i)
		}
	}
	sorted := slices.Clone(routes)
	slices.SortStableFunc(sorted, func(a, b Route) int {
		if (a.Host == "") != (b.Host == "") {
			return len(b.Host) - len(a.Host)
		}
		return len(b.Path) - len(a.Path)
	})
	return sorted, nil
}

// find returns the route of what all hosts and paths name: each is what a proxy may have
// taken the request for. Nil if there is none, or if they do not agree.
func (t table) find(hosts, paths []string) *Route {
	var found *Route
	for _, host := range hosts {
		name, ok := hostOf(host)
		if !ok {
			return nil
		}
		for _, sent := range paths {
			route := t.agreed(name, sent)
			if route == nil || found != nil && found != route {
				return nil
			}
			found = route
		}
	}
	return found
}

// agreed returns the route that every reading of a path has.
func (t table) agreed(host, sent string) *Route {
	all, ok := readings(sent)
	if !ok {
		return nil
	}
	found := t.match(host, sent)
	if slices.ContainsFunc(all, func(reading string) bool { return t.match(host, reading) != found }) {
		return nil
	}
	return found
}

func (t table) match(host, path string) *Route {
	for i := range t {
		route := &t[i]
		if (route.Host == "" || route.Host == host) && below(route.Path, path) {
			return route
		}
	}
	return nil
}

// below reports whether a path is prefix or lies below it.
func below(prefix, path string) bool {
	rest, found := strings.CutPrefix(path, strings.TrimSuffix(prefix, "/"))
	return found && (rest == "" || rest[0] == '/')
}

// mostEscapes is how often servers in a row may resolve the escapes of a path.
const mostEscapes = 3

// readings are what servers may take an escaped path for: as it stands, with dots
// resolved, with escapes resolved, and without parameters. ok is false for what is no
// path, or is escaped again and again.
func readings(sent string) (all []string, ok bool) {
	if sent == "" || sent[0] != '/' {
		return nil, false
	}
	all = []string{sent, clean(sent), clean(withoutParameters(sent))}
	decoded := sent
	for range mostEscapes {
		once, err := url.PathUnescape(decoded)
		switch {
		case err != nil:
			return all, decoded != sent // a percent sign that had been escaped
		case once == decoded:
			return all, true
		}
		decoded = once
		all = append(all, decoded, clean(decoded), clean(withoutParameters(decoded)))
	}
	return nil, false
}

// clean resolves dots and repeated slashes, and takes a backslash for a slash.
func clean(sent string) string { return path.Clean("/" + strings.ReplaceAll(sent, `\`, "/")) }

// withoutParameters cuts what follows a semicolon in each segment, as some servers do
// before they resolve dots.
func withoutParameters(sent string) string {
	segments := strings.Split(sent, "/")
	for i := range segments {
		segments[i], _, _ = strings.Cut(segments[i], ";")
	}
	return strings.Join(segments, "/")
}

// hostOf returns a host in lower case, without port and final dot. false: it is not one.
func hostOf(host string) (string, bool) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	return host, !strings.ContainsAny(host, ", \t/\\@?#")
}
