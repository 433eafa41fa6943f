package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// tenant is an organization and a token of who keeps its directory.
type tenant struct {
	w     *world
	id    directory.ID
	token string
}

// keeper may export and import the directory of an organization.
func (w *world) keeper(organization directory.ID, name string) tenant {
	w.Helper()
	root := w.newIdentity(organization, name)
	for _, role := range []directory.Role{directory.AccessAsNonInteractiveUser, directory.ManageSystemSecurityGroups, directory.ManageSystemSecurityRoles} {
		w.assign(&root, role)
	}
	w.clock.advance(2 * time.Second) // past the age of the snapshot
	return tenant{w: w, id: organization, token: w.bearer(&root, pat.ScopeAll)}
}

func (o tenant) path() string { return "/api/v1/organizations/" + string(o.id) + "/directory" }

func (o tenant) exported() string {
	o.w.Helper()
	got := o.w.call(o.token, http.MethodGet, o.path(), "")
	require.Equal(o.w, http.StatusOK, got.StatusCode, string(got.body))
	return string(got.body)
}

// sorted is an export in which the order of people, which means nothing, is theirs by
// name.
func sorted(t *testing.T, document string) api.DirectoryFile {
	t.Helper()
	var file api.DirectoryFile
	require.NoError(t, json.Unmarshal([]byte(document), &file), document)
	slices.SortFunc(file.Identities, func(a, b api.DirectoryIdentity) int { return strings.Compare(a.Username, b.Username) })
	return file
}

// unlink takes the links to an identity provider from all people.
func (o tenant) unlink() {
	o.w.Helper()
	for identity, err := range o.w.people.ListIdentities(o.w.Context(), o.id) {
		require.NoError(o.w, err)
		_, err = o.w.people.UpdateIdentity(o.w.Context(), identity.ID, func(now *directory.Identity) error {
			now.Issuer, now.Subject = "", ""
			return nil
		}, directory.Actor{})
		require.NoError(o.w, err)
	}
}

func (o tenant) imported(document, query string) api.DirectoryReport {
	o.w.Helper()
	got := o.w.call(o.token, http.MethodPost, o.path()+query, document)
	require.Equal(o.w, http.StatusOK, got.StatusCode, string(got.body))
	var report api.DirectoryReport
	require.NoError(o.w, json.Unmarshal(got.body, &report))
	return report
}

const office = `{"version":1,
	"identities":[
		{"username":"carla","displayName":"Carla","email":"carla@example.com","externalId":"7","issuer":"https://idp.example.com","subject":"c","groups":["night","Administrators"]},
		{"username":"dave","enabled":false}],
	"groups":[{"name":"clerks","description":"All of them.","childGroups":["night"]},{"name":"night"}],
	"roleAssignments":[
		{"role":"group_admin","scope":"group","scopeName":"night","holder":{"type":"IDENTITY","name":"carla"}},
		{"role":"AccessAsNonInteractiveUser","scope":"organization","holder":{"type":"GROUP","name":"clerks"}},
		{"rights":["cambio:introspect"],"scope":"organization","holder":{"type":"IDENTITY","name":"dave"}}]}`

// What is exported from one deployment comes to another as it was.
func TestDirectoryIsCarriedOver(t *testing.T) {
	from, to := newWorld(t), newWorld(t)
	source, target := from.keeper(from.organization.ID, "root"), to.keeper(to.organization.ID, "root")
	from.levelToken(pat.Organization, from.organization.ID) // its technical user stays behind
	report := source.imported(office, "")
	require.Equal(t, api.DirectoryCount{Created: 2}, report.Identities)
	require.Equal(t, api.DirectoryCount{Created: 2}, report.Groups)
	require.Equal(t, api.DirectoryCount{Created: 3}, report.RoleAssignments)
	require.Zero(t, report.Failed, report.Failures)
	document := source.exported()
	for _, secret := range []string{source.token, "cambio_pat", "TECHNICAL", string(from.organization.ID), "token-"} {
		require.NotContains(t, document, secret)
	}

	require.Equal(t, 7, len(target.imported(document, "?preview=true").Changes))
	require.NotContains(t, target.exported(), "carla", "a preview changes nothing")
	made := target.imported(document, "")
	require.True(t, made.Complete)
	require.Equal(t, target.imported(document, "?preview=true").Changes, []api.DirectoryChange{}, "there is nothing left to do")
	require.Equal(t, sorted(t, document), sorted(t, target.exported()))
	for _, query := range []string{"", "?prune=true"} {
		again := target.imported(document, query)
		require.Empty(t, again.Changes)
		require.Empty(t, again.Failures)
	}
	carla, err := to.people.FindByLogin(t.Context(), to.organization.ID, directory.ByProvider, directory.ProviderKey("https://idp.example.com", "c"))
	require.NoError(t, err)
	require.Equal(t, "Carla", carla.DisplayName)
}

