package cli_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// contract is the description of the API that the server is built from.
type contract struct {
	Paths      map[string]map[string]yaml.Node
	Components struct {
		Parameters map[string]parameter
		Schemas    map[string]schema
	}
}

type parameter struct {
	Ref      string `yaml:"$ref"`
	Name, In string
}

type operation struct {
	ID          string `yaml:"operationId"`
	Parameters  []parameter
	RequestBody struct {
		Required bool
		Content  map[string]struct{ Schema schema }
	} `yaml:"requestBody"`
}

type schema struct {
	Ref        string `yaml:"$ref"`
	Type       string
	Items      *schema
	Required   []string
	Properties map[string]schema
	Enum       []any
}

func readContract(t *testing.T) *contract {
	t.Helper()
	text, err := os.ReadFile("../../api/openapi.yaml")
	require.NoError(t, err)
	var c contract
	require.NoError(t, yaml.Unmarshal(text, &c))
	return &c
}

// TestContract has every operation called, and each only in the way that the
// contract knows. An unknown parameter or member is refused by a server.
func TestContract(t *testing.T) {
	c := readContract(t)
	called := map[string]bool{}
	for name, r := range cases() {
		for _, s := range r.do(t).sent {
			if path, isAPI := strings.CutPrefix(s.URL.Path, "/api/v1"); isAPI {
				called[c.requireKnown(t, name, path, s)] = true
			}
		}
	}
	var all []string
	for _, methods := range c.Paths {
		for method, node := range methods {
			if method != "parameters" {
				all = append(all, decodeNode[operation](t, node).ID)
			}
		}
	}
	require.ElementsMatch(t, all, slices.Collect(maps.Keys(called)))
}

func decodeNode[T any](t *testing.T, node yaml.Node) T {
	t.Helper()
	var value T
	require.NoError(t, node.Decode(&value))
	return value
}

// requireKnown holds a request against its operation, and returns the id of that.
func (c *contract) requireKnown(t *testing.T, name, path string, s sent) string {
	t.Helper()
	template, ok := c.template(path)
	require.True(t, ok, "%s: no such path: %s", name, path)
	node, ok := c.Paths[template][strings.ToLower(s.Method)]
	require.True(t, ok, "%s: no such operation: %s %s", name, s.Method, template)
	op := decodeNode[operation](t, node)
	known := map[string]string{}
	for _, p := range op.Parameters {
		if p.Ref != "" {
			p = c.Components.Parameters[last(p.Ref)]
		}
		known[p.Name] = p.In
	}
	for parameter := range s.URL.Query() {
		require.Equal(t, "query", known[parameter], "%s: %s does not take %s", name, op.ID, parameter)
	}
	if s.Header.Get("If-Match") != "" {
		require.Equal(t, "header", known["If-Match"], "%s: %s does not take If-Match", name, op.ID)
	}
	if len(s.body) == 0 {
		require.False(t, op.RequestBody.Required, "%s: %s needs a body", name, op.ID)
		return op.ID
	}
	content, ok := op.RequestBody.Content[s.Header.Get("Content-Type")]
	require.True(t, ok, "%s: %s does not take %s", name, op.ID, s.Header.Get("Content-Type"))
	var body any
	require.NoError(t, json.Unmarshal(s.body, &body))
	if !strings.Contains(string(s.body), "ofALaterVersion") {
		c.requireFits(t, name+": "+op.ID, content.Schema, body)
	}
	return op.ID
}

