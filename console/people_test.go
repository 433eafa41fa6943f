package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
)

var etagField = regexp.MustCompile(`name="etag" value="([^"]+)"`)

// TestPersonByForms makes a person, changes, disables, enables and deletes them.
func TestPersonByForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keeper := w.person("keeper", directory.ManageSystemSecurityGroups)
	b := w.signIn(&keeper)
	require.Contains(t, b.see("/console/"), `href="/console/people"`)

	made := b.post("/console/people/new", url.Values{"username": {"dave"}, "displayName": {"<i>Dave"}, "email": {"dave@example.com"}, "externalId": {"ext-7"}})
	require.Equal(t, http.StatusSeeOther, made.status, made.body)
	path := pathOf(made.location)
	page := b.see(made.location)
	for _, text := range []string{"The person is created.", "&lt;i&gt;Dave", "dave@example.com", "<code>ext-7</code>", "Stored at the first login", ">Active<"} {
		require.Contains(t, page, text)
	}
	require.NotContains(t, page, "<i>Dave")
	require.NotContains(t, page, "/console/tokens?of=all", "the caller may not see their tokens")

	for name, one := range map[string]struct {
		form url.Values
		says string
	}{
		"no name":        {url.Values{"username": {""}, "email": {"kept@example.com"}}, "must have 1 to 255 characters"},
		"a bad address":  {url.Values{"username": {"kept@example.com"}, "email": {"kept@example.com@"}}, "must be an address such as"},
		"taken username": {url.Values{"username": {"dave"}, "email": {"kept@example.com"}}, "the username or the external id is somebody else"},
	} {
		answer := b.post("/console/people/new", one.form)
		require.Equal(t, http.StatusBadRequest, answer.status, name)
		require.Contains(t, answer.body, one.says, name)
		require.Contains(t, answer.body, `value="kept@example.com`, name)
	}

	etag := etagField.FindStringSubmatch(b.see(path + "/edit"))[1]
	edit := url.Values{"etag": {etag}, "username": {"dave"}, "displayName": {"David"}, "issuer": {"https://idp.example.com"}}
	refused := b.post(path+"/edit", edit)
	require.Equal(t, http.StatusBadRequest, refused.status)
	require.Contains(t, refused.body, "is needed with issuer")
	edit.Set("subject", "s-1")
	require.Equal(t, path+"?done=person_changed", b.post(path+"/edit", edit).location)
	require.Equal(t, http.StatusPreconditionFailed, b.post(path+"/edit", edit).status)
	require.Contains(t, b.see(path), "<code>https://idp.example.com</code>")

	require.Contains(t, b.see(path+"/disable"), "refused at the next use. Usable now: 0")
	require.Equal(t, path+"?done=person_disabled", b.post(path+"/disable", empty).location)
	page = b.see(path)
	require.Contains(t, page, ">Disabled<")
	require.Contains(t, page, path+"/enable")
	require.NotContains(t, page, path+"/disable")
	require.Equal(t, path+"?done=person_enabled", b.post(path+"/enable", empty).location)

	require.Contains(t, b.see(path+"/delete"), "Tokens deleted with them: 0, usable now: 0")
	require.Equal(t, "/console/people?done=person_deleted", b.post(path+"/delete", empty).location)
	require.Equal(t, http.StatusNotFound, b.get(path).status)
}

// TestDisabledPersonsTokens tells how many tokens stop, and has them work again.
func TestDisabledPersonsTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice", directory.AccessAsNonInteractiveUser)
	keeper := w.person("keeper", directory.ManageSystemSecurityGroups, directory.AdministerNonInteractiveUser)
	mine := w.signIn(&alice)
	require.Equal(t, http.StatusOK, mine.post("/console/tokens/new", url.Values{"name": {"ci"}, "expires": {"30"}, "reach": {"all"}}).status)
	b, path := w.signIn(&keeper), "/console/people/"+string(alice.ID)

	require.Contains(t, b.see(path), "/console/tokens?of=all&amp;who=alice")
	require.Contains(t, b.see("/console/tokens?of=all&who=alice"), ">ci</a>")
	require.Contains(t, b.see(path+"/disable"), "Usable now: 1")
	require.Contains(t, b.see(path+"/delete"), "Tokens deleted with them: 1, usable now: 1")
	require.Equal(t, http.StatusSeeOther, b.post(path+"/disable", empty).status)
	require.Equal(t, http.StatusSeeOther, mine.get("/console/tokens").status, "logged out")
	require.Equal(t, http.StatusSeeOther, b.post(path+"/enable", empty).status)
	back := w.signIn(&alice)
	require.Contains(t, back.see("/console/tokens"), ">ci</a>")
}