// Without prune nothing is taken away; with it the organization is what the file says.
func TestDirectoryPrune(t *testing.T) {
	w := newWorld(t)
	o := w.keeper(w.organization.ID, "root")
	before := o.exported()
	o.imported(office, "")
	token := w.levelToken(pat.Organization, w.organization.ID)
	less := `{"version":1,"identities":[{"username":"carla","displayName":"C."}],"groups":[{"name":"clerks"}],"roleAssignments":[]}`
	changed := o.imported(less, "")
	require.Equal(t, []api.DirectoryChange{{Kind: "identity", Index: new(0), Name: "carla", Action: "update"}}, changed.Changes)
	carla := sorted(t, o.exported()).Identities[2]
	require.Equal(t, []string{"Administrators", "night"}, carla.Groups)
	require.Equal(t, "carla@example.com", *carla.Email)

	there := o.exported()
	preview := o.imported(before, "?prune=true&preview=true")
	require.Equal(t, there, o.exported(), "a preview changes nothing")
	done := o.imported(before, "?prune=true")
	require.Equal(t, preview.Changes, done.Changes)
	require.Equal(t, api.DirectoryCount{Removed: 2}, done.Identities)
	require.Equal(t, api.DirectoryCount{Removed: 2}, done.Groups)
	require.Zero(t, done.Failed, done.Failures)
	require.Equal(t, sorted(t, before), sorted(t, o.exported()))
	_, err := w.tokens.Find(t.Context(), pat.ID(token))
	require.NoError(t, err, "technical users stay")

	emptied := o.imported(`{"version":1,"identities":[]}`, "?prune=true")
	require.ElementsMatch(t, []string{"alice", "bob"}, []string{emptied.Changes[0].Name, emptied.Changes[1].Name})
	require.Equal(t, 1, emptied.Failed)
	require.Equal(t, "root", emptied.Failures[0].Name)
	require.Equal(t, "409 Conflict", emptied.Failures[0].DetailCode)
	require.Nil(t, emptied.Failures[0].Index)
	require.Len(t, sorted(t, o.exported()).Groups, 3, "a list that is absent says nothing")
}

// One thing that fails does not stop the others; done again it does what is left.
func TestDirectoryGoesOn(t *testing.T) {
	w := newWorld(t)
	o := w.keeper(w.organization.ID, "root")
	w.assign(&w.bob, directory.PlatformAdmin)
	w.clock.advance(2 * time.Second)
	document := `{"version":1,"identities":[{"username":"bob","email":"mallory@example.com"},{"username":"eve","externalId":"1"},{"username":"fred","externalId":"1"},{"username":"gina","groups":["Everyone"]},{"username":"hal"}],
		"groups":[{"name":"a","childGroups":["b"]},{"name":"b","childGroups":["a"]}]}`
	report := o.imported(document, "")
	require.Equal(t, api.DirectoryCount{Created: 2}, report.Identities)
	require.True(t, report.Complete)
	failures := map[string]string{}
	for _, failure := range report.Failures {
		failures[fmt.Sprint(failure.Kind, " ", *failure.Index, " ", failure.DetailCode)] = failure.Causes[0].Text
	}
	require.Len(t, failures, 4)
	require.Contains(t, failures["identity 0 403 Forbidden"], "platform_admin", "nobody's login is taken over")
	require.Contains(t, failures, "identity 2 400.1 Bad Request Content", "the externalId is taken")
	require.Contains(t, failures, "identity 3 400.1 Bad Request Content", "everyone is in Everyone")
	require.Contains(t, failures, "group 1 400.1 Bad Request Content", "a group would contain itself")
	again := o.imported(strings.Replace(document, `"fred","externalId":"1"`, `"fred","externalId":"2"`, 1), "")
	require.Equal(t, []api.DirectoryChange{{Kind: "identity", Index: new(2), Name: "fred", Action: "create"}}, again.Changes)
}

