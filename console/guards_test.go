package console_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console"
	"github.com/cambio-sts/cambio/console/session"
	"github.com/cambio-sts/cambio/directory"
)

// TestStrangersAreLedToTheLogin: without a session there is no page but those of the
// login.
func TestStrangersAreLedToTheLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.stranger()
	require.Equal(t, "/console/login", b.get("/console/").location)
	require.Equal(t, "/console/login?return=%2Fconsole%2Ftokens%3Fq%3Da", b.get("/console/tokens?q=a").location)
	require.Equal(t, "/console/login", b.post("/console/tokens/new", url.Values{"name": {"x"}}).location)
	require.Equal(t, http.StatusUnauthorized, b.send(http.MethodGet, "/console/tokens", nil, http.Header{"Hx-Request": {"true"}}).status)
	require.Equal(t, http.StatusOK, b.get("/console/login").status)
	require.Equal(t, http.StatusNotFound, b.get("/console/nothing").status)
}

// TestCrossSiteIsRefused: a form of another site changes nothing, and says so.
func TestCrossSiteIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice", directory.AccessAsNonInteractiveUser)
	b := w.signIn(&alice)
	form := url.Values{"name": {"ci"}, "expires": {"30"}, "reach": {"all"}}
	for name, header := range map[string]http.Header{
		"another site":     {"Sec-Fetch-Site": {"cross-site"}},
		"a sibling":        {"Sec-Fetch-Site": {"same-site"}},
		"an old browser's": {"Sec-Fetch-Site": {""}, "Origin": {"https://evil.example.com"}},
		"no origin's":      {"Sec-Fetch-Site": {""}, "Origin": {"null"}},
	} {
		answer := b.send(http.MethodPost, "/console/tokens/new", form, header)
		require.Equal(t, http.StatusForbidden, answer.status, name)
		require.Contains(t, answer.body, "came from another site", name)
	}
	require.Contains(t, b.see("/console/tokens"), "No tokens yet")
	require.Equal(t, http.StatusOK, b.post("/console/tokens/new", form).status)
}

// TestWhatWasDoneIsNotMadeUp: a link from elsewhere does not have the console say that
// something was done.
func TestWhatWasDoneIsNotMadeUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice", directory.AccessAsNonInteractiveUser, directory.OrganizationAdmin)
	b := w.signIn(&alice)
	for path, text := range map[string]string{"/console/tokens?done=revoked": "The token is revoked.", "/console/policy?saved=7": "The policy is saved"} {
		for site, said := range map[string]bool{"same-origin": true, "": true, "none": false, "same-site": false, "cross-site": false} {
			answer := b.send(http.MethodGet, path, nil, http.Header{"Sec-Fetch-Site": {site}})
			require.Equal(t, http.StatusOK, answer.status)
			require.Equal(t, said, strings.Contains(answer.body, text), "%s %s", path, site)
		}
	}
}

// TestWhatIsNoForm is refused before anything is read from it.
func TestWhatIsNoForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice", directory.AccessAsNonInteractiveUser)
	b := w.signIn(&alice)
	form := url.Values{"name": {"ci"}, "expires": {"30"}, "reach": {"all"}}
	require.Equal(t, http.StatusBadRequest, b.send(http.MethodPost, "/console/tokens/new", form, http.Header{"Content-Type": {"text/plain"}}).status)
	form.Set("description", strings.Repeat("x", 70<<10))
	require.Equal(t, http.StatusBadRequest, b.post("/console/tokens/new", form).status)
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch} {
		answer := b.send(method, "/console/tokens", nil, nil)
		require.Equal(t, http.StatusMethodNotAllowed, answer.status, method)
		require.Equal(t, "GET, HEAD", answer.header.Get("Allow"))
	}
	require.Contains(t, b.see("/console/logout"), "Log out?", "a link logs nobody out")
	require.Equal(t, http.StatusOK, b.get("/console/").status)
}

// TestHeaders: every answer of the console forbids what it does not need.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice")
	b := w.signIn(&alice)
	for _, path := range []string{"/console/", "/console/login", "/console/nothing", "/console/tokens", "/console/static/nothing.css"} {
		header := b.get(path).header
		policy := header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'", path)
		require.NotContains(t, policy, "unsafe", path)
		require.Equal(t, "DENY", header.Get("X-Frame-Options"), path)
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "no-referrer", header.Get("Referrer-Policy"), path)
		require.Equal(t, "no-store", header.Get("Cache-Control"), path)
	}
}

// TestSessionsEnd: by logging out, by being idle, in the end, and with the person.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice")
	signedIn := func(b *browser) bool { return b.get("/console/").status == http.StatusOK }

	out := w.signIn(&alice)
	require.True(t, signedIn(out))
	require.Equal(t, "/console/logout", out.post("/console/logout", url.Values{}).location)
	require.False(t, signedIn(out))

	idle := w.signIn(&alice)
	w.advance(31 * time.Minute)
	require.False(t, signedIn(idle))

	long := w.signIn(&alice)
	for range 24 {
		require.True(t, signedIn(long))
		w.advance(29 * time.Minute)
	}
	w.advance(25 * time.Minute)
	require.False(t, signedIn(long), "twelve hours are over, whatever was done")

	disabled := w.signIn(&alice)
	_, err := w.people.UpdateIdentity(t.Context(), alice.ID, func(i *directory.Identity) error { i.Enabled = false; return nil }, directory.Actor{})
	require.NoError(t, err)
	require.False(t, signedIn(disabled))
	_, err = w.people.UpdateIdentity(t.Context(), alice.ID, func(i *directory.Identity) error { i.Enabled = true; return nil }, directory.Actor{})
	require.NoError(t, err)
	require.False(t, signedIn(disabled), "it does not come back")
}