// TestEndSessions logs somebody out everywhere, and lets them in again.
func TestEndSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, keeper := w.person("alice"), w.person("keeper", directory.ManageSystemSecurityGroups)
	one, two, b := w.signIn(&alice), w.signIn(&alice), w.signIn(&keeper)
	path := "/console/people/" + string(alice.ID)
	require.Contains(t, b.see(path), path+"/sessions")
	require.Contains(t, b.see(path+"/sessions"), "Their tokens go on working")
	require.Equal(t, http.StatusForbidden, one.post("/console/people/"+string(keeper.ID)+"/sessions", empty).status)
	one.see("/console/me")
	require.Equal(t, path+"?done=sessions_ended", b.post(path+"/sessions", empty).location)
	require.Equal(t, http.StatusSeeOther, one.get("/console/me").status)
	require.Equal(t, http.StatusSeeOther, two.get("/console/me").status)
	b.see("/console/me")
	w.signIn(&alice).see("/console/me")
}

// TestSessionsOfAnotherLogin end: when somebody is disabled, though enabled before they come
// again, and when another login is theirs.
func TestSessionsOfAnotherLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin, alice := w.person("ruth", directory.ManageSystemSecurityGroups), w.person("alice")
	b, path := w.signIn(&admin), "/console/people/"+string(alice.ID)
	in := func(of *browser) bool { return of.get("/console/").status == http.StatusOK }

	before := w.signIn(&alice)
	require.Equal(t, path+"?done=person_disabled", b.post(path+"/disable", url.Values{}).location)
	require.Equal(t, path+"?done=person_enabled", b.post(path+"/enable", url.Values{}).location)
	require.False(t, in(before))

	before = w.signIn(&alice)
	edit := func(name, subject string) {
		t.Helper()
		form := url.Values{"etag": {hidden(t, b.see(path+"/edit"), "etag")}, "username": {"alice"}, "displayName": {name}, "issuer": {"https://idp.example.com"}, "subject": {subject}}
		require.Equal(t, path+"?done=person_changed", b.post(path+"/edit", form).location)
	}
	edit("Alice", "a-1")
	require.True(t, in(before), "there was no other login")
	edit("Alice B", "a-1")
	require.True(t, in(before), "the login is the same")
	edit("Alice B", "a-2")
	require.False(t, in(before))
}

// TestPeopleList searches, filters and sorts.
func TestPeopleList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keeper := w.person("keeper", directory.ManageSystemSecurityGroups)
	w.person("anna")
	bert := w.person("bert")
	_, err := w.people.UpdateIdentity(t.Context(), bert.ID, func(now *directory.Identity) error { now.Enabled = false; return nil }, directory.Actor{})
	require.NoError(t, err)
	_, err = w.people.CreateIdentity(t.Context(), directory.Identity{Organization: w.home.ID, Type: directory.TechnicalUser, Username: "token-1", Enabled: true}, directory.Actor{})
	require.NoError(t, err)
	b := w.signIn(&keeper)
	names := func(path string) (found []string) {
		for _, match := range regexp.MustCompile(`<th scope="row"[^>]*><a href="[^"]+">([^<]+)</a>`).FindAllStringSubmatch(b.see(path), -1) {
			found = append(found, match[1])
		}
		return found
	}
	require.Equal(t, []string{"Anna", "Bert", "Keeper"}, names("/console/people"))
	require.Equal(t, []string{"Keeper", "Bert", "Anna"}, names("/console/people?sort=-displayName"))
	require.Equal(t, []string{"Bert"}, names("/console/people?status=Disabled"))
	require.Equal(t, []string{"Anna"}, names("/console/people?q=ANN"))
	require.Equal(t, []string{"token-1"}, names("/console/people?type=technical"))
	require.Contains(t, b.see("/console/people?q=zzz"), "Nobody is like that")
	require.Equal(t, http.StatusBadRequest, b.get("/console/people?sort=password").status)

	alice := w.person("alice", directory.OrganizationAdmin, directory.ManageSystemSecurityRoles)
	without := w.signIn(&alice)
	require.NotContains(t, without.see("/console/"), `href="/console/people"`)
	for _, path := range []string{"", "/new", "/" + string(bert.ID), "/" + string(bert.ID) + "/edit", "/" + string(bert.ID) + "/delete"} {
		require.Equal(t, http.StatusForbidden, without.get("/console/people"+path).status, path)
	}
}

