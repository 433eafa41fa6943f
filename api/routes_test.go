package api_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/pat"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// routeRequests is the request by which each route is tried; names in braces stand
// for things of which fill makes fresh ones. A route that is not here fails the test.
func routeRequests() map[string][]string {
	return map[string][]string{
		"GET /api/v1/personal-access-tokens":              {"", "?owner-id=me", "?owner-id={alice}"},
		"POST /api/v1/personal-access-tokens":             {`{"name":"{new}","scope":[]}`},
		"GET /api/v1/personal-access-tokens/{id}":         {""},
		"PATCH /api/v1/personal-access-tokens/{id}":       {`[{"op":"replace","path":"/description","value":"x"}]`},
		"DELETE /api/v1/personal-access-tokens/{id}":      {""},
		"POST /api/v1/personal-access-tokens/{id}/revoke": {`{"reason":"unused"}`},
		"POST /api/v1/personal-access-tokens/{id}/rotate": {`{}`},
		"GET /api/v1/me":                                                       {""},
		"GET /api/v1/organizations":                                            {""},
		"POST /api/v1/organizations":                                           {`{"name":"{new}"}`},
		"GET /api/v1/organizations/{org}":                                      {""},
		"PATCH /api/v1/organizations/{org}":                                    {`[{"op":"test","path":"/name","value":"acme"}]`},
		"GET /api/v1/organizations/{org}/policy":                               {""},
		"PUT /api/v1/organizations/{org}/policy":                               {`{"maxTokensPerOwner":0}`},
		"GET /api/v1/organizations/{org}/directory":                            {""},
		"POST /api/v1/organizations/{org}/directory":                           {`{"version":1,"groups":[{"name":"{new}"}]}`},
		"GET /api/v1/organizations/{org}/access-tokens":                        {""},
		"POST /api/v1/organizations/{org}/access-tokens":                       {`{"name":"{new}","scope":[]}`},
		"GET /api/v1/organizations/{org}/access-tokens/{orgtoken}":             {""},
		"PATCH /api/v1/organizations/{org}/access-tokens/{orgtoken}":           {`[{"op":"replace","path":"/description","value":"x"}]`},
		"DELETE /api/v1/organizations/{org}/access-tokens/{orgtoken}":          {""},
		"POST /api/v1/organizations/{org}/access-tokens/{orgtoken}/revoke":     {""},
		"POST /api/v1/organizations/{org}/access-tokens/{orgtoken}/reactivate": {""},
		"POST /api/v1/organizations/{org}/access-tokens/{orgtoken}/rotate":     {""},
		"GET /api/v1/groups":                                                   {""},
		"POST /api/v1/groups":                                                  {`{"name":"{new}"}`},
		"GET /api/v1/groups/{group}":                                           {""},
		"PATCH /api/v1/groups/{group}":                                         {`[{"op":"replace","path":"/description","value":"x"}]`},
		"DELETE /api/v1/groups/{group}":                                        {""},
		"GET /api/v1/groups/{group}/members":                                   {""},
		"PUT /api/v1/groups/{group}/members/{bob}":                             {""},
		"DELETE /api/v1/groups/{group}/members/{bob}":                          {""},
		"GET /api/v1/groups/{group}/children":                                  {""},
		"PUT /api/v1/groups/{group}/children/{spare}":                          {""},
		"DELETE /api/v1/groups/{group}/children/{spare}":                       {""},
		"GET /api/v1/groups/{group}/access-tokens":                             {""},
		"POST /api/v1/groups/{group}/access-tokens":                            {`{"name":"{new}","scope":[]}`},
		"GET /api/v1/groups/{group}/access-tokens/{grouptoken}":                {""},
		"PATCH /api/v1/groups/{group}/access-tokens/{grouptoken}":              {`[{"op":"replace","path":"/description","value":"x"}]`},
		"DELETE /api/v1/groups/{group}/access-tokens/{grouptoken}":             {""},
		"POST /api/v1/groups/{group}/access-tokens/{grouptoken}/revoke":        {""},
		"POST /api/v1/groups/{group}/access-tokens/{grouptoken}/reactivate":    {""},
		"POST /api/v1/groups/{group}/access-tokens/{grouptoken}/rotate":        {""},
		"GET /api/v1/identities":                                               {""},
		"POST /api/v1/identities":                                              {`{"username":"{new}"}`},
		"GET /api/v1/identities/{person}":                                      {""},
		"PATCH /api/v1/identities/{person}":                                    {`[{"op":"replace","path":"/displayName","value":"x"}]`},
		"DELETE /api/v1/identities/{person}":                                   {""},
		"POST /api/v1/identities/{person}/logins":                              {""},
		"GET /api/v1/role-assignments":                                         {""},
		"POST /api/v1/role-assignments":                                        {`{"role":"organization_user","scope":"organization","holder":"{person}"}`},
		"GET /api/v1/role-assignments/{assignment}":                            {""},
		"DELETE /api/v1/role-assignments/{assignment}":                         {""},
		"GET /api/v1/services":                                                 {""},
		"GET /api/v1/audit-events":                                             {""},
		"GET /api/v1/reports/inactivity":                                       {""},
		"GET /api/v1/keys":                                                     {""},
		"POST /api/v1/keys/rotate":                                             {""},
		"POST /api/v1/keys/{kid}/revoke":                                       {""},
	}
}

