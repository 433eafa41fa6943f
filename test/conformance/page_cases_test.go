package conformance

import (
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pageCases are what every page of the console says to browsers, and what other sites
// cannot have it do (ASVS 3.4, 3.5 and 10.4).
func pageCases() []Case {
	onSite := func(id, name string, run func(t *testing.T, w *world)) Case {
		return Case{ID: id, Name: name, On: onConsole, Run: run}
	}
	return []Case{
		onSite("C146", "by https", pagesForbidWhatTheyDoNotNeed),
		onSite("C146", "on the way to the provider", func(t *testing.T, w *world) {
			t.Helper()
			b := w.login(t, "dora")
			for _, got := range []answer{w.stranger().get(t, "/console/login"), b.post(t, "/console/logout")} {
				require.Equal(t, http.StatusOK, got.Status)
				requireGuarded(t, "", got)
				require.Empty(t, got.Header.Values("Strict-Transport-Security"), "RFC 6797 §7.2: not by http")
			}
		}),
		onSite("C147", "cross-site", otherSitesChangeNothing),
		onSite("C154", "the owner revokes in the console", ownerRevokesOnPage),
	}
}

// pagesForbidWhatTheyDoNotNeed looks at pages, errors and redirects.
func pagesForbidWhatTheyDoNotNeed(t *testing.T, w *world) {
	t.Helper()
	b, stranger := w.site.secure, w.site.secure.w.stranger()
	for _, path := range []string{
		"/console", "/console/", "/console/me", "/console/tokens", "/console/tokens/new", "/console/people", "/console/groups", "/console/policy", "/console/keys",
		"/console/organization", "/console/audit", "/console/logout", "/console/nothing", "/console/tokens/nothing", "/console/login/callback",
		"/console/static/nothing", "/console/setup?token=wrong", "/console/link?token=wrong",
	} {
		requireSecure(t, path, b.fork().get(t, path))
		requireSecure(t, path, stranger.get(t, path))
	}
	requireSecure(t, "login", stranger.get(t, "/console/login"))
	requireSecure(t, "405", b.fork().post(t, "/console/me"))
	requireSecure(t, "403", b.fork().send(t, formOf("/console/tokens/new").with(head("Sec-Fetch-Site", "cross-site"))))
	requireSecure(t, "400", b.fork().post(t, "/console/tokens/new"))
	requireSecure(t, "a link that was used", w.site.entered)
	for _, name := range regexp.MustCompile(`/console/static/[^"]+`).FindAllString(b.fork().see(t, "/console/"), -1) {
		got := b.fork().get(t, name)
		require.Equal(t, http.StatusOK, got.Status, name)
		requireSecure(t, name, got)
	}
}

// requireSecure is requireGuarded by https.
func requireSecure(t *testing.T, what string, got answer) {
	t.Helper()
	requireGuarded(t, what, got)
	const year = 365 * 24 * 60 * 60
	age, err := strconv.Atoi(found(t, got.Header.Get("Strict-Transport-Security"), `^max-age=(\d+)`))
	require.NoError(t, err)
	require.GreaterOrEqual(t, age, year, what)
}

// inline is what a policy without unsafe-inline keeps from working: in no page.
var inline = regexp.MustCompile(`(?i)<style|<[^>]*\s(style|on[a-z]+)=|javascript:|<script(\s[^>]*)?>[^<]`)

// requireGuarded looks at the header fields that a browser heeds, and at the page.
func requireGuarded(t *testing.T, what string, got answer) {
	t.Helper()
	require.Len(t, got.Header.Values("Content-Security-Policy"), 1, what)
	policy := map[string]string{}
	for directive := range strings.SplitSeq(got.Header.Get("Content-Security-Policy"), ";") {
		name, sources, _ := strings.Cut(strings.TrimSpace(directive), " ")
		require.NotContains(t, policy, name, "%s: the first one counts", what)
		policy[name] = sources
	}
	for name, sources := range map[string]string{
		"default-src": "'none'", "object-src": "'none'", "base-uri": "'none'", "frame-ancestors": "'none'", "script-src": "'self'", "style-src": "'self'",
	} {
		require.Equal(t, sources, policy[name], "%s: %s", what, name)
	}
	require.Contains(t, policy["form-action"], "'self'", what)
	require.NotContains(t, got.Header.Get("Content-Security-Policy"), "unsafe", what)
	for name, value := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "X-Frame-Options": "DENY",
	} {
		require.Equal(t, []string{value}, got.Header.Values(name), "%s: %s", what, name)
	}
	if strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
		require.NotRegexp(t, inline, got.Body, what)
	}
}

// routesFile has every address of the console, with its methods: a test of the console
// holds it complete.
const routesFile = "../../console/testdata/routes.txt"

