package forwardauth

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// routes are those of the tests; each audience names its route.
func routes(tb testing.TB) table {
	tb.Helper()
	made, err := newTable([]Route{
		{Path: "/", Audience: "all"},
		{Path: "/admin", Audience: "admin"},
		{Path: "/admin/public", Audience: "public"},
		{Host: "git.example.com", Path: "/repo", Audience: "git"},
	})
	require.NoError(tb, err)
	return made
}

func TestRoutes(t *testing.T) {
	for _, c := range []struct{ host, path, want string }{
		{"", "/", "all"},
		{"", "/x", "all"},
		{"", "/admin", "admin"},
		{"", "/admin/", "admin"},
		{"", "/admin/x%20y/caf%C3%A9", "admin"},
		{"", "/admins", "all"},
		{"", "/adm%69n", ""}, // one server's /admin
		{"", "/admin/public/x", "public"},
		{"", "/admin/public/%2e%2e/x", ""},
		{"", "/public/../admin", ""},
		{"", "/x/..%2fadmin", ""},
		{"", "/x/..%252fadmin", ""},
		{"", `/x/..\admin`, ""},
		{"", "/x/..;a/admin", ""},
		{"", "/admin;a/x", ""},
		{"", "//admin", ""},
		{"", "/group%2Fproject", "all"}, // it does not matter here
		{"", "/100%25", "all"},
		{"", "/%", ""},
		{"", "", ""},
		{"", "admin", ""},
		{"", "*", ""},
		{"", "/%" + strings.Repeat("25", 9), ""}, // escaped again and again
		{"git.example.com", "/repo/x", "git"},
		{"GIT.Example.com.:443", "/repo/x", "git"},
		{"git.example.com", "/other", "all"},
		{"git.example.com, x", "/repo", ""},
		{"other.example.com", "/repo", "all"},
		{"[2001:db8::1]:443", "/repo", "all"},
	} {
		got := ""
		if route := routes(t).find([]string{c.host}, []string{c.path}); route != nil {
			got = route.Audience
		}
		require.Equal(t, c.want, got, "%s %s", c.host, c.path)
	}
	require.Nil(t, routes(t).find([]string{""}, []string{"/x", "/admin"}), "they do not agree")
	require.Nil(t, routes(t).find([]string{"a", "git.example.com"}, []string{"/repo"}))
	require.Nil(t, routes(t).find(nil, []string{"/"}))
	require.Nil(t, routes(t).find([]string{""}, nil))
	require.Equal(t, "admin", routes(t).find([]string{"a", "b"}, []string{"/admin/x", "/admin/y"}).Audience)
}

// servers are what a server may do to a path before it looks where it leads.
var servers = map[string]func(string) string{
	"as it stands":   func(p string) string { return p },
	"resolves dots":  path.Clean,
	"decodes":        unescaped,
	"decodes, dots":  func(p string) string { return path.Clean(unescaped(p)) },
	"decodes twice":  func(p string) string { return path.Clean(unescaped(unescaped(p))) },
	"windows":        func(p string) string { return path.Clean(strings.ReplaceAll(unescaped(p), `\`, "/")) },
	"merges slashes": func(p string) string { return strings.ReplaceAll(p, "//", "/") },
	"servlets": func(p string) string {
		parts := strings.Split(p, "/")
		for i := range parts {
			parts[i], _, _ = strings.Cut(parts[i], ";")
		}
		return path.Clean(unescaped(strings.Join(parts, "/")))
	},
}

func unescaped(p string) string {
	if decoded, err := url.PathUnescape(p); err == nil {
		return decoded
	}
	return p
}

// leads is the route that a server takes a path to, written without the code under test.
func leads(p string) string {
	switch {
	case p == "/admin/public" || strings.HasPrefix(p, "/admin/public/"):
		return "public"
	case p == "/admin" || strings.HasPrefix(p, "/admin/"):
		return "admin"
	default:
		return "all"
	}
}

// Whatever server is behind the proxy, the route that was found is where the path leads.
func FuzzRoutes(f *testing.F) {
	for _, seed := range []string{
		"/", "/admin", "/admin/public/..", "/%61dmin", "/x/..%2fadmin", "/x/..%252fadmin", `/\admin`, "/;/admin", "/a;b=c/../admin", "//admin",
		"/admin/public/%2e%2e%2fx", "/%", "/%25", "/admin%00", "/..;/admin", "/./admin", "/admin%2fpublic",
	} {
		f.Add(seed)
	}
	table := routes(f)
	f.Fuzz(func(t *testing.T, sent string) {
		route := table.find([]string{""}, []string{sent})
		if route == nil {
			return
		}
		for name, server := range servers {
			require.Equal(t, route.Audience, leads(server(sent)), "%q, by a server that %s", sent, name)
		}
	})
}

func FuzzHost(f *testing.F) {
	for _, seed := range []string{"git.example.com", "GIT.EXAMPLE.COM:443", "[::1]:1", "a,b", "", "git.example.com.", "@git.example.com"} {
		f.Add(seed)
	}
	table := routes(f)
	f.Fuzz(func(t *testing.T, host string) {
		route := table.find([]string{host}, []string{"/repo"})
		if route != nil && route.Audience == "git" {
			require.Regexp(t, `(?i)^\[*git\.example\.com\]*\.?(:.*)?$`, host)
		}
		name, ok := hostOf(host)
		again, same := hostOf(name)
		if ok && !strings.Contains(name, ":") && !strings.HasSuffix(name, ".") && !strings.ContainsAny(name, "[]") {
			require.True(t, same)
			require.Equal(t, name, again)
		}
	})
}
