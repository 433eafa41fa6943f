package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
)

// TestWhoMayUseTokens is decided by one form.
func TestWhoMayUseTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice", directory.AccessAsNonInteractiveUser)
	bert := w.person("bert")
	keeper := w.person("keeper", directory.ManageSystemSecurityRoles)
	w.group("clerks", bert.ID)
	b := w.signIn(&keeper)
	page := b.see("/console/roles")
	require.Contains(t, page, "No group may.")
	require.Contains(t, page, "By themselves may: Alice")
	require.Contains(t, page, `value="nobody" checked`)
	mayCreate := func(who *directory.Identity) bool {
		require.NoError(t, w.people.Refresh(t.Context()))
		return w.signIn(who).get("/console/tokens/new").status == http.StatusOK
	}
	require.False(t, mayCreate(&bert))

	unknown := b.post("/console/roles/users", url.Values{"who": {"group"}, "group": {"<b>clerk"}})
	require.Equal(t, http.StatusBadRequest, unknown.status)
	require.Contains(t, unknown.body, "there is no group of that name")
	require.Contains(t, unknown.body, `value="&lt;b&gt;clerk"`)
	require.Equal(t, http.StatusBadRequest, b.post("/console/roles/users", url.Values{"who": {"me"}}).status)

	require.Equal(t, "/console/roles?done=token_users", b.post("/console/roles/users", url.Values{"who": {"group"}, "group": {"clerks"}}).location)
	page = b.see("/console/roles")
	require.Contains(t, page, "<strong>clerks</strong>")
	require.Contains(t, page, `value="group" checked`)
	require.True(t, mayCreate(&bert))
	require.Equal(t, http.StatusSeeOther, b.post("/console/roles/users", url.Values{"who": {"everyone"}}).status)
	require.Contains(t, b.see("/console/roles"), "Everyone of the organization may.")
	require.Equal(t, http.StatusSeeOther, b.post("/console/roles/users", url.Values{"who": {"nobody"}}).status)
	require.False(t, mayCreate(&bert))
	require.True(t, mayCreate(&alice), "who holds it alone keeps it")
}

// TestAssignAndRemoveRoles gives roles and rights by names, and takes them away.
func TestAssignAndRemoveRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person("alice")
	clerks := w.group("clerks")
	keeper := w.person("keeper", directory.ManageSystemSecurityRoles)
	b := w.signIn(&keeper)
	form := b.see("/console/roles/new?role=group_admin")
	require.Contains(t, form, `<option value="group_admin" selected>`)
	require.Contains(t, form, `<option value="cambio:introspect">Right: cambio:introspect`)
	require.NotContains(t, form, `<option value="platform_admin">`)
	for name, one := range map[string]struct {
		form url.Values
		says string
	}{
		"no such person": {url.Values{"role": {"organization_user"}, "kind": {"person"}, "holder": {"<i>zoe"}}, "nobody has that username"},
		"no such group":  {url.Values{"role": {"organization_user"}, "kind": {"group"}, "holder": {"<i>zoe"}}, "there is no group of that name"},
		"no scope":       {url.Values{"role": {"group_admin"}, "kind": {"person"}, "holder": {"<i>zoe"}, "scopeId": {""}}, "there is no group of that name"},
		"no such role":   {url.Values{"role": {"root"}, "kind": {"person"}, "holder": {"alice"}}, "must be one of the roles"},
	} {
		answer := b.post("/console/roles/new", one.form)
		require.Equal(t, http.StatusBadRequest, answer.status, name)
		require.Contains(t, answer.body, one.says, name)
		require.NotContains(t, answer.body, "<i>zoe")
	}
	for _, one := range []url.Values{
		{"role": {"group_admin"}, "scopeId": {"clerks"}, "kind": {"person"}, "holder": {"alice"}},
		{"role": {"AdministerNonInteractiveUser"}, "kind": {"group"}, "holder": {"clerks"}},
		{"role": {"cambio:introspect"}, "kind": {"person"}, "holder": {"alice"}},
	} {
		require.Equal(t, "/console/roles?done=assigned", b.post("/console/roles/new", one).location)
	}
	page := b.see("/console/roles")
	for _, text := range []string{"group_admin<br>", "Group clerks", "cambio:introspect<br>", "AdministerNonInteractiveUser<br>", ">Alice "} {
		require.Contains(t, page, text)
	}
	page = b.see("/console/roles?role=group_admin")
	require.NotContains(t, page, "cambio:introspect<br>")
	remove := regexp.MustCompile(`href="(/console/roles/[0-9a-f]{32}/remove)"`).FindStringSubmatch(page)[1]
	asked := b.see(remove)
	require.Contains(t, asked, "Take group_admin from Alice?")
	require.Contains(t, asked, "Group clerks")
	require.Equal(t, "/console/roles?done=unassigned", b.post(remove, empty).location)
	require.Contains(t, b.see("/console/roles?role=group_admin"), "Nobody holds it")
	require.Equal(t, http.StatusNotFound, b.get(remove).status)

	page = b.see("/console/roles?role=AdministerNonInteractiveUser")
	remove = regexp.MustCompile(`href="(/console/roles/[0-9a-f]{32}/remove)"`).FindStringSubmatch(page)[1]
	require.Contains(t, b.see(remove), "every member of the group")
	require.NotEmpty(t, clerks.ID)
}

