package scim_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/throttle"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/scim"
)

// requests are one for each route; names in braces stand for things.
func requests() []struct{ method, path, body string } {
	return []struct{ method, path, body string }{
		{"GET", "/Users", ""},
		{"HEAD", "/Users", ""},
		{"POST", "/Users", `{"userName":"new"}`},
		{"POST", "/Users/.search", `{}`},
		{"GET", "/Users/{user}", ""},
		{"PUT", "/Users/{user}", `{"userName":"new"}`},
		{"PATCH", "/Users/{user}", patch(`{"op":"replace","path":"active","value":false}`)},
		{"DELETE", "/Users/{user}", ""},
		{"GET", "/Groups", ""},
		{"POST", "/Groups", `{"displayName":"new"}`},
		{"POST", "/Groups/.search", `{}`},
		{"GET", "/Groups/{group}", ""},
		{"PUT", "/Groups/{group}", `{"displayName":"new","members":[]}`},
		{"PATCH", "/Groups/{group}", patch(`{"op":"remove","path":"members"}`)},
		{"DELETE", "/Groups/{group}", ""},
		{"GET", "/ServiceProviderConfig", ""},
		{"GET", "/ResourceTypes", ""},
		{"GET", "/ResourceTypes/User", ""},
		{"GET", "/Schemas", ""},
		{"GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", ""},
	}
}

// A route that is not tried by every kind of caller fails the test.
func TestEveryRouteIsTried(t *testing.T) {
	tried := map[string]bool{}
	for _, request := range requests() {
		path := strings.NewReplacer("{user}", "{id}", "{group}", "{id}").Replace(request.path)
		if strings.HasPrefix(path, "/ResourceTypes/") || strings.HasPrefix(path, "/Schemas/") {
			path = path[:strings.LastIndexByte(path, '/')] + "/{id}"
		}
		if request.method != http.MethodHead {
			tried[request.method+" "+path] = true
		}
	}
	require.ElementsMatch(t, scim.Routes(), keysOf(tried))
}

func keysOf(all map[string]bool) []string {
	var names []string
	for name := range all {
		names = append(names, name)
	}
	return names
}