func last(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// template returns the path of the contract that path fits, the one with the most
// fixed parts.
func (c *contract) template(path string) (string, bool) {
	var found []string
	for template := range c.Paths {
		want, have := strings.Split(template, "/"), strings.Split(path, "/")
		if slices.EqualFunc(want, have, func(w, h string) bool { return w == h || strings.HasPrefix(w, "{") && h != "" }) {
			found = append(found, template)
		}
	}
	slices.SortFunc(found, func(a, b string) int { return strings.Count(a, "{") - strings.Count(b, "{") })
	return strings.Join(found[:min(1, len(found))], ""), len(found) > 0
}

// requireFits holds a body against its schema: types aside, which members it has.
func (c *contract) requireFits(t *testing.T, where string, s schema, body any) {
	t.Helper()
	if s.Ref != "" {
		s = c.Components.Schemas[last(s.Ref)]
	}
	switch value := body.(type) {
	case []any:
		require.Equal(t, "array", s.Type, where)
		for _, item := range value {
			c.requireFits(t, where, *s.Items, item)
		}
	case map[string]any:
		require.Equal(t, "object", s.Type, where)
		require.Subset(t, slices.Collect(maps.Keys(value)), s.Required, where)
		for name, inside := range value {
			member, ok := s.Properties[name]
			require.True(t, ok, "%s: no member %s", where, name)
			if inside != nil && (member.Type != "" || member.Ref != "") {
				c.requireFits(t, where+"."+name, member, inside)
			}
		}
	default:
		if s.Enum != nil {
			require.Contains(t, s.Enum, value, where)
		}
	}
}

// TestWords holds the words that a shell completes against the contract.
func TestWords(t *testing.T) {
	c := readContract(t)
	role := c.Components.Schemas["RoleAssignmentDraft"].Properties["role"].Enum
	require.ElementsMatch(t, role, append(anyOf(completed(t, "role", "assign", "")), nil))
	status := c.Components.Schemas["PersonalAccessToken"].Properties["status"].Enum
	require.ElementsMatch(t, status, anyOf(completed(t, "pat", "list", "--status", "")))
	outcome := c.Components.Schemas["AuditEvent"].Properties["outcome"].Enum
	require.ElementsMatch(t, outcome, anyOf(completed(t, "audit", "list", "--outcome", "")))
}

func anyOf(texts []string) []any {
	all := make([]any, len(texts))
	for i, text := range texts {
		all[i] = text
	}
	return all
}

// completed returns what a shell offers after args.
func completed(t *testing.T, args ...string) []string {
	t.Helper()
	got := run{args: append([]string{"__complete"}, args...)}.do(t)
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	require.Contains(t, lines[len(lines)-1], ":", "the last line is the directive")
	return lines[:len(lines)-1]
}

func TestCompletion(t *testing.T) {
	require.Contains(t, completed(t, "role", "assign", "--right", ""), "cambio:introspect")
	require.Contains(t, completed(t, "role", "unassign", ""), "group_admin")
	require.Empty(t, completed(t, "role", "assign", "group_admin", ""), "one role at a time")
	require.Equal(t, []string{"org", "org:", "group:", "platform"}, completed(t, "role", "assign", "--on", ""))
	require.Contains(t, completed(t, "audit", "list", "--event", ""), "PERSONAL_ACCESS_TOKEN_USE_FAILED")
	require.Contains(t, completed(t, "pat", "create", "--scope", ""), "sp:scopes:all")
	require.Contains(t, completed(t, "org", "token", "revoke", "--reason", ""), "compromised")
	require.Contains(t, completed(t, "policy", "set", "--default-scope", ""), "openid")
	require.Equal(t, []string{"table", "json", "yaml", "id"}, completed(t, "group", "list", "-o", ""))
}

// TestAuditPagesStandStill has the later pages end where the first began: events
// that come meanwhile would shift them.
func TestAuditPagesStandStill(t *testing.T) {
	page := func(size int) reply {
		events := make([]string, size)
		for i := range events {
			events[i] = `{"time":"2026-11-22T02:59:00.000Z","event":"LOGIN"}`
		}
		return listOf(events...)
	}
	got := run{args: []string{"audit", "list", "--actor", aliceID, "--since", "1h", "-o", "json"}, replies: []reply{page(250), page(250), page(1)}}.do(t)
	require.Empty(t, got.stderr)
	require.Len(t, got.sent, 3)
	require.Empty(t, got.sent[0].URL.Query().Get("to"))
	for i, s := range got.sent[1:] {
		query := s.URL.Query()
		require.Equal(t, "2026-11-22T02:59:00.001Z", query.Get("to"))
		require.Equal(t, "2026-11-22T02:00:00.000Z", query.Get("from"))
		require.Equal(t, aliceID, query.Get("actor"))
		require.Equal(t, []string{"250", "500"}[i], query.Get("offset"))
	}
	got = run{args: []string{"audit", "list"}, replies: []reply{listOf(slices.Repeat([]string{`{"time":"noon"}`}, 250)...)}}.do(t)
	require.Contains(t, got.stderr, "unexpected_answer")
}

// TestOtherShapes answers each command with what the contract does not have.
func TestOtherShapes(t *testing.T) {
	for args, replies := range map[string][]reply{
		"me":                               {ok("[]")},
		"org get":                          {ok("{}")},
		"org get x":                        {ok("{}")},
		"group get x":                      {ok("{}")},
		"group list":                       {ok("{}")},
		"identity get " + aliceID:          {ok("[]")},
		"identity enable " + aliceID:       {ok("[]")},
		"policy preview --max-lifetime 1d": {ok(meJSON()), ok("[]")},
		"policy set --max-lifetime 1d":     {ok(meJSON()), ok(policyJSON), ok("[]")},
		"role unassign platform_admin --from " + aliceID: {ok("{}")},
		"login": {ok(meJSON()), ok("[]")},
		"directory import --file testdata/directory.json": {ok(meJSON()), ok("[]")},
	} {
		got := run{args: splitWords(args), stdin: pat, replies: replies}.do(t)
		require.Equal(t, 1, got.exit, args)
		require.Contains(t, got.stderr, "error: unexpected_answer\n", args)
		require.Len(t, got.requests, len(replies), args)
	}
	got := run{args: splitWords("policy set --max-lifetime 1d"), terminal: true, replies: []reply{ok(meJSON()), ok(policyJSON), ok("[]")}}.do(t)
	require.Contains(t, got.stderr, "error: unexpected_answer\n")
	refused := reply{status: http.StatusForbidden, body: fault("403 Forbidden", "no")}
	for args, before := range map[string][]reply{
		"org list": nil, "org get": nil, "org get x": nil, "org token list": nil, "org rename x y": nil, "policy get": nil, "policy set --enforce-on-existing": {ok(meJSON())},
		"group get x": nil, "group create x --child y": nil, "group update x --name y": nil,
		"group member list x": nil, "group member add x y": nil, "group token get " + tokenID + " --group x": nil, "group token delete " + tokenID + " --group x": nil,
		"identity get x": nil, "identity update x --email y": nil, "identity delete x": nil,
		"identity disable x": nil, "identity login x": nil, "role assign organization_user --to x": nil, "role assign organization_user --to group:x --on org:x": nil,
		"role unassign organization_user --from " + aliceID + " --on org:" + organizationID: nil, "service list": nil, "directory export --org x": nil, "directory import --file testdata/directory.json": nil, "audit list": nil, "report inactivity": nil,
	} {
		got := run{args: splitWords(args), replies: append(before, refused)}.do(t)
		require.Contains(t, got.stderr, "error: 403 Forbidden\n", args)
		require.Equal(t, 1, got.exit, args)
	}
}

func TestFilesWithAPolicy(t *testing.T) {
	for name, tc := range map[string]struct{ file, want string }{
		"a list":    {write(t, 0o600, "[]", t.TempDir(), "p"), "is not one JSON object"},
		"too large": {write(t, 0o600, `{"a":"`+strings.Repeat("a", 64<<10)+`"}`, t.TempDir(), "p"), "is not one JSON object"},
		"two":       {write(t, 0o600, "{}{}", t.TempDir(), "p"), "is not one JSON object"},
		"empty":     {write(t, 0o600, "", t.TempDir(), "p"), "is not one JSON object"},
		"none":      {t.TempDir() + "/none", "error: file_unreadable"},
		"a folder":  {t.TempDir(), "error: file_unreadable"},
	} {
		got := run{args: []string{"policy", "set", "--org", organizationID, "--file", tc.file}}.do(t)
		require.Equal(t, 2, got.exit, name)
		require.Contains(t, got.stderr, tc.want, name)
		require.Empty(t, got.requests, name)
	}
	file := write(t, 0o600, "{}\n", t.TempDir(), "p")
	got := run{args: []string{"org", "create", "research", "--policy-file", file}, replies: []reply{ok(organizationJSON(otherID, "research", "null"))}}.do(t)
	require.Equal(t, 0, got.exit)
	require.JSONEq(t, `{"name":"research","policy":{}}`, string(got.sent[0].body))
	got = run{args: []string{"policy", "set", "--file", "-", "--token-file", "-"}, stdin: pat}.do(t)
	require.Contains(t, got.stderr, "stdin cannot hold both")
}