// TestRolesOnThePlatform are for platform_admin, of which one stays.
func TestRolesOnThePlatform(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root, keeper := w.person("root", directory.PlatformAdmin), w.person("keeper", directory.ManageSystemSecurityRoles)
	b := w.signIn(&root)
	page := b.see("/console/roles?role=platform_admin")
	remove := regexp.MustCompile(`href="(/console/roles/[0-9a-f]{32}/remove)"`).FindStringSubmatch(page)[1]
	require.Contains(t, b.see(remove), "This is yours")
	last := b.post(remove, empty)
	require.Equal(t, http.StatusConflict, last.status)
	require.Contains(t, last.body, "give platform_admin to somebody else first")
	require.Equal(t, http.StatusSeeOther, b.post("/console/roles/new", url.Values{"role": {"platform_admin"}, "kind": {"person"}, "holder": {"keeper"}}).status)
	require.Equal(t, "/console/roles?done=unassigned", b.post(remove, empty).location)

	alice := w.person("alice", directory.ManageSystemSecurityRoles)
	other := w.signIn(&alice)
	require.NotContains(t, other.see("/console/roles"), "platform_admin<br>")
	require.Equal(t, http.StatusForbidden, other.post("/console/roles/new", url.Values{"role": {"platform_admin"}, "kind": {"person"}, "holder": {"alice"}}).status)
	require.NoError(t, w.people.Refresh(t.Context()))
	require.Contains(t, w.signIn(&keeper).see("/console/roles"), "platform_admin<br>")

	bert := w.person("bert", directory.OrganizationAdmin)
	without := w.signIn(&bert)
	require.NotContains(t, without.see("/console/"), `href="/console/roles"`)
	for _, path := range []string{"/console/roles", "/console/roles/new", remove} {
		require.Equal(t, http.StatusForbidden, without.get(path).status, path)
	}
	require.Equal(t, http.StatusForbidden, without.post("/console/roles/users", url.Values{"who": {"everyone"}}).status)
}

// TestRolesInAnotherOrganization are assigned by who administers the platform.
func TestRolesInAnotherOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.person("root", directory.PlatformAdmin)
	other, err := w.people.AddOrganization(t.Context(), "other", directory.DefaultPolicy(), directory.Actor{})
	require.NoError(t, err)
	_, err = w.people.CreateIdentity(t.Context(), directory.Identity{Organization: other.ID, Username: "olga", Enabled: true}, directory.Actor{})
	require.NoError(t, err)
	b := w.signIn(&root)
	require.Contains(t, b.see("/console/roles/new"), `<option value="`+string(w.home.ID)+`" selected>default`)
	form := url.Values{"role": {"organization_admin"}, "organization": {string(w.home.ID)}, "kind": {"person"}, "holder": {"olga"}}
	require.Contains(t, b.post("/console/roles/new", form).body, "nobody has that username")
	form.Set("organization", string(other.ID))
	require.Equal(t, http.StatusSeeOther, b.post("/console/roles/new", form).status)
	page := b.see("/console/roles?role=organization_admin")
	require.Contains(t, page, "Organization other")
	require.Contains(t, page, "olga")
}
