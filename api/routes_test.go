package api_test

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/directory"
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
// for things, which things makes. A route that is not here fails the test.
func routeRequests() map[string][]string {
	return map[string][]string{
		"GET /api/v1/personal-access-tokens":              {"", "?owner-id=me", "?owner-id={owner}"},
		"POST /api/v1/personal-access-tokens":             {`{"name":"{new}","scope":[]}`},
		"GET /api/v1/personal-access-tokens/{id}":         {""},
		"PATCH /api/v1/personal-access-tokens/{id}":       {`[{"op":"replace","path":"/description","value":"x"}]`},
		"DELETE /api/v1/personal-access-tokens/{id}":      {""},
		"POST /api/v1/personal-access-tokens/{id}/revoke": {`{"reason":"unused"}`},
		"POST /api/v1/personal-access-tokens/{id}/rotate": {`{}`},
		"GET /api/v1/me":                                                                {""},
		"GET /api/v1/organizations":                                                     {""},
		"POST /api/v1/organizations":                                                    {`{"name":"{new}"}`},
		"GET /api/v1/organizations/{org}":                                               {""},
		"PATCH /api/v1/organizations/{org}":                                             {`[{"op":"test","path":"/name","value":"acme"}]`},
		"GET /api/v1/organizations/{org}/policy":                                        {""},
		"PUT /api/v1/organizations/{org}/policy":                                        {`{"maxTokensPerOwner":0}`},
		"GET /api/v1/organizations/{org}/directory":                                     {""},
		"POST /api/v1/organizations/{org}/directory":                                    {`{"version":1,"groups":[{"name":"{new}"}]}`},
		"GET /api/v1/organizations/{org}/access-tokens":                                 {""},
		"POST /api/v1/organizations/{org}/access-tokens":                                {`{"name":"{new}","scope":[]}`, `{"name":"{new}","scope":[],"adminRole":true}`},
		"GET /api/v1/organizations/{org}/access-tokens/{orgtoken}":                      {""},
		"PATCH /api/v1/organizations/{org}/access-tokens/{orgtoken}":                    {`[{"op":"replace","path":"/description","value":"x"}]`},
		"DELETE /api/v1/organizations/{org}/access-tokens/{orgtoken}":                   {""},
		"POST /api/v1/organizations/{org}/access-tokens/{orgtoken}/revoke":              {""},
		"POST /api/v1/organizations/{org}/access-tokens/{disabled orgtoken}/reactivate": {""},
		"POST /api/v1/organizations/{org}/access-tokens/{orgtoken}/rotate":              {""},
		"GET /api/v1/groups":                                                            {""},
		"POST /api/v1/groups":                                                           {`{"name":"{new}"}`},
		"GET /api/v1/groups/{group}":                                                    {""},
		"PATCH /api/v1/groups/{group}":                                                  {`[{"op":"replace","path":"/description","value":"x"}]`},
		"DELETE /api/v1/groups/{group}":                                                 {""},
		"GET /api/v1/groups/{group}/members":                                            {""},
		"PUT /api/v1/groups/{group}/members/{bob}":                                      {""},
		"DELETE /api/v1/groups/{group}/members/{bob}":                                   {""},
		"GET /api/v1/groups/{group}/children":                                           {""},
		"PUT /api/v1/groups/{group}/children/{spare}":                                   {""},
		"DELETE /api/v1/groups/{group}/children/{spare}":                                {""},
		"GET /api/v1/groups/{group}/access-tokens":                                      {""},
		"POST /api/v1/groups/{group}/access-tokens":                                     {`{"name":"{new}","scope":[]}`, `{"name":"{new}","scope":[],"adminRole":true}`},
		"GET /api/v1/groups/{group}/access-tokens/{grouptoken}":                         {""},
		"PATCH /api/v1/groups/{group}/access-tokens/{grouptoken}":                       {`[{"op":"replace","path":"/description","value":"x"}]`},
		"DELETE /api/v1/groups/{group}/access-tokens/{grouptoken}":                      {""},
		"POST /api/v1/groups/{group}/access-tokens/{grouptoken}/revoke":                 {""},
		"POST /api/v1/groups/{group}/access-tokens/{disabled grouptoken}/reactivate":    {""},
		"POST /api/v1/groups/{group}/access-tokens/{grouptoken}/rotate":                 {""},
		"GET /api/v1/identities":                                                        {""},
		"POST /api/v1/identities":                                                       {`{"username":"{new}"}`},
		"GET /api/v1/identities/{person}":                                               {""},
		"PATCH /api/v1/identities/{person}":                                             {`[{"op":"replace","path":"/displayName","value":"x"}]`},
		"DELETE /api/v1/identities/{person}":                                            {""},
		"POST /api/v1/identities/{person}/logins":                                       {""},
		"GET /api/v1/role-assignments":                                                  {""},
		"POST /api/v1/role-assignments": {
			`{"role":"organization_user","scope":"organization","holder":"{person}"}`, `{"role":"platform_admin","scope":"platform","holder":"{person}"}`,
		},
		"GET /api/v1/role-assignments/{assignment}":    {""},
		"DELETE /api/v1/role-assignments/{assignment}": {""},
		"GET /api/v1/services":                         {""},
		"GET /api/v1/audit-events":                     {""},
		"GET /api/v1/reports/inactivity":               {""},
		"GET /api/v1/keys":                             {""},
		"POST /api/v1/keys/rotate":                     {""},
		"POST /api/v1/keys/{kid}/revoke":               {""},
	}
}

