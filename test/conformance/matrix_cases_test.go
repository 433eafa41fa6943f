package conformance

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// callers are those who try every route, in the order of the matrix.
func callers() []string {
	return []string{"nobody", "carol", "dave", "erin", "bob", "modest", "reader", "alice", "admin"}
}

// entry is a route of the management API and what each caller is answered. The
// route concerns target, a token of alice's.
type entry struct {
	method, path string
	changes      []change
	statuses     [9]int // of callers
}

// matrix is who may do what. Neither a disabled owner nor one without the role
// gets in; modest is a token of alice's without a scope for tokens, reader one that
// only reads. What is another organization's, or somebody else's and not to be
// seen, is not there. Administrators see and end, but do not change or create for
// others.
func matrix() []entry {
	const (
		in  = http.StatusOK
		out = http.StatusUnauthorized
		no  = http.StatusForbidden
		not = http.StatusNotFound
		bad = http.StatusBadRequest
	)
	target := pathTokens + "/${target.id}"
	patch := body("application/json-patch+json", `[{"op":"replace","path":"/description","value":"x"}]`)
	//                                             nobody carol dave erin bob modest reader alice admin
	return []entry{
		{"GET", pathMine, nil, [9]int{out, out, out, in, in, no, in, in, in}},
		{"GET", pathTokens, nil, [9]int{out, out, out, in, no, no, no, no, in}},
		{"GET", pathTokens + "?owner-id=${alice.user}", nil, [9]int{out, out, out, in, no, no, in, in, in}},
		{"POST", pathTokens, []change{jsonBody(`{"name":""}`)}, [9]int{out, out, out, bad, bad, no, no, bad, bad}},
		{"GET", target, nil, [9]int{out, out, out, not, not, no, in, in, in}},
		{"PATCH", target, []change{patch}, [9]int{out, out, out, not, not, no, no, in, no}},
		{"POST", target + "/rotate", nil, [9]int{out, out, out, not, not, no, no, in, no}},
		{"POST", target + "/revoke", nil, [9]int{out, out, out, not, not, no, no, in, in}},
		{"DELETE", target, nil, [9]int{out, out, out, not, not, no, no, http.StatusNoContent, http.StatusNoContent}},
		{"GET", "/api/v1/keys", nil, [9]int{out, out, out, no, no, no, no, no, in}},
		{"POST", "/api/v1/keys/rotate", nil, [9]int{out, out, out, no, no, no, no, no, in}},
		{"POST", "/api/v1/keys/unknown/revoke", nil, [9]int{out, out, out, no, no, no, no, no, not}},
		{"GET", "/v3/personal-access-tokens/${target.id}", nil, [9]int{out, out, out, not, not, no, in, in, in}},
		{"GET", "/personal-access-tokens/v1/${target.id}", nil, [9]int{out, out, out, not, not, no, in, in, in}},
	}
}

// placeholder is a name in a path that stands for an id.
var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// A route of the API's description that is neither in the matrix nor in the table of
// the API's own tests is one of which nobody said who may use it.
func TestMatrixHasEveryRoute(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../api/openapi.yaml")
	require.NoError(t, err)
	var described struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	require.NoError(t, yaml.Unmarshal(text, &described))
	require.NotEmpty(t, described.Paths)
	tried := map[string]bool{}
	table, err := os.ReadFile("../../api/testdata/routes.golden")
	require.NoError(t, err)
	for line := range strings.Lines(string(table)) {
		if method, rest, ok := strings.Cut(placeholder.ReplaceAllString(line, "{}"), " /api/v1"); ok {
			path, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			tried[strings.ToLower(method)+" "+path] = true
		}
	}
	for _, entry := range matrix() {
		at, _, _ := strings.Cut(entry.path, "?")
		at = strings.NewReplacer("${target.id}", "{id}", "/unknown/", "/{kid}/").Replace(strings.TrimPrefix(at, "/api/v1"))
		tried[strings.ToLower(entry.method)+" "+placeholder.ReplaceAllString(at, "{}")] = true
	}
	for at, operations := range described.Paths {
		for method := range operations {
			if method != "parameters" {
				require.True(t, tried[method+" "+placeholder.ReplaceAllString(at, "{}")], "%s %s is in no table", method, at)
			}
		}
	}
}

// matrixCases are who may do what at the management API (ASVS 8).
func matrixCases() []Case {
	drafts := []draft{
		{name: "modest", members: `"scope":["a:b:c"]`}, {name: "reader", members: `"scope":["idn:my-personal-access-tokens:read"]`},
	}
	var cases []Case
	for _, entry := range matrix() {
		cases = append(cases, Case{ID: "C151", Name: entry.method + " " + entry.path, PATs: drafts, Run: func(t *testing.T, w *world) {
			t.Helper()
			for i, caller := range callers() {
				t.Run(caller, func(t *testing.T) { w.fork().tryAs(t, caller, entry, entry.statuses[i]) })
			}
		}})
	}
	return append(
		cases,
		Case{ID: "C151", Name: "an organization's list is its own", PATs: []draft{{name: "theirs", owner: "erin"}}, Steps: Steps{
			{Request: call("GET", pathTokens+"?count=true", bearer("${erin.token}")), Want: onlyOf("${erin.user}")},
			{Request: call("GET", pathTokens+"?owner-id=${alice.user}", bearer("${erin.token}")), Want: onlyOf("${erin.user}")},
			{Request: call("GET", pathTokens+`?filters=id+eq+"${alice.id}"`, bearer("${erin.token}")), Want: onlyOf("${erin.user}")},
			{Request: call("GET", pathMine), Want: onlyOf("${alice.user}")},
		}},
		Case{ID: "C151", Name: "no other method, no other route", Steps: Steps{
			{Request: call("PUT", pathTokens), Want: Want{Status: http.StatusMethodNotAllowed}},
			{Request: call("GET", "/api/v1/unknown"), Want: Want{Status: http.StatusNotFound}},
			{Request: call("GET", "/v3/keys", bearer("${admin.token}")), Want: Want{Status: http.StatusNotFound}},
			{Request: call("GET", "/unknown", bearer("${admin.token}")), Want: Want{Status: http.StatusNotFound}},
		}},
	)
}

// tryAs tries a route on a fresh token of alice's.
func (w *world) tryAs(t *testing.T, caller string, e entry, want int) {
	t.Helper()
	w.create(t, draft{name: "target"})
	as := anonymous
	if caller != "nobody" {
		as = bearer("${" + caller + ".token}")
	}
	w.expect(t, call(e.method, e.path, append([]change{as}, e.changes...)...), Want{Status: want})
	after := Want{Status: http.StatusOK, JSON: map[string]any{"status": "Active", "description": nil, "modified": nil}}
	if want < http.StatusBadRequest {
		return
	}
	after.check(t, w, Request{}, w.manage(t, "alice", "GET", "/${target.id}")) // what was refused has done nothing
	w.expect(t, exchange(set("subject_token", "${target.token}")), minted(nil))
}

// onlyOf is a list in which every token has the owner.
func onlyOf(owner string) Want {
	return Want{Status: http.StatusOK, Check: func(t *testing.T, w *world, got answer) {
		t.Helper()
		for _, element := range got.list(t) {
			reference, isObject := element["owner"].(map[string]any)
			require.True(t, isObject)
			require.Equal(t, w.expand(t, owner), reference["id"])
		}
	}}
}