// principal is one who tries every route.
type principal struct{ name, token string }

// principals are made so that each differs from another in one thing.
func principals(w *world) []principal {
	w.Helper()
	person := func(name string, role directory.Role, rights ...directory.Right) *directory.Identity {
		identity := w.newIdentity(w.organization.ID, name)
		w.assign(&identity, directory.AccessAsNonInteractiveUser)
		if role != "" || len(rights) > 0 {
			w.assign(&identity, role, rights...)
		}
		return &identity
	}
	auditor, manager := person("auditor", "", directory.ReadAllTokens), person("manager", "", directory.ManageAllTokens)
	administrator, platform := person("administrator", directory.AdministerNonInteractiveUser), person("platform", directory.PlatformAdmin)
	disabled := person("disabled", "")
	roleless := w.newIdentity(w.organization.ID, "roleless")
	w.clock.advance(2 * time.Second) // past the age of the snapshot

	revoked, revokedToken := w.token(&w.alice, "revoked")
	_, _, err := w.tokens.Revoke(w.Context(), &revoked, pat.End{}, pat.Actor{Identity: w.alice.ID})
	require.NoError(w, err)
	disabledToken := w.bearer(disabled, pat.ScopeAll)
	disabled.Enabled = false
	require.NoError(w, w.people.ReplaceIdentity(w.Context(), *disabled, directory.Actor{}))
	all := w.bearer(&w.alice, pat.ScopeAll)
	expired := w.jwt(all, "")
	w.clock.advance(10 * time.Minute)
	elsewhere, err := w.exchanger.Exchange(w.Context(), &exchange.Request{
		Credential: exchange.TokenCredential(secret.New(all)), Audience: []string{"https://api.example.com"},
	})
	require.NoError(w, err)
	return []principal{
		{"nobody", ""},
		{"alice, expired JWT", expired},
		{"alice, JWT for another service", elsewhere.AccessToken},
		{"alice, revoked token", revokedToken},
		{"disabled owner", disabledToken},
		{"owner without the role", w.bearer(&roleless, pat.ScopeAll)},
		{"alice, scope default", w.bearer(&w.alice, pat.ScopeDefault)},
		{"alice, scope my:read", w.bearer(&w.alice, "idn:my-personal-access-tokens:read")},
		{"alice, scope my:manage", w.bearer(&w.alice, "sp:my-personal-access-tokens:manage")},
		{"alice, scope all", all},
		{"alice, JWT", w.jwt(all, "")},
		{"alice, JWT with my:read", w.jwt(all, "idn:my-personal-access-tokens:read")},
		{"alice, JWT with default", w.jwt(all, pat.ScopeDefault)},
		{"bob", w.bearer(&w.bob, pat.ScopeAll)},
		{"right all:read", w.bearer(auditor, pat.ScopeAll)},
		{"right all:read, scope my:manage", w.bearer(auditor, string(directory.ManageMyTokens))},
		{"right all:manage", w.bearer(manager, pat.ScopeAll)},
		{"right all:manage, scope all:read", w.bearer(manager, string(directory.ReadAllTokens))},
		{"role Administer", w.bearer(administrator, pat.ScopeAll)},
		{"role Administer, JWT", w.jwt(w.bearer(administrator, pat.ScopeAll), "")},
		{"role Administer, scope all:read", w.bearer(administrator, string(directory.ReadAllTokens))},
		{"role Administer, scope my:manage", w.bearer(administrator, string(directory.ManageMyTokens))},
		{"platform_admin", w.bearer(platform, pat.ScopeAll)},
		{"platform_admin, JWT", w.jwt(w.bearer(platform, pat.ScopeAll), "")},
		{"platform_admin, scope my:manage", w.bearer(platform, string(directory.ManageMyTokens))},
		{"administrator of another organization", foreignAdministrator(w)},
	}
}