// Nobody but the technical user of an organization's administrating token gets in.
func TestEveryOtherCallerIsRefused(t *testing.T) {
	w := newWorld(t)
	user, group := w.newIdentity(w.organization.ID, "user"), w.newGroup(w.organization.ID, "clerks")
	require.NoError(t, w.people.AddMember(t.Context(), group.ID, user.ID, directory.Actor{}))
	admin := w.newIdentity(w.organization.ID, "admin")
	for _, role := range []directory.Role{
		directory.AccessAsNonInteractiveUser, directory.OrganizationAdmin, directory.ManageSystemSecurityGroups, directory.ManageSystemSecurityRoles,
	} {
		w.assign(w.organization.ID, admin.ID, role)
	}
	require.NoError(t, w.people.Assign(t.Context(), w.organization.ID, directory.Assignment{Role: directory.PlatformAdmin, Scope: directory.OnPlatform, Holder: admin.ID}, directory.Actor{}))
	technical := func(name string, role directory.Role) directory.Identity {
		identity := w.newIdentity(w.organization.ID, name, func(i *directory.Identity) { i.Type = directory.TechnicalUser })
		w.assign(w.organization.ID, identity.ID, role)
		return identity
	}
	plain, powerful := technical("token-plain", directory.OrganizationUser), technical("token-powerful", directory.OrganizationAdmin)
	grouped := w.newIdentity(w.organization.ID, "token-group", func(i *directory.Identity) { i.Type = directory.TechnicalUser })
	require.NoError(t, w.people.Assign(t.Context(), w.organization.ID, directory.Assignment{Role: directory.GroupAdmin, Scope: directory.OnGroup, ScopeID: group.ID, Holder: grouped.ID}, directory.Actor{}))
	w.clock.advance(2 * time.Second) // past the age of the snapshot
	ofOrganization := func(d *pat.Draft) { d.Level, d.LevelID, d.AdminRole = pat.Organization, w.organization.ID, true }
	revoked := w.tokenOf(&powerful, ofOrganization)
	records := w.tokens.List(t.Context(), pat.Query{Organization: w.organization.ID, Holder: w.organization.ID})
	for record, err := range records {
		require.NoError(t, err)
		if record.Owner == powerful.ID {
			_, _, err := w.tokens.Revoke(t.Context(), &record, pat.End{}, pat.Actor{})
			require.NoError(t, err)
		}
	}
	const provisioning = "provisioning needs an access token of the organization"
	for _, caller := range []struct {
		name, token, detail string
		status              int
	}{
		{"nobody", "", "send a credential", 401},
		{"a wrong token", w.token + "x", "invalid", 401},
		{"a wrong JWT", "a.b.c", "invalid", 401},
		{"a revoked one", revoked, "revoked", 401},
		{"a person with every role", w.tokenOf(&admin), provisioning, 403},
		{"their JWT", w.jwt(w.tokenOf(&admin)), provisioning, 403},
		{"an organization's token without adminRole", w.tokenOf(&plain, func(d *pat.Draft) { d.Level, d.LevelID = pat.Organization, w.organization.ID }), provisioning, 403},
		{"a group's token", w.tokenOf(&grouped, func(d *pat.Draft) { d.Level, d.LevelID, d.AdminRole = pat.Group, group.ID, true }), provisioning, 403},
	} {
		for _, request := range requests() {
			path := strings.NewReplacer("{user}", string(user.ID), "{group}", string(group.ID)).Replace(request.path)
			got := w.callAs(caller.token, request.method, path, request.body)
			if request.method == http.MethodHead {
				require.Equal(t, caller.status, got.StatusCode, caller.name)
				continue
			}
			got.fails(caller.status, "", caller.detail)
			require.Equal(t, caller.status == 401, got.Header.Get("WWW-Authenticate") != "", caller.name)
		}
	}
	narrow := w.tokenOf(&w.technical, ofOrganization, func(d *pat.Draft) { d.Scope = []string{string(directory.ReadAllTokens)} })
	refused := w.callAs(narrow, http.MethodGet, "/Users", "")
	refused.fails(http.StatusForbidden, "", "does not cover the scope "+pat.ScopeAdminister)
	require.Contains(t, refused.Header.Get("WWW-Authenticate"), `error="insufficient_scope"`)
	require.Equal(t, []directory.ID{group.ID}, w.identity(string(user.ID)).Groups)
	require.True(t, w.identity(string(user.ID)).Enabled)
}

