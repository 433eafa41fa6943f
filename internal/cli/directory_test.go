package cli_test

import "strings"

func groupCases() map[string]run {
	both := listOf(groupJSON(groupID, "developers"), groupJSON(childID, "interns"))
	developers := listOf(groupJSON(groupID, "developers"))
	interns := listOf(groupJSON(childID, "interns"))
	alice := listOf(identityJSON(aliceID, "alice"))
	single := ok(strings.TrimSuffix(groupJSON(groupID, "developers"), "}") + `,"members":[{"type":"IDENTITY","id":"` + aliceID + `","name":"Alice Smith"}]}`)
	return map[string]run{
		"group-list":           {args: []string{"group", "list"}, replies: []reply{both}},
		"group-list-json":      {args: []string{"group", "list", "-o", "json", "--filters", `name sw "d"`, "--sorters", "-name"}, replies: []reply{both}},
		"group-list-yaml":      {args: []string{"group", "list", "-o", "yaml"}, replies: []reply{both}},
		"group-list-id":        {args: []string{"group", "list", "-o", "id"}, replies: []reply{both}},
		"group-get":            {args: []string{"group", "get", "developers"}, replies: []reply{developers, single}},
		"group-get-id":         {args: []string{"group", "get", groupID, "-o", "json"}, replies: []reply{single}},
		"group-create-id":      {args: []string{"group", "create", "developers", "-o", "id"}, replies: []reply{single}},
		"group-create":         {args: []string{"group", "create", "developers", "--description", "who builds", "--child", "interns," + otherID}, replies: []reply{interns, single}},
		"group-create-flag":    {args: []string{"group", "create", "--name", "developers"}, replies: []reply{single}},
		"group-create-twice":   {args: []string{"group", "create", "developers", "--name", "developers"}},
		"group-create-none":    {args: []string{"group", "create"}},
		"group-update":         {args: []string{"group", "update", groupID, "--name", "builders", "--description", ""}, replies: []reply{single}},
		"group-update-nothing": {args: []string{"group", "update", groupID}},
		"group-delete":         {args: []string{"group", "delete", "developers", "sales"}, replies: []reply{developers, gone(), listOf()}},
		"group-delete-asked":   {args: []string{"group", "delete", groupID}, stdin: "n\n", terminal: true},
		"member-list":          {args: []string{"group", "member", "list", groupID}, replies: []reply{alice}},
		"member-list-id":       {args: []string{"group", "member", "list", "developers", "-o", "id"}, replies: []reply{developers, alice}},
		"member-add":           {args: []string{"group", "member", "add", "developers", "alice", otherID}, replies: []reply{developers, alice, gone(), gone()}},
		"member-add-partly":    {args: []string{"group", "member", "add", groupID, "bob", aliceID}, replies: []reply{alice, gone()}},
		"member-remove":        {args: []string{"group", "member", "remove", groupID, aliceID}, replies: []reply{gone()}},
		"member-nobody":        {args: []string{"group", "member", "add", groupID}},
		"child-list":           {args: []string{"group", "child", "list", groupID}, replies: []reply{interns}},
		"child-add":            {args: []string{"group", "child", "add", groupID, "interns"}, replies: []reply{interns, gone()}},
		"child-remove":         {args: []string{"group", "child", "remove", groupID, childID}, replies: []reply{gone()}},
		"group-no-verb":        {args: []string{"group", "member"}},
	}
}