// What each principal gets from each route, over either store. What is not allowed
// here explicitly is refused.
func TestRouteTable(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		w.setPolicy(func(p *directory.Policy) { p.MaxTokensPerOwner = 0 })
		table := newTable(w)
		requests := routeRequests()
		for _, route := range api.Routes(w.api) {
			if !strings.Contains(route, " /api/v1/") {
				continue // TestAliases
			}
			route = meant(route)
			require.Contains(t, requests, route, "a route that is in no table")
			for _, request := range requests[route] {
				table.add(route, request)
			}
			delete(requests, route)
		}
		require.Empty(t, requests, "a route in the table that there is none of")
		golden(t, "routes.golden", table.String())
	})
}

// table is what each principal gets from each route.
type table struct {
	*world
	strings.Builder

	principals []principal
	things     *things
	strangers  string // who is known nowhere
}

func newTable(w *world) *table {
	w.Helper()
	t := &table{world: w, things: newThings(w)}
	t.principals = principals(w, t.things)
	return t
}

// add tries a request as everybody. A route of personal tokens is tried with somebody
// else's, with one's own and with one that the platform manages.
func (t *table) add(route, request string) {
	t.Helper()
	routes := []string{route}
	if strings.Contains(route, "/{id}") {
		routes = append(routes, strings.Replace(route, "{id}", "{own}", 1), strings.Replace(route, "{id}", "{managed}", 1))
	}
	for _, route := range routes {
		who := map[string][]string{}
		for i := range t.principals {
			got := t.try(&t.principals[i], route, request)
			who[got] = append(who[got], t.principals[i].name)
		}
		const unknown = "401"
		if t.strangers == "" {
			t.strangers = strings.Join(who[unknown], " | ")
			fmt.Fprintf(t, "401 everywhere: %s\n", t.strangers)
		}
		require.Equal(t, t.strangers, strings.Join(who[unknown], " | "), "%s %s", route, request)
		delete(who, unknown)
		fmt.Fprintf(t, "\n%s %s\n", route, request)
		for _, got := range slices.Sorted(maps.Keys(who)) {
			fmt.Fprintf(t, "  %s: %s\n", got, strings.Join(who[got], " | "))
		}
	}
}

// try sends a request in each of the ways in which the principal may. They are alike.
func (t *table) try(who *principal, route, request string) string {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	body := request
	if method == http.MethodGet {
		path, body = path+request, ""
	}
	first := ""
	for _, way := range who.ways {
		filled := t.things.fill(who, path, body)
		got := t.call("", method, filled[0], filled[1], way...)
		for again := 0; got.StatusCode == http.StatusServiceUnavailable && again < 5; again++ { // other tests hold the processors
			t.things.spend(who, path, body)
			filled = t.things.fill(who, path, body)
			got = t.call("", method, filled[0], filled[1], way...)
		}
		if got.StatusCode < 300 && method != http.MethodGet {
			t.things.spend(who, path, body)
		}
		said := fmt.Sprint(got.StatusCode)
		if challenge := got.Header.Get("WWW-Authenticate"); got.StatusCode == http.StatusForbidden && challenge != "" {
			_, scope, _ := strings.Cut(challenge, `error="insufficient_scope", `)
			said = "403 " + scope
		}
		require.True(t, first == "" || first == said, "%s, %s %s: %s by %s, but %s", who.name, route, request, said, way, first)
		first = said
	}
	return first
}

// meant names the things of a route's path for what they are.
func meant(route string) string {
	token := "grouptoken"
	if strings.Contains(route, "/organizations/") {
		token = "orgtoken"
	}
	if strings.HasSuffix(route, "/reactivate") {
		token = "disabled " + token
	}
	return strings.NewReplacer("/organizations/{id}", "/organizations/{org}", "/groups/{id}", "/groups/{group}", "/identities/{id}", "/identities/{person}",
		"/role-assignments/{id}", "/role-assignments/{assignment}", "{tokenId}", "{"+token+"}", "{memberId}", "{bob}", "{childId}", "{spare}").Replace(route)
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