// TestLinkWorksOnce: looking at it does not use it up, and it never works again.
func TestLinkWorksOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice")
	token, err := session.NewLinks(w.kept).Make(t.Context(), console.LinkSignIn, string(alice.ID), time.Hour)
	require.NoError(t, err)
	b, form := w.stranger(), url.Values{"token": {token.Reveal()}}
	require.Contains(t, b.see("/console/link?token="+token.Reveal()), "as Alice")
	require.Contains(t, b.see("/console/link?token="+token.Reveal()), "as Alice")
	require.Equal(t, http.StatusNotFound, b.get("/console/setup?token="+token.Reveal()).status, "it is for another purpose")
	require.Equal(t, "/console/", b.post("/console/link", form).location)
	require.Equal(t, http.StatusNotFound, w.stranger().post("/console/link", form).status)
	require.Equal(t, http.StatusNotFound, w.stranger().get("/console/link?token="+token.Reveal()).status)

	late, err := session.NewLinks(w.kept).Make(t.Context(), console.LinkSignIn, string(alice.ID), time.Hour)
	require.NoError(t, err)
	w.advance(time.Hour)
	require.Equal(t, http.StatusNotFound, b.get("/console/link?token="+late.Reveal()).status)
}

// TestLinkOfSomebodyInactive: it makes them active, as every login does. It is what is left
// to an administrator who was away for long while the provider fails.
func TestLinkOfSomebodyInactive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy(func(p *directory.Policy) { p.LogonInactivityDays = 30 })
	alice := w.person("alice")
	w.advance(40 * 24 * time.Hour)
	token, err := session.NewLinks(w.kept).Make(t.Context(), console.LinkSignIn, string(alice.ID), time.Hour)
	require.NoError(t, err)
	b := w.stranger()
	require.Contains(t, b.see("/console/link?token="+token.Reveal()), "as Alice")
	require.Equal(t, "/console/", b.post("/console/link", url.Values{"token": {token.Reveal()}}).location)
	b.see("/console/")
}

// TestSetup makes the first administrator, once.
func TestSetup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token, err := session.NewLinks(w.kept).Make(t.Context(), console.LinkSetup, directory.DefaultOrganizationName, 24*time.Hour)
	require.NoError(t, err)
	b := w.stranger()
	require.Contains(t, b.see("/console/setup?token="+token.Reveal()), "Who may use personal access tokens?")
	form := url.Values{"token": {token.Reveal()}, "username": {"root"}, "displayName": {"Ruth Root"}, "who": {"group"}}
	refused := b.post("/console/setup", form)
	require.Equal(t, http.StatusBadRequest, refused.status)
	require.Contains(t, refused.body, "name the group")
	require.Contains(t, refused.body, "Ruth Root", "nothing is lost")
	form.Set("group", "ManageSystemSecurityRoles")
	require.Contains(t, b.post("/console/setup", form).body, "a role has that name")
	form.Set("group", "developers")
	made := b.post("/console/setup", form)
	require.Equal(t, "/console/?done=set-up", made.location, made.body)
	require.Contains(t, b.see("/console/"), "Ruth Root")
	require.Equal(t, http.StatusNotFound, b.post("/console/setup", form).status)

	again, err := session.NewLinks(w.kept).Make(t.Context(), console.LinkSetup, directory.DefaultOrganizationName, 24*time.Hour)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, b.get("/console/setup?token="+again.Reveal()).status, "there is an administrator")
}

// TestSetupOnce: of many at once, with one link or with one each, one sets the console up,
// and there is one administrator.
func TestSetupOnce(t *testing.T) {
	t.Parallel()
	const crowd = 12
	for _, links := range []int{1, crowd} {
		w := newWorld(t)
		var tokens []string
		for range links {
			token, err := session.NewLinks(w.kept).Make(t.Context(), console.LinkSetup, directory.DefaultOrganizationName, 24*time.Hour)
			require.NoError(t, err)
			tokens = append(tokens, token.Reveal())
		}
		var all sync.WaitGroup
		statuses := make([]int, crowd)
		for i := range crowd {
			form := url.Values{"token": {tokens[i%links]}, "username": {"root" + strconv.Itoa(i/2)}, "displayName": {"Root"}, "who": {"everyone"}}
			b := w.stranger()
			all.Go(func() { statuses[i] = b.post("/console/setup", form).status })
		}
		all.Wait()
		slices.Sort(statuses)
		require.Equal(t, append([]int{http.StatusSeeOther}, slices.Repeat([]int{http.StatusNotFound}, crowd-1)...), statuses)
		made := 0
		for _, err := range w.people.ListIdentities(t.Context(), w.home.ID) {
			require.NoError(t, err)
			made++
		}
		require.Equal(t, 1, made)
	}
}

// TestWithoutTheRole: who lacks a role sees no way to a page, and gets 403 at its address.
func TestWithoutTheRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain := w.person("plain")
	b := w.signIn(&plain)
	home := b.see("/console/")
	for _, path := range []string{"/console/organization/tokens", "/console/organization/tokens/new", "/console/tokens/new"} {
		require.NotContains(t, home, `class="tile" href="`+path+`"`)
		require.Equal(t, http.StatusForbidden, b.get(path).status, path)
	}
	require.Contains(t, home, "You may not do anything here yet")
	require.Contains(t, b.get("/console/tokens/new").body, "You would need AccessAsNonInteractiveUser.")
	require.Equal(t, http.StatusForbidden, b.get("/console/tokens").status)

	alice := w.person("alice", directory.AccessAsNonInteractiveUser)
	b = w.signIn(&alice)
	require.NotContains(t, b.see("/console/tokens"), "View All Tokens")
	require.Equal(t, http.StatusNotFound, b.get("/console/tokens/00000000000000000000000000000000").status)
}
