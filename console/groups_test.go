package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
)

// TestGroupByForms makes a group, changes it, fills it, nests another in it and deletes
// it.
func TestGroupByForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice")
	w.person("alina")
	keeper := w.person("keeper", directory.ManageSystemSecurityGroups)
	b := w.signIn(&keeper)
	require.Contains(t, b.see("/console/groups"), "/console/groups/new")
	made := b.post("/console/groups/new", url.Values{"name": {"clerks"}, "description": {"<i>who pay"}})
	require.Equal(t, http.StatusSeeOther, made.status, made.body)
	path := pathOf(made.location)
	page := b.see(made.location)
	for _, text := range []string{"The group is created.", "&lt;i&gt;who pay", "No direct members", path + "/members/add", path + "/edit"} {
		require.Contains(t, page, text)
	}
	require.NotContains(t, page, path+"/tokens", "of which the caller is no administrator")
	require.NotContains(t, page, "What members get", "the caller may not read roles")
	for name, says := range map[string]string{"clerks": "another one has that name", "": "must have 1 to 255", "group_admin": "the name means something else"} {
		answer := b.post("/console/groups/new", url.Values{"name": {name}, "description": {"kept text"}})
		require.Equal(t, http.StatusBadRequest, answer.status, name)
		require.Contains(t, answer.body, says)
		require.Contains(t, answer.body, "kept text")
	}
	etag := etagField.FindStringSubmatch(b.see(path + "/edit"))[1]
	edit := url.Values{"etag": {etag}, "name": {"payers"}}
	require.Equal(t, path+"?done=group_changed", b.post(path+"/edit", edit).location)
	require.Equal(t, http.StatusPreconditionFailed, b.post(path+"/edit", edit).status)

	unclear := b.post(path+"/members/add", url.Values{"username": {"ALI"}})
	require.Equal(t, http.StatusBadRequest, unclear.status)
	require.Contains(t, unclear.body, `<option value="`+string(alice.ID)+`">Alice · alice</option>`)
	require.Contains(t, unclear.body, "Alina · alina")
	require.Contains(t, unclear.body, `value="ALI"`)
	nobody := b.post(path+"/members/add", url.Values{"username": {"zzz"}})
	require.Contains(t, nobody.body, "nobody has that username")
	require.Equal(t, path+"?done=member_added", b.post(path+"/members/add", url.Values{"username": {"ALI"}, "person": {string(alice.ID)}}).location)
	require.Equal(t, path+"?done=member_added", b.post(path+"/members/add", url.Values{"username": {"alina"}}).location)
	page = b.see(path)
	require.Contains(t, page, ">Alice</a>")
	require.Contains(t, page, ">Alina</a>")
	require.Contains(t, b.see(path+"/delete"), "Members who lose what it gives: 2")
	remove := path + "/members/" + string(alice.ID) + "/remove"
	require.Contains(t, b.see(remove), "Remove Alice from payers?")
	require.Equal(t, path+"?done=member_removed", b.post(remove, empty).location)
	require.NotContains(t, b.see(path), ">Alice</a>")
	require.Equal(t, http.StatusNotFound, b.get(remove).status)

	inner := w.group("inner")
	nested := path + "/nested"
	require.Equal(t, nested+"?done=group_nested", b.post(nested+"/add", url.Values{"group": {"inner"}}).location)
	require.Contains(t, b.see(nested), ">inner</a>")
	cycle := b.post("/console/groups/"+string(inner.ID)+"/nested/add", url.Values{"group": {"payers"}})
	require.Equal(t, http.StatusBadRequest, cycle.status)
	require.Contains(t, cycle.body, "a group cannot contain itself")
	require.Equal(t, nested+"?done=group_unnested", b.post(nested+"/"+string(inner.ID)+"/remove", empty).location)
	require.Contains(t, b.see(nested), "No groups in it")

	require.Equal(t, "/console/groups?done=group_deleted", b.post(path+"/delete", empty).location)
	require.Equal(t, http.StatusNotFound, b.get(path).status)
	require.Contains(t, b.see("/console/groups?q=PAY"), "No group is like that")
}

// TestReservedGroups are marked and stay as they are.
func TestReservedGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keeper := w.person("keeper", directory.ManageSystemSecurityGroups)
	b := w.signIn(&keeper)
	page := b.see("/console/groups")
	require.Contains(t, page, ">Reserved<")
	for _, name := range []string{directory.Nobody, directory.Everyone, directory.Administrators} {
		path := regexp.MustCompile(`href="([^"]+)">` + name + `</a>`).FindStringSubmatch(page)[1]
		one := b.see(path)
		require.Contains(t, one, ">Reserved<")
		require.NotContains(t, one, path+"/edit")
		require.NotContains(t, one, path+"/delete")
		require.Equal(t, http.StatusBadRequest, b.post(path+"/edit", url.Values{"name": {"x"}}).status)
		require.Equal(t, http.StatusBadRequest, b.post(path+"/delete", empty).status)
		if name == directory.Administrators {
			require.Contains(t, one, path+"/members/add")
			continue
		}
		require.NotContains(t, one, path+"/members/add")
		require.Equal(t, http.StatusBadRequest, b.post(path+"/members/add", url.Values{"username": {"keeper"}}).status)
	}
}