func foreignAdministrator(w *world) string {
	w.Helper()
	other := w.newOrganization("other")
	mallory := w.newIdentity(other.ID, "mallory")
	w.assign(&mallory, directory.AccessAsNonInteractiveUser)
	w.assign(&mallory, directory.AdministerNonInteractiveUser)
	w.assign(&mallory, "", directory.ManageAllTokens, directory.ReadManagedTokens)
	w.clock.advance(2 * time.Second)
	return w.bearer(&mallory, pat.ScopeAll)
}

// What each principal gets from each route. What is not allowed here explicitly
// is refused.
func TestRouteTable(t *testing.T) {
	w := newWorld(t)
	w.setPolicy(func(p *directory.Policy) { p.MaxTokensPerOwner = 0 })
	all, requests := principals(w), routeRequests()
	var table strings.Builder
	for _, route := range api.Routes(w.api) {
		if !strings.Contains(route, " /api/v1/") {
			continue // TestAliases
		}
		route = meant(route)
		require.Contains(t, requests, route, "a route that is in no table")
		method, pattern, _ := strings.Cut(route, " ")
		for _, request := range requests[route] {
			fmt.Fprintf(&table, "%s %s\n", route, request)
			for _, principal := range all {
				fmt.Fprintf(&table, "  %-40s %s\n", principal.name, tryRoute(w, principal, method, pattern, request))
			}
		}
		delete(requests, route)
	}
	require.Empty(t, requests, "a route in the table that there is none of")
	golden(t, "routes.golden", table.String())
}

// meant names the things of a route's path for what they are.
func meant(route string) string {
	token := "{grouptoken}"
	if strings.Contains(route, "/organizations/") {
		token = "{orgtoken}"
	}
	return strings.NewReplacer("/organizations/{id}", "/organizations/{org}", "/groups/{id}", "/groups/{group}", "/identities/{id}", "/identities/{person}",
		"/role-assignments/{id}", "/role-assignments/{assignment}", "{tokenId}", token, "{memberId}", "{bob}", "{childId}", "{spare}").Replace(route)
}

// tryRoute sends one request on fresh things.
func tryRoute(w *world, who principal, method, pattern, request string) string {
	w.Helper()
	query, body := "", request
	if strings.HasPrefix(request, "?") || method == http.MethodGet {
		query, body = request, ""
	}
	got := w.call(who.token, method, w.fill(pattern+query), w.fill(body))
	if challenge := got.Header.Get("WWW-Authenticate"); got.StatusCode == http.StatusForbidden && challenge != "" {
		_, scope, _ := strings.Cut(challenge, `error="insufficient_scope", `)
		return "403 " + scope
	}
	return fmt.Sprint(got.StatusCode)
}

// fill puts ids of fresh things in place of their names.
func (w *world) fill(text string) string {
	w.Helper()
	makers := map[string]func() string{
		"{id}":    func() string { record, _ := w.token(&w.alice, w.fresh()); return string(record.ID) },
		"{new}":   w.fresh,
		"{kid}":   func() string { return "unknown" },
		"{alice}": func() string { return string(w.alice.ID) },
		"{bob}":   func() string { return string(w.bob.ID) },
		"{org}":   func() string { return string(w.organization.ID) },
		"{group}": func() string { return string(w.group().ID) },
		"{spare}": func() string { return string(w.group().ID) },
		"{person}": func() string {
			identity := w.newIdentity(w.organization.ID, w.fresh())
			return string(identity.ID)
		},
		"{assignment}": func() string {
			made, err := w.people.AddAssignment(w.Context(), w.organization.ID, directory.Assignment{
				Role: directory.OrganizationUser, Scope: directory.OnOrganization, ScopeID: w.organization.ID, Holder: w.group().ID,
			}, directory.Actor{})
			require.NoError(w, err)
			return string(made.ID)
		},
		"{orgtoken}": func() string { return w.levelToken(pat.Organization, w.organization.ID) },
	}
	if strings.Contains(text, "{grouptoken}") {
		group := w.group().ID
		makers["{group}"] = func() string { return string(group) }
		makers["{grouptoken}"] = func() string { return w.levelToken(pat.Group, group) }
	}
	for name, fresh := range makers {
		if strings.Contains(text, name) {
			text = strings.ReplaceAll(text, name, fresh())
		}
	}
	return text
}