// otherSitesChangeNothing sends a form to every address that takes one, as other sites can
// have a browser do, and follows every link.
func otherSitesChangeNothing(t *testing.T, w *world) {
	t.Helper()
	const trace, after = "c1470000000000000000000000000001", "c1470000000000000000000000000002"
	text, err := os.ReadFile(routesFile)
	require.NoError(t, err)
	admin, fill := w.site.admin.fork(), w.furnish(t)
	forms := 0
	for route := range strings.Lines(string(text)) {
		pattern, methods, _ := strings.Cut(strings.TrimSpace(route), " ")
		path := fill.Replace(pattern)
		require.NotContains(t, path, "{", "no id is known")
		if path != callbackPath { // which is no link, but an answer
			w.followsLink(t, admin, path, trace)
		}
		if !strings.Contains(methods, http.MethodPost) {
			require.Equal(t, http.StatusMethodNotAllowed, admin.post(t, path).Status, path)
			continue
		}
		forms++
		for _, line := range [][2]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example.com"}, {"Origin", "null"},
		} {
			got := admin.send(t, formOf(path).with(head(line[0], line[1]), traced(trace)))
			require.Equal(t, http.StatusForbidden, got.Status, "%s: %s", path, line)
			require.Contains(t, got.Body, "came from another site", path)
		}
	}
	require.Greater(t, forms, 30)
	require.True(t, admin.signedIn(t))
	// What is shipped before this is in the trail.
	require.Equal(t, http.StatusOK, admin.send(t, formOf("/console/tokens/new", "name=after", "expires=30", "reach=all").with(
		head("Sec-Fetch-Site", "same-origin"), traced(after))).Status, "it is the one thing that differs")
	w.audited(t, event{"tracking_id": after})
	require.Empty(t, w.events(t, event{"tracking_id": trace}))
}

// followsLink gets a page twice, as a link does.
func (w *world) followsLink(t *testing.T, b *browser, path, trace string) {
	t.Helper()
	want := http.StatusOK
	switch path {
	case "/console/login", "/console/audit/activity": // to home, and to the page that it is a part of
		want = http.StatusSeeOther
	case "/console/link", "/console/setup": // there is no token
		want = http.StatusNotFound
	}
	for range 2 {
		got := b.send(t, get(path, head("Sec-Fetch-Site", "cross-site"), traced(trace)))
		require.Equal(t, want, got.Status, "%s: %s", path, got.Body)
	}
}

// furnish makes one of everything, and returns what puts the ids into a route.
func (w *world) furnish(t *testing.T) *strings.Replacer {
	t.Helper()
	admin := w.site.admin.fork()
	const id = `([^/"?]+)`
	made := func(kind, path string, form ...string) string {
		got := admin.post(t, path, form...)
		require.Contains(t, []int{http.StatusOK, http.StatusSeeOther}, got.Status, "%s: %s", path, got.Body)
		if got.Status == http.StatusSeeOther {
			return found(t, got.location(), "^"+kind+id)
		}
		return found(t, got.Body, kind+id)
	}
	token := []string{"name=furniture", "expires=30", "reach=all"}
	group, child := made("/console/groups/", "/console/groups/new", "name=clerks"), made("/console/groups/", "/console/groups/new", "name=juniors")
	person := found(t, w.login(t, "emil").see(t, "/console/me"), idOnPage)
	admin.do(t, "/console/groups/"+group+"/members/add", "username=emil")
	admin.do(t, "/console/groups/"+group+"/nested/add", "group=juniors")
	admin.do(t, "/console/roles/new", "role=group_admin", "scopeId=clerks", "kind=person", "holder=root")
	for _, role := range []string{"organization_admin", "AdministerNonInteractiveUser"} {
		admin.do(t, "/console/roles/new", "role="+role, "kind=person", "holder=root")
	}
	return strings.NewReplacer(
		"/console/groups/{group}/tokens/{id}", "/console/groups/"+group+"/tokens/"+made("/console/groups/"+group+"/tokens/", "/console/groups/"+group+"/tokens/new", token...),
		"/console/groups/{group}", "/console/groups/"+group, "/console/groups/{id}", "/console/groups/"+group, "{member}", person, "{child}", child,
		"/console/organization/tokens/{id}", "/console/organization/tokens/"+made("/console/organization/tokens/", "/console/organization/tokens/new", token...),
		"/console/tokens/{id}", "/console/tokens/"+made("/console/tokens/", "/console/tokens/new", token...),
		"/console/people/{id}", "/console/people/"+person, "{group}", group,
		"/console/keys/{id}", "/console/keys/"+found(t, admin.see(t, "/console/keys"), `/console/keys/`+id+`/revoke`),
		"/console/organizations/{id}", "/console/organizations/"+found(t, admin.see(t, "/console/organizations"), `/console/organizations/`+id+`/rename`),
		"/console/roles/{id}", "/console/roles/"+found(t, admin.see(t, "/console/roles"), `/console/roles/`+id+`/remove`),
		"{$}", "",
	)
}

// ownerRevokesOnPage makes a token in the console, and revokes it there.
func ownerRevokesOnPage(t *testing.T, w *world) {
	t.Helper()
	b := w.login(t, "dora")
	page := b.post(t, "/console/tokens/new", "name=ci", "expires=30", "reach=all")
	require.Equal(t, http.StatusOK, page.Status, page.Body)
	path := found(t, page.Body, `(/console/tokens/[0-9a-f]{32})`)
	use := exchange(set("subject_token", found(t, page.Body, `(cambio_pat_[0-9A-Za-z_]+)`)))
	w.expect(t, use, minted(nil))
	require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, w.login(t, "emil").post(t, path+"/revoke", "reason=other").Status)
	w.expect(t, use, minted(nil))
	require.Equal(t, path+"?done=revoked", b.do(t, path+"/revoke", "reason=other"))
	w.expect(t, use, denied("revoked"))
	w.expect(t, use.with(replica), denied("revoked"))
}