// TestGroupAdministrator sees one group, keeps its members and tokens, and nothing else.
func TestGroupAdministrator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person("alina")
	alice := w.person("alice")
	clerks, others := w.group("clerks"), w.group("others")
	require.NoError(t, w.people.Assign(t.Context(), w.home.ID, directory.Assignment{Role: directory.GroupAdmin, Scope: directory.OnGroup, ScopeID: clerks.ID, Holder: alice.ID}, directory.Actor{}))
	require.NoError(t, w.people.Refresh(t.Context()))
	b, path := w.signIn(&alice), "/console/groups/"+string(clerks.ID)
	list := b.see("/console/groups")
	require.Contains(t, list, ">clerks</a>")
	require.NotContains(t, list, "others")
	require.NotContains(t, list, "/console/groups/new")
	page := b.see(path)
	require.Contains(t, page, `<a href="`+path+`/tokens">Access Tokens</a>`)
	require.NotContains(t, page, path+"/edit")
	require.NotContains(t, b.see(path+"/nested"), path+"/nested/add")
	require.Contains(t, b.see(path+"/tokens"), `<a href="`+path+`">Members</a>`)

	nobody := b.post(path+"/members/add", url.Values{"username": {"ali"}})
	require.Contains(t, nobody.body, "nobody has that username")
	require.NotContains(t, nobody.body, "alina", "the caller may not look people up")
	require.Equal(t, http.StatusSeeOther, b.post(path+"/members/add", url.Values{"username": {"alina"}}).status)
	page = b.see(path)
	require.Contains(t, page, "Alina")
	require.NotContains(t, page, "/console/people/")

	require.Equal(t, http.StatusNotFound, b.get("/console/groups/"+string(others.ID)).status)
	for _, at := range []string{"/edit", "/delete", "/nested/add"} {
		require.Equal(t, http.StatusForbidden, b.get(path+at).status, at)
	}
	carol := w.person("carol")
	require.Equal(t, http.StatusForbidden, w.signIn(&carol).get("/console/groups").status)
}

// TestGroupsOfAnOrganizationAdministrator shows names, not members.
func TestGroupsOfAnOrganizationAdministrator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice", directory.OrganizationAdmin)
	bert := w.person("bert")
	clerks := w.group("clerks", bert.ID)
	b, path := w.signIn(&alice), "/console/groups/"+string(clerks.ID)
	require.Equal(t, path+"/nested", b.get(path).location)
	page := b.see(path + "/nested")
	require.NotContains(t, page, "Bert")
	require.NotContains(t, page, "Members</a>")
	require.Equal(t, http.StatusForbidden, b.get(path+"/members/add").status)
}

// TestStatusOfALevelToken is changed from the list, by what the status allows.
func TestStatusOfALevelToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice", directory.OrganizationAdmin)
	b := w.signIn(&alice)
	const list = "/console/organization/tokens"
	require.Equal(t, http.StatusOK, b.post(list+"/new", url.Values{"name": {"<b>ci"}, "expires": {"7"}, "reach": {"all"}}).status)
	page := b.see(list)
	path := regexp.MustCompile(`href="(` + list + `/[0-9a-f]{32})"`).FindStringSubmatch(page)[1]
	menu := func() []string {
		var found []string
		fold := regexp.MustCompile(`(?s)<details class="menu-fold">.*?</details>`).FindString(b.see(list))
		for _, match := range regexp.MustCompile(`<a href="`+path+`/([a-z]+)"[^>]*data-dialog>`).FindAllStringSubmatch(fold, -1) {
			found = append(found, match[1])
		}
		return found
	}
	require.Contains(t, page, "Change the status of &lt;b&gt;ci")
	require.Contains(t, page, `<a href="/console/organization">Overview</a>`)
	require.Equal(t, []string{"revoke", "delete"}, menu())
	require.Equal(t, http.StatusSeeOther, b.post(path+"/revoke", url.Values{"reason": {"other"}}).status)
	require.Equal(t, []string{"enable", "delete"}, menu())
	require.Equal(t, http.StatusSeeOther, b.post(path+"/enable", empty).status)
	require.Equal(t, []string{"revoke", "delete"}, menu())
	w.advance(8 * 24 * time.Hour)
	b = w.signIn(&alice)
	require.Equal(t, []string{"revoke", "delete"}, menu(), "Expired")
	require.Equal(t, http.StatusSeeOther, b.post(path+"/revoke", url.Values{"reason": {"compromised"}}).status)
	require.Equal(t, []string{"delete"}, menu())
}

// TestGroupAdministratorLosesTheGroup: what a page showed counts for nothing once its
// reader lost the right to it (A117).
func TestGroupAdministratorLosesTheGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice")
	clerks := w.group("clerks")
	asAdmin := directory.Assignment{Role: directory.GroupAdmin, Scope: directory.OnGroup, ScopeID: clerks.ID, Holder: alice.ID}
	require.NoError(t, w.people.Assign(t.Context(), w.home.ID, asAdmin, directory.Actor{}))
	require.NoError(t, w.people.Refresh(t.Context()))
	b, list := w.signIn(&alice), "/console/groups/"+string(clerks.ID)+"/tokens"
	require.Equal(t, http.StatusOK, b.post(list+"/new", url.Values{"name": {"<img src=x onerror=alert(1)>"}, "expires": {"7"}, "reach": {"all"}}).status)
	page := b.see(list)
	require.Contains(t, page, "&lt;img src=x onerror=alert(1)&gt;")
	require.NotContains(t, page, "<img src=x")
	path := regexp.MustCompile(`href="(` + list + `/[0-9a-f]{32})"`).FindStringSubmatch(page)[1]
	require.Equal(t, http.StatusOK, b.get(path+"/revoke").status)

	require.NoError(t, w.people.Unassign(t.Context(), w.home.ID, directory.GroupAdmin, alice.ID, directory.Actor{}))
	require.NoError(t, w.people.Refresh(t.Context()))
	refused := b.post(path+"/revoke", url.Values{"reason": {"other"}})
	require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, refused.status, refused.body)
}