func TestDirectoryRefusals(t *testing.T) {
	w := newWorld(t)
	o := w.keeper(w.organization.ID, "root")
	good := `{"version":1,"identities":[{"username":"x","groups":["g"]},{"username":"y","email":"y@example.com"}],"groups":[{"name":"g"}],` +
		`"roleAssignments":[{"role":"group_user","scope":"group","scopeName":"g","holder":{"type":"IDENTITY","name":"x"}}]}`
	for _, c := range []struct{ old, replacement, cause string }{
		{`"version":1`, `"version":2`, "version: must be 1"},
		{`"version":1,`, ``, "version: must be 1"},
		{`"email"`, `"mail"`, "identities[1].mail: the field is unknown"},
		{`"email":`, `"username":"z","email":`, "identities[1].username: a parameter occurs more than once"},
		{`"username":"y"`, `"username":7`, "identities[1].username: must be a string"},
		{`["g"]`, `["g",{}]`, "identities[0].groups[1]: must be a string"},
		{`y@example.com`, `y`, "identities[1].email: must be an address such as name@example.com"},
		{`"username":"y"`, `"username":"x"`, "identities[1].username: is in the file twice"},
		{`"username":"y"`, `"username":" "`, "identities[1].username: must have 1 to 255 characters and not be blank"},
		{`["g"]`, `["g","h"]`, "identities[0].groups[1]: there is none of that name in the file or the organization"},
		{`["g"]`, `["g","g"]`, "identities[0].groups[1]: is in the file twice"},
		{`{"name":"g"}`, `{"name":"g"},{"name":"g"}`, "groups[1].name: is in the file twice"},
		{`{"name":"g"}`, `{"name":"g","childGroups":["h"]}`, "groups[0].childGroups[0]: there is none of that name"},
		{`"scopeName":"g"`, `"scopeName":"h"`, "roleAssignments[0].scopeName: there is none of that name"},
		{`"group_user"`, `"platform_admin"`, "roleAssignments[0].scope: must be platform for this role or these rights"},
		{`"group_user"`, `"king"`, "roleAssignments[0].role: must be one of the roles"},
		{`"scope":"group"`, `"scope":"platform"`, "roleAssignments[0].scope: must be organization or group"},
		{`"IDENTITY","name":"x"`, `"IDENTITY","name":"z"`, "roleAssignments[0].holder.name: there is none of that name"},
		{`"IDENTITY"`, `"GROUP"`, "roleAssignments[0].holder.name: there is none of that name"},
		{`"IDENTITY"`, `"USER"`, "roleAssignments[0].holder.type: must be IDENTITY or GROUP"},
	} {
		got := w.call(o.token, http.MethodPost, o.path(), strings.Replace(good, c.old, c.replacement, 1))
		require.Equal(t, http.StatusBadRequest, got.StatusCode, "%s: %s", c.replacement, got.body)
		require.Contains(t, got.cause(t), c.cause)
	}
	require.NotContains(t, o.exported(), `"name":"g"`, "of a file that is refused nothing is done")
	require.Equal(t, http.StatusBadRequest, w.call(o.token, http.MethodPost, o.path()+"?dry=true", good).StatusCode)
	large := w.call(o.token, http.MethodPost, o.path(), `{"version":1,"groups":[{"name":"`+strings.Repeat("x", 16<<20)+`"}]}`)
	require.Equal(t, http.StatusRequestEntityTooLarge, large.StatusCode)
	require.Equal(t, "the body must have at most 16777216 bytes", large.cause(t))
	require.Zero(t, o.imported(good, "").Failed)
}

// Who lacks one of the two roles, or comes from elsewhere, gets nothing.
func TestDirectoryRights(t *testing.T) {
	w := newWorld(t)
	o := w.keeper(w.organization.ID, "root")
	other := w.keeper(w.newOrganization("other").ID, "stranger")
	platform := w.keeper(other.id, "operator")
	operator, err := w.people.FindByLogin(t.Context(), other.id, directory.ByUsername, "operator")
	require.NoError(t, err)
	w.assign(&operator, directory.PlatformAdmin)
	half := func(role directory.Role) string {
		identity := w.newIdentity(w.organization.ID, string(role))
		w.assign(&identity, directory.AccessAsNonInteractiveUser)
		w.assign(&identity, role)
		return w.bearer(&identity, pat.ScopeAll)
	}
	groups, roles := half(directory.ManageSystemSecurityGroups), half(directory.ManageSystemSecurityRoles)
	w.clock.advance(2 * time.Second)
	for name, c := range map[string]struct {
		token  string
		status int
		lacks  string
	}{
		"groups only":            {groups, http.StatusForbidden, "ManageSystemSecurityRoles"},
		"roles only":             {roles, http.StatusForbidden, "ManageSystemSecurityGroups"},
		"another organization's": {other.token, http.StatusNotFound, ""},
		"platform_admin":         {platform.token, http.StatusNotFound, ""},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			got := w.call(c.token, method, o.path(), map[string]string{http.MethodPost: office}[method])
			require.Equal(t, c.status, got.StatusCode, "%s %s: %s", name, method, got.body)
			require.Contains(t, got.cause(t), c.lacks)
		}
	}
	require.NotContains(t, o.exported(), "carla")
	require.Equal(t, http.StatusNotFound, w.call(o.token, http.MethodGet, "/api/v1/organizations/x/directory", "").StatusCode)
}