// fresh is a name that nothing has.
func (w *world) fresh() string { return "fresh-" + string(pat.NewID(w.alice.ID)) }

func (w *world) group() directory.Group {
	w.Helper()
	group, err := w.people.CreateGroup(w.Context(), directory.Group{Organization: w.organization.ID, Name: w.fresh()}, directory.Actor{})
	require.NoError(w, err)
	return group
}

// levelToken makes a token of an organization or a group with its technical user.
func (w *world) levelToken(level pat.Level, of directory.ID) string {
	w.Helper()
	owner, err := w.people.CreateIdentity(w.Context(), directory.Identity{
		ID: directory.ID(id.NewIn(string(of))), Organization: w.organization.ID, Type: directory.TechnicalUser, Username: w.fresh(), Enabled: true,
	}, directory.Actor{})
	require.NoError(w, err)
	record, _ := w.token(&owner, w.fresh(), func(d *pat.Draft) { d.Level, d.LevelID = level, of })
	return string(record.ID)
}

func TestAliases(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	aliases := []string{
		"/v3/personal-access-tokens", "/beta/personal-access-tokens", "/v2024/personal-access-tokens", "/v2025/personal-access-tokens",
		"/v2026/personal-access-tokens", "/personal-access-tokens/v1",
	}
	routes := api.Routes(w.api)
	personal := 0
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		if rest, ok := strings.CutPrefix(path, collection); ok {
			personal++
			for _, alias := range aliases {
				require.Contains(t, routes, method+" "+alias+rest)
			}
		}
	}
	others := 0
	for _, route := range routes {
		if strings.Contains(route, " /api/v1/") && !strings.Contains(route, collection) {
			others++
		}
	}
	require.Len(t, routes, others+personal*(1+len(aliases)), "only the personal routes have aliases")
	for _, alias := range aliases {
		made := w.call(token, http.MethodPost, alias, `{"name":"by `+alias+`"}`)
		require.Equal(t, http.StatusOK, made.StatusCode, string(made.body))
		id := made.text(t, "id")
		require.Equal(t, http.StatusOK, w.call(token, http.MethodGet, alias+"/"+id, "").StatusCode)
		require.Equal(t, http.StatusNoContent, w.call(token, http.MethodDelete, alias+"/"+id, "").StatusCode)
		require.Equal(t, http.StatusNotFound, w.call(token, http.MethodGet, alias+"/a/b/c", "").StatusCode)
	}
}

func TestUnknownRoutesAndMethods(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	for _, path := range []string{"/api/v1", "/api/v1/", "/api/v1/secrets", collection + "/", collection + "/a/b/c", "/v3/personal-access-tokens/", "/v3/personal-access-tokens/x/y/z", "/personal-access-tokens/v1/x/y"} {
		got := w.call(token, http.MethodGet, path, "")
		require.Equal(t, http.StatusNotFound, got.StatusCode, path)
		require.Equal(t, "404 Not found", got.json(t)["detailCode"], path)
		require.Equal(t, "there is no such route", got.cause(t), path)
	}
	for path, allow := range map[string]string{
		collection:               "GET, HEAD, POST",
		collection + "/x":        "DELETE, GET, HEAD, PATCH",
		collection + "/x/revoke": "POST",
		"/api/v1/keys/rotate":    "POST",
	} {
		for _, method := range []string{http.MethodPut, http.MethodOptions, http.MethodTrace} {
			got := w.call(token, method, path, "")
			require.Equal(t, http.StatusMethodNotAllowed, got.StatusCode, path)
			require.Equal(t, allow, got.Header.Get("Allow"), path)
			require.Equal(t, "405 Method Not Allowed", got.json(t)["detailCode"])
		}
	}
	require.Equal(t, http.StatusOK, w.call(token, http.MethodHead, collection+"?owner-id=me", "").StatusCode)
}