// TestGroupsOfAPerson adds somebody to a group and takes them out again; nobody gives
// by it what they do not have.
func TestGroupsOfAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice")
	keeper := w.person("keeper", directory.ManageSystemSecurityGroups, directory.ManageSystemSecurityRoles)
	plain := w.person("plain", directory.ManageSystemSecurityGroups)
	clerks, bosses := w.group("clerks"), w.group("bosses")
	for holder, role := range map[directory.ID]directory.Role{clerks.ID: directory.OrganizationUser, bosses.ID: directory.OrganizationAdmin} {
		require.NoError(t, w.people.Assign(t.Context(), w.home.ID, directory.Assignment{Role: role, Scope: directory.OnOrganization, ScopeID: w.home.ID, Holder: holder}, directory.Actor{}))
	}
	b, path := w.signIn(&keeper), "/console/people/"+string(alice.ID)
	form := b.see(path + "/groups/add")
	require.Contains(t, form, `<option value="clerks">`)
	require.NotContains(t, form, `<option value="Nobody">`)
	unknown := b.post(path+"/groups/add", url.Values{"group": {"none"}})
	require.Equal(t, http.StatusBadRequest, unknown.status)
	require.Contains(t, unknown.body, "there is no group of that name")
	require.Equal(t, path+"?done=member_added", b.post(path+"/groups/add", url.Values{"group": {"clerks"}}).location)
	page := b.see(path)
	require.Contains(t, page, `<a href="/console/groups/`+string(clerks.ID)+`">clerks</a>`)
	require.Contains(t, page, "<strong>organization_user</strong>")
	require.Contains(t, page, "by the group")

	remove := path + "/groups/" + string(clerks.ID) + "/remove"
	require.Contains(t, b.see(remove), "organization_user (Organization default)")
	other := w.signIn(&plain)
	require.NotContains(t, other.see(path), "<strong>organization_user</strong>", "who may not read roles")
	refused := other.post(path+"/groups/add", url.Values{"group": {"bosses"}})
	require.Equal(t, http.StatusForbidden, refused.status)
	require.Contains(t, refused.body, "it would give organization_admin")
	require.Contains(t, refused.body, `<option value="bosses" selected>`)
	require.Equal(t, path+"?done=member_removed", b.post(remove, empty).location)
	require.NotContains(t, b.see(path), ">clerks</a>")
}

// TestWhoCannotBeEnded keeps oneself, the built-in administrator and technical users.
func TestWhoCannotBeEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keeper := w.person("keeper", directory.ManageSystemSecurityGroups)
	root, err := w.people.CreateIdentity(t.Context(), directory.Identity{Organization: w.home.ID, Username: "root", Enabled: true, BuiltInAdministrator: true}, directory.Actor{})
	require.NoError(t, err)
	technical, err := w.people.CreateIdentity(t.Context(), directory.Identity{Organization: w.home.ID, Type: directory.TechnicalUser, Username: "token-1", Enabled: true}, directory.Actor{})
	require.NoError(t, err)
	b := w.signIn(&keeper)
	for id, status := range map[directory.ID]int{keeper.ID: http.StatusConflict, root.ID: http.StatusForbidden, technical.ID: http.StatusBadRequest} {
		path := "/console/people/" + string(id)
		page := b.see(path)
		require.NotContains(t, page, path+"/delete")
		require.NotContains(t, page, path+"/disable")
		require.Equal(t, status, b.post(path+"/delete", empty).status)
		require.Equal(t, status, b.post(path+"/disable", empty).status)
	}
	require.Contains(t, b.see("/console/people/"+string(root.ID)), "Built-in administrator")
}
