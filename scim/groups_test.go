package scim_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/scim"
)

func member(ids ...directory.ID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = fmt.Sprintf(`{"value":%q}`, id)
	}
	return "[" + strings.Join(texts, ",") + "]"
}

// Okta pushes a group with its members, renames it with its id in the value, and sends
// all members again.
func TestGroupsAsOktaTalks(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.newIdentity(w.organization.ID, "alice"), w.newIdentity(w.organization.ID, "bob")
	require.Empty(t, w.find("Groups", `displayName eq "Test SCIMv2"`).each("id"))
	made := w.call(http.MethodPost, "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Test SCIMv2","members":[
		{"value":"`+string(alice.ID)+`","display":"alice"}]}`).is(http.StatusCreated)
	id := made.text("id")
	require.JSONEq(t, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"`+id+`","displayName":"Test SCIMv2",
		"members":[{"value":"`+string(alice.ID)+`","type":"User","display":"Alice","$ref":"https://sts.example.com/scim/v2/Users/`+string(alice.ID)+`"}],
		"meta":{"resourceType":"Group","location":"https://sts.example.com/scim/v2/Groups/`+id+`","version":`+fmt.Sprintf("%q", made.Header.Get("ETag"))+`}}`, string(made.body))
	require.Equal(t, issuer+"/scim/v2/Groups/"+id, made.Header.Get("Location"))
	w.call(http.MethodPost, "/Groups", `{"displayName":"Test SCIMv2"}`).fails(http.StatusConflict, "uniqueness", "taken")
	user := w.call(http.MethodGet, "/Users/"+string(alice.ID), "").is(http.StatusOK)
	require.Equal(t, map[string]any{"value": id, "display": "Test SCIMv2", "type": "direct", "$ref": issuer + "/scim/v2/Groups/" + id}, user.at("groups", 0))

	path := "/Groups/" + id
	renamed := w.call(http.MethodPatch, path, patch(`{"op":"replace","value":{"id":"`+id+`","displayName":"Renamed"}}`)).is(http.StatusOK)
	require.Equal(t, "Renamed", renamed.text("displayName"))
	require.Equal(t, []string{string(alice.ID)}, renamed.members())
	w.call(http.MethodPatch, path, patch(`{"op":"remove","path":"members[value eq \"`+string(alice.ID)+`\"]"},{"op":"add","path":"members","value":`+member(bob.ID)+`}`)).is(http.StatusOK)
	require.Equal(t, []string{string(bob.ID)}, w.call(http.MethodGet, path, "").members())
	require.Len(t, w.call(http.MethodPut, path, `{"displayName":"Renamed","members":`+member(alice.ID, bob.ID)+`}`).is(http.StatusOK).members(), 2)
	require.Len(t, w.call(http.MethodPut, path, `{"displayName":"Again"}`).is(http.StatusOK).members(), 2, "who says nothing of members keeps them")
	require.Empty(t, w.call(http.MethodPut, path, `{"displayName":"Again","members":[]}`).is(http.StatusOK).members())
	w.call(http.MethodDelete, path, "").is(http.StatusNoContent)
	w.call(http.MethodGet, path, "").fails(http.StatusNotFound, "", "no such resource")
}