func identityCases() map[string]run {
	both := listOf(identityJSON(aliceID, "alice"), identityJSON(otherID, "bob"))
	alice := listOf(identityJSON(aliceID, "alice"))
	one := ok(identityJSON(aliceID, "alice"))
	return map[string]run{
		"identity-list":           {args: []string{"identity", "list", "--filters", `username sw "a"`, "--sorters", "username"}, replies: []reply{both}},
		"identity-list-json":      {args: []string{"identity", "list", "-o", "json"}, replies: []reply{both}},
		"identity-list-yaml":      {args: []string{"identity", "list", "-o", "yaml"}, replies: []reply{both}},
		"identity-list-id":        {args: []string{"identity", "list", "-o", "id"}, replies: []reply{both}},
		"identity-get":            {args: []string{"identity", "get", "Alice"}, replies: []reply{alice, one}},
		"identity-get-unknown":    {args: []string{"identity", "get", "carol", "-o", "json"}, replies: []reply{listOf()}},
		"identity-create":         {args: []string{"identity", "create", "alice", "--display-name", "Alice Smith", "--email", "alice@example.com", "--external-id", "4711", "--issuer", "https://idp.example.com", "--subject", "a", "--disabled"}, replies: []reply{one}},
		"identity-create-flag":    {args: []string{"identity", "create", "--username", "alice"}, replies: []reply{one}},
		"identity-create-twice":   {args: []string{"identity", "create", "alice", "--username", "alice"}},
		"identity-create-none":    {args: []string{"identity", "create", "--display-name", "Alice"}},
		"identity-update":         {args: []string{"identity", "update", "alice", "--username", "alicia", "--email", ""}, replies: []reply{alice, one}},
		"identity-update-nothing": {args: []string{"identity", "update", "alice"}},
		"identity-disable":        {args: []string{"identity", "disable", aliceID, "-o", "yaml"}, replies: []reply{one}},
		"identity-enable":         {args: []string{"identity", "enable", aliceID, otherID}, replies: []reply{one, ok(identityJSON(otherID, "bob"))}},
		"identity-delete":         {args: []string{"identity", "delete", aliceID}, stdin: "y\n", terminal: true, replies: []reply{gone()}},
		"identity-login":          {args: []string{"identity", "login", aliceID}, replies: []reply{one}},
		"identity-login-at":       {args: []string{"identity", "login", aliceID, "--at", "2026-11-20T09:00:00+01:00"}, replies: []reply{one}},
		"identity-login-soon":     {args: []string{"identity", "login", aliceID, "--at", "soon"}},
	}
}

func roleCases() map[string]run {
	onGroup := assignmentJSON(assignmentID, `"group_admin"`, "group", `"`+groupID+`"`)
	onPlatform := assignmentJSON(otherID, `"platform_admin"`, "platform", "null")
	both := listOf(onGroup, onPlatform)
	alice, developers, own := listOf(identityJSON(aliceID, "alice")), listOf(groupJSON(groupID, "developers")), ok(meJSON())
	rights := strings.NewReplacer(`"role":"x","rights":[]`, `"role":null,"rights":["cambio:introspect"]`).Replace(assignmentJSON(assignmentID, `"x"`, "organization", `"`+organizationID+`"`))
	return map[string]run{
		"role-list":            {args: []string{"role", "list"}, replies: []reply{both}},
		"role-list-json":       {args: []string{"role", "list", "-o", "json", "--filters", `role eq "group_admin"`, "--sorters", "role"}, replies: []reply{both}},
		"role-list-yaml":       {args: []string{"role", "list", "-o", "yaml"}, replies: []reply{both}},
		"role-list-id":         {args: []string{"role", "list", "-o", "id"}, replies: []reply{both}},
		"role-get":             {args: []string{"role", "get", assignmentID}, replies: []reply{ok(onGroup)}},
		"role-get-bad":         {args: []string{"role", "get", "x"}},
		"role-assign":          {args: []string{"role", "assign", "AccessAsNonInteractiveUser", "--to", "group:developers"}, replies: []reply{own, developers, ok(assignmentJSON(assignmentID, `"AccessAsNonInteractiveUser"`, "organization", `"`+organizationID+`"`))}},
		"role-assign-group":    {args: []string{"role", "assign", "group_admin", "--to", "alice", "--on", "group:developers"}, replies: []reply{developers, alice, ok(onGroup)}},
		"role-assign-platform": {args: []string{"role", "assign", "platform_admin", "--to", aliceID, "-o", "id"}, replies: []reply{ok(onPlatform)}},
		"role-assign-right":    {args: []string{"role", "assign", "--right", "cambio:introspect", "--to", aliceID, "--on", "org:" + organizationID}, replies: []reply{ok(rights)}},
		"role-assign-nothing":  {args: []string{"role", "assign", "--to", "alice"}},
		"role-assign-nobody":   {args: []string{"role", "assign", "organization_user"}},
		"role-assign-nowhere":  {args: []string{"role", "assign", "group_user", "--to", "alice"}},
		"role-assign-org":      {args: []string{"role", "assign", "organization_admin", "--to", aliceID, "--on", "org:research"}, replies: []reply{listOf(organizationJSON(otherID, "research", "null")), ok(assignmentJSON(assignmentID, `"organization_admin"`, "organization", `"`+otherID+`"`))}},
		"role-assign-org-of":   {args: []string{"role", "assign", "organization_admin", "--to", aliceID, "--on", "org:"}},
		"role-assign-odd":      {args: []string{"role", "assign", "group_user", "--to", "alice", "--on", "moon"}},
		"role-unassign":        {args: []string{"role", "unassign", "group_admin", "--from", aliceID, "--on", "group:" + groupID}, stdin: "y\n", terminal: true, replies: []reply{both, gone()}},
		"role-unassign-id":     {args: []string{"role", "unassign", assignmentID, otherID}, replies: []reply{gone(), gone()}},
		"role-unassign-mixed":  {args: []string{"role", "unassign", assignmentID, "group_admin"}},
		"role-unassign-both":   {args: []string{"role", "unassign", "group_admin", "group_user", "--from", aliceID}},
		"role-unassign-none":   {args: []string{"role", "unassign", "--right", "cambio:introspect", "--from", aliceID}, replies: []reply{both}},
		"role-unassign-right":  {args: []string{"role", "unassign", "--right", "cambio:introspect", "--from", aliceID, "--on", "org:" + organizationID}, replies: []reply{listOf(rights), gone()}},
	}
}

