package console_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
)

// TestMyAccess tells people who they are, what they hold and how many tokens they may
// still make.
func TestMyAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy(func(policy *directory.Policy) { policy.LogonInactivityDays = 10; policy.MaxTokensPerOwner = 3 })
	alice := w.person("alice", directory.AccessAsNonInteractiveUser, directory.ManageSystemSecurityRoles, directory.Role(directory.Introspect))
	group := w.group("<b>clerks", alice.ID)
	require.NoError(t, w.people.Assign(t.Context(), w.home.ID, directory.Assignment{
		Role: directory.GroupUser, Scope: directory.OnGroup, ScopeID: group.ID, Holder: group.ID,
	}, directory.Actor{}))
	b := w.signIn(&alice)
	require.Equal(t, http.StatusOK, b.post("/console/tokens/new", url.Values{"name": {"ci"}, "expires": {"30"}, "reach": {"all"}}).status)
	w.advance(36 * time.Hour)
	b = w.signIn(&alice)

	page := b.see("/console/me")
	for _, text := range []string{
		">alice<", "Organization", ">default<", "Nov 24, 2026, 00:00", "Days left: 10", "becomes inactive in 10 days", "1 of 3 usable tokens",
		"<strong>ManageSystemSecurityRoles</strong>", "Organization default", "<strong>group_user</strong>", "Group &lt;b&gt;clerks", "<li>&lt;b&gt;clerks</li>",
		"<code>cambio:introspect</code>", "<code>idn:my-personal-access-tokens:manage</code>", `href="/console/roles"`,
	} {
		require.Contains(t, page, text)
	}
	require.NotContains(t, page, "<b>")
	require.NotContains(t, page, "/console/policy")
	require.Contains(t, page, `<a href="/console/me">My access</a>`)

	carol := w.person("carol")
	page = w.signIn(&carol).see("/console/me")
	require.Contains(t, page, "You hold none. Somebody who assigns roles")
	require.NotContains(t, page, "What you may administer")
	require.Equal(t, http.StatusSeeOther, w.stranger().get("/console/me").status)
}