// The token is taken wherever the management API takes it.
func TestEveryWayToSendTheToken(t *testing.T) {
	w := newWorld(t)
	secret := w.token[len(pat.DefaultPrefix)+1:]
	id, password, _ := strings.Cut(secret, "_")
	for name, header := range map[string][2]string{
		"Bearer token":  {"Authorization", "Bearer " + w.token},
		"Bearer JWT":    {"Authorization", "Bearer " + w.jwt(w.token)},
		"private-token": {"Private-Token", w.token},
		"Basic":         {"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+password))},
	} {
		require.Equal(t, http.StatusOK, w.callAs("", http.MethodGet, "/Users", "", header[0], header[1]).StatusCode, name)
	}
	w.callAs(w.token, http.MethodGet, "/Users", "", "Private-Token", w.token).fails(http.StatusBadRequest, "invalidSyntax", "one credential")
	w.callAs("", http.MethodGet, "/Users?access_token="+w.token, "").fails(http.StatusUnauthorized, "", "Authorization header")
}

// What belongs to another organization does not exist, on any route.
func TestOrganizationsAreApart(t *testing.T) {
	w := newWorld(t)
	foreign := w.newOrganization("other")
	stranger, group := w.newIdentity(foreign.ID, "stranger", func(i *directory.Identity) { i.ExternalID = "ext" }), w.newGroup(foreign.ID, "strangers")
	require.NoError(t, w.people.AddMember(t.Context(), group.ID, stranger.ID, directory.Actor{}))
	stranger = w.identity(string(stranger.ID))
	w.clock.advance(2 * time.Second) // past the age of the snapshot
	for _, request := range requests() {
		path := strings.NewReplacer("{user}", string(stranger.ID), "{group}", string(group.ID)).Replace(request.path)
		if path != request.path {
			w.call(request.method, path, request.body).fails(http.StatusNotFound, "", "no such resource")
		}
	}
	for _, filter := range []string{`userName eq "stranger"`, `externalId eq "ext"`, `id eq "` + string(stranger.ID) + `"`, `userName sw "s"`, `groups eq "` + string(group.ID) + `"`} {
		require.Empty(t, w.find("Users", filter).each("id"), filter)
	}
	for _, filter := range []string{`displayName eq "strangers"`, `id eq "` + string(group.ID) + `"`, `members eq "` + string(stranger.ID) + `"`} {
		require.Empty(t, w.find("Groups", filter).each("id"), filter)
	}
	own := w.newGroup(w.organization.ID, "own")
	for _, id := range []directory.ID{stranger.ID, group.ID} {
		w.call(http.MethodPatch, "/Groups/"+string(own.ID), patch(`{"op":"add","path":"members","value":`+member(id)+`}`)).fails(http.StatusBadRequest, "invalidValue", "names nobody")
	}
	require.Equal(t, stranger, w.identity(string(stranger.ID)))
	// The same names may be used again.
	w.call(http.MethodPost, "/Users", `{"userName":"stranger","externalId":"ext"}`).is(http.StatusCreated)
	w.call(http.MethodPost, "/Groups", `{"displayName":"strangers"}`).is(http.StatusCreated)
}

// Technical users do not exist here.
func TestTechnicalUsersAreHidden(t *testing.T) {
	w := newWorld(t)
	path := "/Users/" + string(w.technical.ID)
	w.call(http.MethodGet, path, "").fails(http.StatusNotFound, "", "no such resource")
	w.call(http.MethodPut, path, `{"userName":"x"}`).fails(http.StatusNotFound, "", "no such resource")
	w.call(http.MethodPatch, path, patch(`{"op":"replace","path":"active","value":false}`)).fails(http.StatusNotFound, "", "no such resource")
	w.call(http.MethodDelete, path, "").fails(http.StatusNotFound, "", "no such resource")
	require.Equal(t, w.technical, w.identity(string(w.technical.ID)))
}

func TestTheBuiltInAdministratorStays(t *testing.T) {
	w := newWorld(t)
	root := w.newIdentity(w.organization.ID, "root", func(i *directory.Identity) { i.BuiltInAdministrator = true })
	path := "/Users/" + string(root.ID)
	w.call(http.MethodPatch, path, patch(`{"op":"replace","path":"active","value":false}`)).fails(http.StatusForbidden, "", "built-in")
	w.call(http.MethodDelete, path, "").fails(http.StatusForbidden, "", "built-in")
	require.Equal(t, root, w.identity(string(root.ID)))
}

func TestRequestsAreLimited(t *testing.T) {
	w := newWorld(t, func(c *scim.Config) {
		var err error
		c.Requests, err = throttle.NewLimiter(throttle.LimiterConfig{Window: throttle.Window{Most: 2, Length: 10 * time.Second}, Now: c.Now})
		require.NoError(t, err)
	})
	for range 2 {
		w.call(http.MethodGet, "/Users", "").is(http.StatusOK)
	}
	refused := w.call(http.MethodGet, "/Users", "")
	refused.fails(http.StatusTooManyRequests, "", "too many requests")
	require.NotEmpty(t, refused.Header.Get("Retry-After"))
	require.Equal(t, `"default";r=0;t=10`, refused.Header.Get("RateLimit"))
	w.clock.advance(20 * time.Second)
	w.call(http.MethodGet, "/Users", "").is(http.StatusOK)
}