func directoryCases() map[string]run {
	document := `{"version":1,"identities":[{"username":"alice","enabled":true}],"groups":[],"roleAssignments":[]}`
	report := func(failed, failures string) reply {
		return ok(`{"preview":false,"complete":true,"identities":{"created":1,"updated":0,"removed":1},"groups":{"created":0,"updated":0,"removed":0},` +
			`"roleAssignments":{"created":0,"updated":0,"removed":0},"failed":` + failed + `,"changes":[{"kind":"identity","index":0,"name":"alice","action":"create"},` +
			`{"kind":"identity","index":null,"name":"bob","action":"remove"}],"failures":[` + failures + `]}` + "\n")
	}
	failure := `{"kind":"roleAssignment","index":3,"name":"group_admin: alice","detailCode":"403 Forbidden","causes":[{"locale":"en-US","localeOrigin":"DEFAULT","text":"no"}]},` +
		`{"kind":"identity","index":null,"name":"carol","detailCode":"503 Service Unavailable","causes":[]}`
	org := []string{"--org", organizationID}
	given := append([]string{"directory", "import", "-f", "-"}, org...)
	return map[string]run{
		"directory-export":         {args: []string{"directory", "export"}, replies: []reply{ok(meJSON()), ok(document)}},
		"directory-export-yaml":    {args: append([]string{"directory", "export", "-o", "yaml"}, org...), replies: []reply{ok(document)}},
		"directory-import":         {args: given, stdin: document, replies: []reply{report("0", "")}},
		"directory-import-json":    {args: append([]string{"directory", "import", "--preview", "--prune", "-o", "json"}, org...), stdin: document, replies: []reply{ok(strings.Replace(report("0", "").body, `"preview":false`, `"preview":true`, 1))}},
		"directory-import-failed":  {args: given, stdin: document, replies: []reply{report("2", failure)}},
		"directory-import-outage":  {args: given, stdin: document, replies: []reply{ok(strings.Replace(report("0", "").body, `"complete":true`, `"complete":false`, 1))}},
		"directory-import-asked":   {args: append([]string{"directory", "import", "--prune", "--file", "testdata/directory.json"}, org...), stdin: "n\n", terminal: true},
		"directory-import-unasked": {args: append([]string{"directory", "import", "--prune"}, org...), stdin: document, terminal: true},
		"directory-import-list":    {args: given, stdin: "[]"},
	}
}
