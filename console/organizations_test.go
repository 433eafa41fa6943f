package console_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
)

// TestOrganizationPage tells each what they may see of their organization.
func TestOrganizationPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	year := int64(365 * 24 * 60 * 60)
	w.policy(func(policy *directory.Policy) {
		policy.MaxLifetimeSeconds, policy.AllowNeverExpire, policy.MaxTokensPerOwner = year, false, 7
		policy.LogonInactivityDays, policy.UnusedRevokeDays = 90, 30
		policy.AllowedNetworks = []string{"192.0.2.0/24", "127.0.0.0/8"}
	})
	admin := w.person("admin", everyRole...)
	plain := w.person("plain", directory.OrganizationUser)
	carol := w.person("carol")
	page := w.signIn(&admin).see("/console/organization")
	for _, text := range []string{
		"New tokens live at most 365 days.", "Every token must expire.", "each owner at most: 7.", "JWTs live 5 minutes", "at most 12 hours",
		"for 90 days becomes inactive", "for 30 days is revoked", "certain networks only: 2.", "/console/organization/tokens", "/console/policy",
		"/console/organizations/" + string(w.home.ID) + "/rename", `<strong>3</strong><span>People</span>`, `<strong>3</strong><span>Groups</span>`,
	} {
		require.Contains(t, page, text)
	}
	page = w.signIn(&plain).see("/console/organization")
	require.Contains(t, page, "<h1>default</h1>")
	for _, text := range []string{"365 days", "/console/organization/tokens", "/rename", `class="count"`} {
		require.NotContains(t, page, text)
	}
	require.Equal(t, http.StatusForbidden, w.signIn(&carol).get("/console/organization").status)
}

// TestOrganizations are made with an administrator and renamed, on the platform only.
func TestOrganizations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root, admin := w.person("root", directory.PlatformAdmin), w.person("admin", directory.OrganizationAdmin)
	b := w.signIn(&root)
	require.Contains(t, b.see("/console/organizations"), ">default</a>")
	form := url.Values{"name": {"<b>second"}, "username": {""}, "displayName": {"kept name"}}
	refused := b.post("/console/organizations/new", form)
	require.Equal(t, http.StatusBadRequest, refused.status)
	require.Contains(t, refused.body, "must have 1 to 255")
	require.Contains(t, refused.body, "kept name")
	form.Set("username", "olga")
	form.Set("externalId", "ext-1")
	require.Equal(t, "/console/organizations?done=organization_created", b.post("/console/organizations/new", form).location)
	page := b.see("/console/organizations")
	require.Contains(t, page, "&lt;b&gt;second")
	again := b.post("/console/organizations/new", form)
	require.Equal(t, http.StatusBadRequest, again.status)
	require.Contains(t, again.body, "another organization has that name")
	snapshot, err := w.people.Snapshot(t.Context())
	require.NoError(t, err)
	second, ok := snapshot.OrganizationByName("<b>second")
	require.True(t, ok)
	olga, err := w.people.FindByLogin(t.Context(), second.ID, directory.ByUsername, "olga")
	require.NoError(t, err)
	require.Equal(t, []any{"kept name", "ext-1", true}, []any{olga.DisplayName, olga.ExternalID, olga.Enabled})
	require.Contains(t, w.signIn(&olga).see("/console/organization"), "&lt;b&gt;second")

	rename := "/console/organizations/" + string(second.ID) + "/rename"
	etag := etagField.FindStringSubmatch(b.see(rename))[1]
	taken := b.post(rename, url.Values{"etag": {etag}, "name": {"default"}})
	require.Equal(t, http.StatusBadRequest, taken.status)
	require.Contains(t, taken.body, "another one has that name")
	require.Equal(t, "/console/organizations?done=organization_renamed", b.post(rename, url.Values{"etag": {etag}, "name": {"third"}}).location)
	require.Equal(t, http.StatusPreconditionFailed, b.post(rename, url.Values{"etag": {etag}, "name": {"fourth"}}).status)
	require.Contains(t, b.see("/console/organizations"), "third")

	other := w.signIn(&admin)
	require.NotContains(t, other.see("/console/"), `href="/console/organizations"`)
	for _, path := range []string{"/console/organizations", "/console/organizations/new", rename, "/console/organizations/" + string(w.home.ID) + "/rename"} {
		require.Equal(t, http.StatusForbidden, other.get(path).status, path)
	}
	require.Equal(t, http.StatusForbidden, other.post("/console/organizations/new", form).status)
}