// An import of an export into an empty organization exports the same again.
func TestDirectoryRoundTrip(t *testing.T) {
	w := newWorld(t)
	w.setPolicy(func(p *directory.Policy) { p.MaxTokensPerOwner = 0 })
	empty := func() tenant { return w.keeper(w.newOrganization(w.fresh()).ID, "root") }
	for seed := range 25 {
		file, err := json.Marshal(rapid.Custom(drawDirectory).Example(seed))
		require.NoError(t, err)
		source, target := empty(), empty()
		report := source.imported(string(file), "")
		require.Empty(t, report.Failures, string(file))
		document := source.exported()
		source.unlink() // one link to an identity provider is one person's, in all organizations
		require.Empty(t, target.imported(document, "").Failures, document)
		require.Equal(t, sorted(t, document), sorted(t, target.exported()))
		again := target.imported(document, "?prune=true")
		require.Empty(t, again.Changes, document)
		require.Empty(t, again.Failures, document)
		target.unlink()
	}
}

// drawDirectory draws a file without cycles, and without the people who are there.
func drawDirectory(t *rapid.T) api.DirectoryFile {
	text := rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[A-Za-z"<&é][A-Za-z"<&é ]{0,7}x`))
	optional := func(name string) *string {
		if drawn := text.Draw(t, name); drawn != "" {
			return &drawn
		}
		return nil
	}
	file := api.DirectoryFile{Version: 1}
	names := []string{directory.Administrators}
	for i := range rapid.IntRange(0, 4).Draw(t, "groups") {
		group := api.DirectoryGroup{Name: fmt.Sprint("group ", i), Description: optional("description")}
		if rapid.Bool().Draw(t, "nested") {
			group.ChildGroups = []string{rapid.SampledFrom(names).Draw(t, "child")}
		}
		file.Groups, names = append(file.Groups, group), append(names, group.Name)
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "people") {
		name := fmt.Sprint("person ", i)
		person := api.DirectoryIdentity{Username: name, DisplayName: optional("displayName"), Enabled: new(rapid.Bool().Draw(t, "enabled"))}
		if rapid.Bool().Draw(t, "linked") {
			person.Issuer, person.Subject = new("https://idp.example.com"), &name
		}
		person.Groups = rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 2, rapid.ID).Draw(t, "groups of a person")
		file.Identities = append(file.Identities, person)
		holder := api.DirectoryHolder{Type: "IDENTITY", Name: name}
		switch rapid.IntRange(0, 3).Draw(t, "role") {
		case 0:
			file.RoleAssignments = append(file.RoleAssignments, api.DirectoryRoleAssignment{
				Role: new(directory.GroupUser), Scope: directory.OnGroup, ScopeName: new(rapid.SampledFrom(names).Draw(t, "scope")), Holder: holder,
			})
		case 1:
			file.RoleAssignments = append(file.RoleAssignments, api.DirectoryRoleAssignment{
				Rights: []string{"cambio:introspect", "idn:all-personal-access-tokens:read"}, Scope: directory.OnOrganization,
				Holder: api.DirectoryHolder{Type: "GROUP", Name: rapid.SampledFrom(names).Draw(t, "holder")},
			})
		case 2:
			file.RoleAssignments = append(file.RoleAssignments, api.DirectoryRoleAssignment{
				Role: new(directory.OrganizationAdmin), Scope: directory.OnOrganization, Holder: holder,
			})
		}
	}
	return file
}

// ending is a store in which a token has ended when it is looked for again, later.
type ending struct {
	pat.Store

	clock *clock
	found int
}

func (e *ending) Find(ctx context.Context, id pat.ID) (pat.Record, error) {
	record, err := e.Store.Find(ctx, id)
	e.clock.advance(2 * time.Second)
	if e.found++; e.found > 2 {
		record.State = pat.StateRevoked
	}
	return record, err
}

// An import ends with the token by which it was asked for.
func TestDirectoryEndsWithItsCaller(t *testing.T) {
	w := newWorld(t)
	o := w.keeper(w.organization.ID, "root")
	w.rebuild(func(c *pat.Config) { c.Store = &ending{Store: w.stores.PATs, clock: w.clock} })
	report := o.imported(`{"version":1,"groups":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"}]}`, "")
	require.False(t, report.Complete)
	require.Equal(t, api.DirectoryCount{Created: 2}, report.Groups)
	require.Equal(t, 1, report.Failed)
	require.Equal(t, "c", report.Failures[0].Name)
	require.Equal(t, "403 Forbidden", report.Failures[0].DetailCode)
	require.NotContains(t, o.exported(), `"c"`)
}