// Entra ID looks for groups without members, adds and removes by arrays of values, and
// asks whether somebody is a member.
func TestGroupsAsEntraIDTalks(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.newIdentity(w.organization.ID, "alice"), w.newIdentity(w.organization.ID, "bob")
	made := w.call(http.MethodPost, "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"externalId":"8aa1a0c0","displayName":"Sales","meta":{"resourceType":"Group"}}`).is(http.StatusCreated)
	id := made.text("id")
	path := "/Groups/" + id
	found := w.call(http.MethodGet, `/Groups?excludedAttributes=members&filter=displayName%20eq%20%22sales%22`, "").is(http.StatusOK)
	require.Equal(t, []string{id}, found.each("id"))
	require.NotContains(t, string(found.body), "members")
	w.call(http.MethodPatch, path, patch(`{"op":"Add","path":"members","value":[{"$ref":null,"value":"`+string(alice.ID)+`"},{"value":"`+string(bob.ID)+`"}]},
		{"op":"Replace","path":"externalId","value":"x"}`)).is(http.StatusOK)
	isMember := func(id directory.ID) []string {
		return w.find("Groups", `id eq "`+made.text("id")+`" and members eq "`+string(id)+`"`).each("id")
	}
	require.Equal(t, []string{id}, isMember(alice.ID))
	w.call(http.MethodPatch, path, patch(`{"op":"Remove","path":"members","value":`+member(alice.ID)+`}`)).is(http.StatusOK)
	require.Empty(t, isMember(alice.ID))
	require.Equal(t, []string{id}, w.find("Groups", `members[value eq "`+string(bob.ID)+`"]`).each("id"))
	require.Equal(t, []string{id}, w.find("Groups", `displayName sw "SA" and not (members.value eq "`+string(alice.ID)+`")`).each("id"))
	for _, filter := range []string{`members pr`, `members ne "x"`, `members[value eq "x" or value eq "y"]`, `members.value eq null`} {
		w.find("Groups", filter).fails(http.StatusBadRequest, "invalidFilter", "by")
	}
	w.call(http.MethodPatch, path, patch(`{"op":"Remove","path":"members"}`)).is(http.StatusOK)
	require.Empty(t, isMember(bob.ID))
}

// A group in a group is a member of type Group.
func TestGroupsInGroups(t *testing.T) {
	w := newWorld(t)
	alice := w.newIdentity(w.organization.ID, "alice")
	parent, child := w.newGroup(w.organization.ID, "parent"), w.newGroup(w.organization.ID, "child")
	path := "/Groups/" + string(parent.ID)
	got := w.call(http.MethodPatch, path, patch(`{"op":"add","path":"members","value":`+member(child.ID, alice.ID)+`}`)).is(http.StatusOK)
	require.Equal(t, []string{string(alice.ID), string(child.ID)}, got.members())
	require.Equal(t, map[string]any{"value": string(child.ID), "type": "Group", "display": "child", "$ref": issuer + "/scim/v2/Groups/" + string(child.ID)}, got.at("members", 1))
	require.Equal(t, []string{string(parent.ID)}, w.find("Groups", `members eq "`+string(child.ID)+`"`).each("id"))
	w.call(http.MethodPatch, "/Groups/"+string(child.ID), patch(`{"op":"add","path":"members","value":`+member(parent.ID)+`}`)).fails(http.StatusBadRequest, "invalidValue", "contain itself")
	require.Equal(t, []string{string(child.ID)}, w.call(http.MethodPut, path, `{"displayName":"parent","members":`+member(child.ID)+`}`).is(http.StatusOK).members())
	require.Empty(t, w.call(http.MethodPatch, path, patch(`{"op":"remove","path":"members[value eq \"`+string(child.ID)+`\"]"}`)).is(http.StatusOK).members())
}

// What is wrong with one member is told before any is changed.
func TestMembersThatAreNone(t *testing.T) {
	w := newWorld(t)
	alice, group := w.newIdentity(w.organization.ID, "alice"), w.newGroup(w.organization.ID, "clerks")
	foreign := w.newOrganization("other")
	stranger := w.newIdentity(foreign.ID, "stranger")
	path := "/Groups/" + string(group.ID)
	for value, want := range map[string]struct{ kind, detail string }{
		member(alice.ID, stranger.ID):    {"invalidValue", "names nobody"},
		member(alice.ID, w.technical.ID): {"invalidValue", "names nobody"},
		member(alice.ID, "nobody"):       {"invalidValue", "names nobody"},
		`[{"value":""}]`:                 {"invalidValue", "members.value is needed"},
		`[{"display":"x"}]`:              {"invalidValue", "members.value is needed"},
		`[{"value":1}]`:                  {"invalidValue", "members.value must be a string"},
		`["` + string(alice.ID) + `"]`:   {"invalidValue", "members must be an array of objects"},
		`"` + string(alice.ID) + `"`:     {"invalidValue", "members must be an array of objects"},
	} {
		w.call(http.MethodPatch, path, patch(`{"op":"replace","path":"displayName","value":"x"},{"op":"add","path":"members","value":`+value+`}`)).fails(http.StatusBadRequest, want.kind, want.detail)
		w.call(http.MethodPost, "/Groups", `{"displayName":"new","members":`+value+`}`).fails(http.StatusBadRequest, want.kind, want.detail)
	}
	for operation, want := range map[string]struct{ kind, detail string }{
		`{"op":"add","path":"members[value eq \"x\"]","value":[]}`:            {"mutability", "added and removed"},
		`{"op":"replace","path":"members[value eq \"x\"].display","value":1}`: {"mutability", "added and removed"},
		`{"op":"remove","path":"members[display eq \"x\"]"}`:                  {"invalidFilter", "choose members by"},
		`{"op":"remove","path":"members[value eq \"x\" and value pr]"}`:       {"invalidFilter", "choose members by"},
		`{"op":"remove","path":"displayName"}`:                                {"mutability", "displayName is needed"},
		`{"op":"replace","path":"displayName","value":" "}`:                   {"invalidValue", "displayName is needed"},
		`{"op":"replace","path":"displayName","value":"organization_admin"}`:  {"mutability", "not kept by provisioning"},
		`{"op":"replace","path":"id","value":"x"}`:                            {"mutability", "id is read-only"},
		`{"op":"replace","path":"colour","value":"x"}`:                        {"invalidPath", "no such attribute"},
	} {
		w.call(http.MethodPatch, path, patch(operation)).fails(http.StatusBadRequest, want.kind, want.detail)
	}
	got := w.call(http.MethodGet, path, "").is(http.StatusOK)
	require.Equal(t, "clerks", got.text("displayName"))
	require.Empty(t, got.members())
	require.Empty(t, w.find("Groups", `displayName eq "new"`).each("id"))
	// Whoever is gone is no member.
	w.call(http.MethodPatch, path, patch(`{"op":"remove","path":"members","value":`+member(stranger.ID, "nobody")+`}`)).is(http.StatusOK)
}

// The reserved groups are shown, and not changed.
func TestReservedGroups(t *testing.T) {
	w := newWorld(t)
	alice := w.newIdentity(w.organization.ID, "alice")
	for _, name := range []string{"Everyone", "Nobody", "Administrators"} {
		found := w.find("Groups", `displayName eq "`+name+`"`).each("id")
		require.Len(t, found, 1, name)
		path := "/Groups/" + found[0]
		require.Equal(t, name, w.call(http.MethodGet, path, "").is(http.StatusOK).text("displayName"))
		w.call(http.MethodPatch, path, patch(`{"op":"add","path":"members","value":`+member(alice.ID)+`}`)).fails(http.StatusBadRequest, "mutability", "not kept")
		w.call(http.MethodPut, path, `{"displayName":"x"}`).fails(http.StatusBadRequest, "mutability", "not kept")
		w.call(http.MethodDelete, path, "").fails(http.StatusBadRequest, "mutability", "not kept")
		w.call(http.MethodPost, "/Groups", `{"displayName":"`+name+`"}`).fails(http.StatusConflict, "uniqueness", "taken")
	}
	require.Empty(t, w.identity(string(alice.ID)).Groups)
}

// Nobody is given what the technical user does not hold; it names the role. Once it may
// assign roles it may give them.
func TestAGroupThatGivesPower(t *testing.T) {
	w := newWorld(t)
	alice, group := w.newIdentity(w.organization.ID, "alice"), w.newGroup(w.organization.ID, "helpdesk")
	w.assign(w.organization.ID, group.ID, directory.AdministerNonInteractiveUser)
	path := "/Groups/" + string(group.ID)
	join := patch(`{"op":"add","path":"members","value":` + member(alice.ID) + `}`)
	w.call(http.MethodPatch, path, join).fails(http.StatusForbidden, "", "AdministerNonInteractiveUser")
	require.Empty(t, w.identity(string(alice.ID)).Groups)
	w.assign(w.organization.ID, w.technical.ID, directory.ManageSystemSecurityRoles)
	w.clock.advance(2 * time.Second) // past the age of the snapshot
	w.call(http.MethodPatch, path, join).is(http.StatusOK)
	require.Equal(t, []directory.ID{group.ID}, w.identity(string(alice.ID)).Groups)
}

// A technical user in a group is not shown, so it is not left out on purpose.
func TestHiddenMembersStay(t *testing.T) {
	w := newWorld(t)
	alice, group := w.newIdentity(w.organization.ID, "alice"), w.newGroup(w.organization.ID, "clerks")
	require.NoError(t, w.people.AddMember(t.Context(), group.ID, w.technical.ID, directory.Actor{}))
	path := "/Groups/" + string(group.ID)
	require.Empty(t, w.call(http.MethodGet, path, "").is(http.StatusOK).members())
	require.Equal(t, []string{string(alice.ID)}, w.call(http.MethodPut, path, `{"displayName":"clerks","members":`+member(alice.ID)+`}`).is(http.StatusOK).members())
	require.Equal(t, []directory.ID{group.ID}, w.identity(string(w.technical.ID)).Groups)
	require.Empty(t, w.find("Groups", `members eq "`+string(w.technical.ID)+`"`).each("id"))
}

// What one replica makes another finds at once: identity providers make a group and
// change it in the next moment.
func TestReplicasAgreeOnGroups(t *testing.T) {
	w := newWorld(t)
	one := w.url
	people, err := directory.New(directory.Config{Identities: w.db.Identities(), Catalog: w.db.Catalog(), Now: w.clock.now})
	require.NoError(t, err)
	w.serve(func(c *scim.Config) {
		c.Manager, err = manage.New(manage.Config{
			Tokens: w.tokens, Directory: people, Keys: w.ring, Services: w.exchanger.Services, Trail: audit.NewArchive(t.TempDir()), Now: w.clock.now,
		})
		require.NoError(t, err)
	})
	alice, other := w.newIdentity(w.organization.ID, "alice"), w.url
	require.Len(t, w.call(http.MethodGet, "/Groups", "").each("id"), 3)
	w.url = one
	id := w.call(http.MethodPost, "/Groups", `{"displayName":"new"}`).is(http.StatusCreated).text("id")
	w.url = other
	require.Equal(t, []string{id}, w.find("Groups", `displayName eq "new"`).each("id"))
	w.url = one
	id = w.call(http.MethodPost, "/Groups", `{"displayName":"newer"}`).is(http.StatusCreated).text("id")
	w.url = other
	w.call(http.MethodPatch, "/Groups/"+id, patch(`{"op":"add","path":"members","value":`+member(alice.ID)+`}`)).is(http.StatusOK)
}

// failing lets some writes of identities through, then has trouble.
type failing struct {
	directory.Identities

	left int
}

func (f *failing) Replace(ctx context.Context, identity directory.Identity, event audit.Event) error {
	if f.left--; f.left < 0 {
		return fault.ErrUnavailable
	}
	return f.Identities.Replace(ctx, identity, event)
}

// A request that fails in the middle says so, and the same request completes it.
func TestARepetitionCompletesWhatFailed(t *testing.T) {
	store := &failing{left: 1 << 30}
	w := newWorld(t)
	store.Identities = w.db.Identities()
	people, err := directory.New(directory.Config{Identities: store, Catalog: w.db.Catalog(), Now: w.clock.now})
	require.NoError(t, err)
	w.serve(func(c *scim.Config) {
		c.Manager, err = manage.New(manage.Config{
			Tokens: w.tokens, Directory: people, Keys: w.ring, Services: w.exchanger.Services, Trail: audit.NewArchive(t.TempDir()), Now: w.clock.now,
		})
		require.NoError(t, err)
	})
	var ids []directory.ID
	for i := range 6 {
		ids = append(ids, w.newIdentity(w.organization.ID, fmt.Sprintf("user%d", i)).ID)
	}
	group := w.newGroup(w.organization.ID, "clerks")
	path := "/Groups/" + string(group.ID)
	old := w.call(http.MethodPut, path, `{"displayName":"clerks","members":`+member(ids[:3]...)+`}`).is(http.StatusOK).members()
	require.Len(t, old, 3)

	replacement := `{"displayName":"clerks","members":` + member(ids[2:]...) + `}` // two leave, three come
	store.left = 3
	w.call(http.MethodPut, path, replacement).fails(http.StatusServiceUnavailable, "", "3 of 5 changes to the members were made")
	require.Contains(t, w.call(http.MethodGet, path, "").members(), string(ids[2]), "who stays is never out")
	store.left = 1 << 30
	require.ElementsMatch(t, []string{string(ids[2]), string(ids[3]), string(ids[4]), string(ids[5])}, w.call(http.MethodPut, path, replacement).is(http.StatusOK).members())

	store.left = 1
	created := `{"displayName":"new","members":` + member(ids...) + `}`
	w.call(http.MethodPost, "/Groups", created).fails(http.StatusServiceUnavailable, "", "try again")
	store.left = 1 << 30
	require.Len(t, w.call(http.MethodPost, "/Groups", created).is(http.StatusCreated).members(), 6)
}
