package cli_test

import (
	"net/http"
	"slices"
	"strings"
)

const (
	organizationID = "aaaa0123456789abcdef0123456789ab"
	aliceID        = "bbbb0123456789abcdef0123456789ab"
	groupID        = "cccc0123456789abcdef0123456789ab"
	childID        = "dddd0123456789abcdef0123456789ab"
	assignmentID   = "eeee0123456789abcdef0123456789ab"
	etag           = `"7"`
)

const policyJSON = `{"defaultLifetimeSeconds":null,"maxLifetimeSeconds":0,"allowNeverExpire":true,"requireNeverExpireAcknowledgement":false,` +
	`"enforceOnExisting":false,"maxTokensPerOwner":10,"defaultScopes":["sp:scopes:all"],"defaultAccessTokenSeconds":300,` +
	`"maxAccessTokenSeconds":43200,"logonInactivityDays":0,"unusedRevokeDays":0,"allowedNetworks":[]}`

func organizationJSON(id, name, policy string) string {
	return `{"id":"` + id + `","name":"` + name + `","policy":` + policy + `,"created":"2026-11-01T00:00:00.000Z"}`
}

func groupJSON(id, name string) string {
	return `{"id":"` + id + `","organizationId":"` + organizationID + `","name":"` + name + `","description":null,"reserved":false,` +
		`"childGroups":[{"id":"` + childID + `","name":"interns"}]}`
}

func identityJSON(id, username string) string {
	return `{"id":"` + id + `","organizationId":"` + organizationID + `","type":"USER","username":"` + username + `","displayName":"Alice Smith",` +
		`"email":"alice@example.com","externalId":null,"issuer":null,"subject":null,"enabled":true,"builtInAdministrator":false,"userStatus":"Active",` +
		`"lastLogin":null,"groups":[{"id":"` + groupID + `","name":"developers"}],"created":"2026-11-01T00:00:00.000Z","modified":null}`
}

func assignmentJSON(id, role, scope, scopeID string) string {
	return `{"id":"` + id + `","role":` + role + `,"rights":[],"scope":"` + scope + `","scopeId":` + scopeID + `,` +
		`"holder":{"type":"IDENTITY","id":"` + aliceID + `","name":"Alice Smith"}}`
}

func meJSON() string {
	return `{"identity":` + identityJSON(aliceID, "alice") + `,"organization":{"id":"` + organizationID + `","name":"default"},` +
		`"token":{"id":"` + callerID + `","name":"laptop"},"scope":["sp:scopes:all"],"groups":[{"id":"` + groupID + `","name":"developers"}],` +
		`"roles":[{"role":"AccessAsNonInteractiveUser","scope":"organization","scopeId":"` + organizationID + `"},{"role":"group_admin","scope":"group","scopeId":"` + groupID + `"}],` +
		`"rights":["idn:my-personal-access-tokens:manage"],"daysToInactivity":12,"inactiveAt":"2026-12-04T00:00:00.000Z","mayCreateTokens":true,"usableTokens":3,"maxTokens":10}`
}

// listOf is an answer with those things.
func listOf(all ...string) reply { return ok("[" + strings.Join(all, ",") + "]\n") }

func levelToken() string {
	return strings.NewReplacer(`"level":"personal","levelId":null`, `"level":"group","levelId":"`+groupID+`"`, `"adminRole":false`, `"adminRole":true`).Replace(tokenJSON(tokenID, "ci"))
}

func levelCases() map[string]run {
	secret := strings.TrimSuffix(levelToken(), "}") + `,"secret":"` + secretTail + `","token":"` + freshPAT + `"}`
	disabled := strings.NewReplacer(`"status":"Active"`, `"status":"Revoked"`, `"reactivatable":false`, `"reactivatable":true`).Replace(levelToken())
	developers, own := listOf(groupJSON(groupID, "developers")), ok(meJSON())
	return map[string]run{
		"org-token-list":         {args: []string{"org", "token", "list", "--status", "Active", "--filter", "lastUsed isnull", "--sort", "name"}, replies: []reply{own, listOf(tokenJSON(tokenID, "ci"))}},
		"org-token-create":       {args: []string{"org", "token", "create", "--name", "scim", "--admin", "--expires", "30d"}, replies: []reply{own, ok(secret)}},
		"org-token-get":          {args: []string{"org", "token", "get", tokenID, "--org", organizationID}, replies: []reply{ok(levelToken())}},
		"org-token-update":       {args: []string{"org", "token", "update", tokenID, "--org", organizationID, "--name", "cd"}, replies: []reply{ok(levelToken())}},
		"org-token-revoke":       {args: []string{"org", "token", "revoke", tokenID, "--org", organizationID, "--cascade", "--reason", "unused"}, replies: []reply{ok(disabled)}},
		"org-token-reactivate":   {args: []string{"org", "token", "reactivate", tokenID, otherID, "--org", organizationID}, replies: []reply{ok(levelToken()), {status: 400, body: fault("400.1 Bad Request Content", "it is not reactivatable")}}},
		"org-token-rotate":       {args: []string{"org", "token", "rotate", tokenID, "--org", organizationID, "--grace", "1h"}, replies: []reply{ok(secret)}},
		"org-token-delete":       {args: []string{"org", "token", "delete", tokenID, "--org", organizationID}, replies: []reply{gone()}},
		"org-token-bad-id":       {args: []string{"org", "token", "get", "../x"}},
		"org-token-name":         {args: []string{"org", "token", "list", "--org", "research", "-o", "id"}, replies: []reply{listOf(organizationJSON(organizationID, "research", "null")), listOf(tokenJSON(tokenID, "ci"))}},
		"group-token-list":       {args: []string{"group", "token", "list", "--group", "developers"}, replies: []reply{developers, listOf(levelToken())}},
		"group-token-create":     {args: []string{"group", "token", "create", "--group", groupID, "--name", "ci", "--admin=false", "-o", "json"}, replies: []reply{ok(secret)}},
		"group-token-get":        {args: []string{"group", "token", "get", tokenID, "--group", groupID, "-o", "yaml"}, replies: []reply{ok(levelToken())}},
		"group-token-update":     {args: []string{"group", "token", "update", tokenID, "--group", groupID, "--expires", "never"}, replies: []reply{ok(levelToken())}},
		"group-token-revoke":     {args: []string{"group", "token", "revoke", tokenID, "--group", groupID}, replies: []reply{ok(disabled)}},
		"group-token-reactivate": {args: []string{"group", "token", "reactivate", tokenID, "--group", groupID}, replies: []reply{ok(levelToken())}},
		"group-token-rotate":     {args: []string{"group", "token", "rotate", tokenID, "--group", groupID}, replies: []reply{ok(secret)}},
		"group-token-delete":     {args: []string{"group", "token", "delete", tokenID, "--group", groupID}, stdin: "y\n", terminal: true, replies: []reply{gone()}},
		"group-token-nowhere":    {args: []string{"group", "token", "list"}},
		"group-token-unknown":    {args: []string{"group", "token", "list", "--group", `a"b\`}, replies: []reply{listOf()}},
		"group-token-look-alike": {args: []string{"group", "token", "list", "--group", "developers"}, replies: []reply{listOf(groupJSON(groupID, "developers2"))}},
		"group-token-ambiguous":  {args: []string{"group", "token", "list", "--group", "developers"}, replies: []reply{listOf(groupJSON(groupID, "developers"), groupJSON(childID, "Developers"))}},
		"group-token-personal":   {args: []string{"pat", "create", "--name", "ci", "--admin"}},
	}
}

func organizationCases() map[string]run {
	both := listOf(organizationJSON(organizationID, "default", "null"), organizationJSON(otherID, "research", "null"))
	return map[string]run{
		"org-list":                 {args: []string{"org", "list"}, replies: []reply{both}},
		"org-list-json":            {args: []string{"org", "list", "-o", "json", "--limit", "2", "--offset", "1"}, replies: []reply{both}},
		"org-list-yaml":            {args: []string{"org", "list", "-o", "yaml"}, replies: []reply{both}},
		"org-list-id":              {args: []string{"org", "list", "-o", "id"}, replies: []reply{both}},
		"org-get":                  {args: []string{"org", "get"}, replies: []reply{ok(meJSON()), ok(organizationJSON(organizationID, "default", policyJSON))}},
		"org-get-name":             {args: []string{"org", "get", "research", "-o", "id"}, replies: []reply{both, ok(organizationJSON(otherID, "research", "null"))}},
		"org-get-unknown":          {args: []string{"org", "get", "sales"}, replies: []reply{both}},
		"org-create":               {args: []string{"org", "create", "research"}, replies: []reply{ok(organizationJSON(otherID, "research", policyJSON))}},
		"org-create-flag":          {args: []string{"org", "create", "--name", "research"}, replies: []reply{ok(organizationJSON(otherID, "research", policyJSON))}},
		"org-create-twice":         {args: []string{"org", "create", "research", "--name", "research"}},
		"org-create-none":          {args: []string{"org", "create"}},
		"org-create-policy":        {args: []string{"org", "create", "research", "--policy-file", "-"}, stdin: policyJSON + "\n", replies: []reply{ok(organizationJSON(otherID, "research", policyJSON))}},
		"org-create-administrator": {args: []string{"org", "create", "research", "--administrator", "rita", "--issuer", "https://idp.example.com", "--subject", "4711"}, replies: []reply{ok(strings.TrimSuffix(organizationJSON(otherID, "research", "null"), "}") + `,"administrator":{"type":"IDENTITY","id":"` + aliceID + `","name":"rita"}}`)}},
		"org-create-whose":         {args: []string{"org", "create", "research", "--email", "rita@example.com"}},
		"org-create-broken":        {args: []string{"org", "create", "research", "--policy-file", "-"}, stdin: "{"},
		"org-rename":               {args: []string{"org", "rename", organizationID, "headquarters", "-o", "json"}, replies: []reply{ok(organizationJSON(organizationID, "headquarters", "null"))}},
		"org-rename-empty":         {args: []string{"org", "rename", "", "headquarters"}},
	}
}

func policyCases() map[string]run {
	present := tagged(etag, policyJSON)
	change := func(applied, ends string) reply {
		return reply{status: http.StatusOK, header: map[string]string{"X-Total-Count": "2"}, body: `{"policy":` + policyJSON + `,"applied":` + applied + `,"ends":[` + ends + `]}` + "\n"}
	}
	end := `{"id":"` + tokenID + `","name":"ci","level":"personal","owner":{"type":"IDENTITY","id":"` + aliceID + `","name":"Alice Smith"},"ownerUsername":"alice",` +
		`"expirationDate":null,"endsAt":"2027-01-30T00:00:00.000Z","reason":"lifetime"}`
	org := []string{"--org", organizationID}
	none := ok(`{"policy":` + policyJSON + `,"applied":true,"ends":[]}`)
	set := append([]string{"policy", "set", "--max-lifetime", "90d", "--enforce-on-existing"}, org...)
	return map[string]run{
		"policy-get":          {args: append([]string{"policy", "get"}, org...), replies: []reply{present}},
		"policy-get-own":      {args: []string{"policy", "get", "-o", "json"}, replies: []reply{ok(meJSON()), present}},
		"policy-get-yaml":     {args: append([]string{"policy", "get", "-o", "yaml"}, org...), replies: []reply{present}},
		"policy-get-id":       {args: append([]string{"policy", "get", "-o", "id"}, org...)},
		"policy-set":          {args: set, replies: []reply{present, change("true", end)}},
		"policy-set-none":     {args: append([]string{"policy", "set", "--max-tokens-per-owner", "3"}, org...), terminal: true, replies: []reply{present, none, none}},
		"policy-set-asked":    {args: set, stdin: "y\n", terminal: true, replies: []reply{present, change("false", end), change("true", end)}},
		"policy-set-declined": {args: set, stdin: "n\n", terminal: true, replies: []reply{present, change("false", end)}},
		"policy-set-yes":      {args: slices.Concat(set, []string{"--yes"}), terminal: true, replies: []reply{present, change("true", end)}},
		"policy-set-changed":  {args: set, replies: []reply{present, {status: 412, body: fault("412 Precondition Failed", "it has changed since")}}},
		"policy-set-nothing":  {args: append([]string{"policy", "set"}, org...)},
		"policy-set-file":     {args: append([]string{"policy", "set", "--file", "-", "-o", "json"}, org...), stdin: `{"maxLifetimeSeconds": 1e3}`, replies: []reply{present, change("true", "")}},
		"policy-set-both":     {args: append([]string{"policy", "set", "--file", "-", "--max-lifetime", "1d"}, org...)},
		"policy-set-unasked":  {args: append([]string{"policy", "set", "--file", "-"}, org...), stdin: "{}", terminal: true, replies: []reply{present, change("false", end)}},
		"policy-set-span":     {args: append([]string{"policy", "set", "--max-lifetime", "soon"}, org...)},
		"policy-set-limit":    {args: slices.Concat(set, []string{"--limit", "251"})},
		"policy-set-all": {args: append([]string{
			"policy", "set", "--default-lifetime", "never", "--max-lifetime", "0", "--allow-never-expire=false", "--require-never-expire-acknowledgement",
			"--enforce-on-existing=false", "--max-tokens-per-owner", "0", "--default-scope", "a:b:c,openid", "--default-access-token-validity", "5m",
			"--max-access-token-validity", "12h", "--logon-inactivity-days", "90", "--unused-revoke-days", "30", "--network", "192.0.2.0/24",
		}, org...), replies: []reply{tagged(etag, `{"ofALaterVersion":{"a":1}}`), none}},
		"policy-set-empty":    {args: append([]string{"policy", "set", "--network", "", "--default-scope", "", "--default-lifetime", "30d"}, org...), replies: []reply{present, none}},
		"policy-preview":      {args: append([]string{"policy", "preview", "--max-lifetime", "90d", "--limit", "1", "--offset", "1"}, org...), terminal: true, replies: []reply{present, change("false", end)}},
		"policy-preview-id":   {args: append([]string{"policy", "preview", "--unused-revoke-days", "30", "-o", "id"}, org...), replies: []reply{present, change("false", end)}},
		"policy-preview-yaml": {args: append([]string{"policy", "preview", "--unused-revoke-days", "30", "-o", "yaml"}, org...), replies: []reply{present, change("false", end)}},
	}
}

func otherCases() map[string]run {
	services := listOf(`{"audience":"https://api.example.com","name":null,"anyScope":false,"scopes":[{"scope":"orders:read","grantedTo":["Everyone"]},{"scope":"orders:write","grantedTo":["order-clerks","sales"]}],"organizations":null,"maxLifetimeSeconds":600,"alg":null,"claims":["groups"]}`,
		`{"audience":"https://b.example.com","name":"B","anyScope":true,"scopes":[],"organizations":["default","Acme Inc."],"maxLifetimeSeconds":null,"alg":"RS256","claims":[]}`)
	inactive := listOf(`{"identity":{"type":"IDENTITY","id":"` + aliceID + `","name":"Alice Smith"},"username":"alice","userStatus":"Active","lastLogin":null,"created":"2026-11-01T00:00:00.000Z","remainingDays":3,"deactivatesAt":"2026-11-25T00:00:00.000Z"}`)
	event := `{"seq":7,"time":"2026-11-22T02:59:00.000Z","event":"PERSONAL_ACCESS_TOKEN_USE_FAILED","organization":"` + organizationID + `","actor":"` + aliceID +
		`","pat_id":"` + tokenID + `","ip":"192.0.2.9","outcome":"failure","reason":"expired","denial_id":"` + otherID + `"}`
	return map[string]run{
		"service-list":      {args: []string{"service", "list"}, replies: []reply{services}},
		"service-list-json": {args: []string{"service", "list", "-o", "json"}, replies: []reply{services}},
		"service-list-yaml": {args: []string{"service", "list", "-o", "yaml"}, replies: []reply{services}},
		"service-list-id":   {args: []string{"service", "list", "-o", "id"}, replies: []reply{services}},
		"inactivity":        {args: []string{"report", "inactivity", "--within-days", "0"}, replies: []reply{inactive}},
		"inactivity-json":   {args: []string{"report", "inactivity", "-o", "json"}, replies: []reply{inactive}},
		"inactivity-yaml":   {args: []string{"report", "inactivity", "-o", "yaml"}, replies: []reply{inactive}},
		"inactivity-id":     {args: []string{"report", "inactivity", "-o", "id"}, replies: []reply{inactive}},
		"inactivity-none":   {args: []string{"report", "inactivity"}, replies: []reply{listOf()}},
		"audit-list": {args: []string{
			"audit", "list", "--since", "24h", "--until", "2026-11-22T04:00:00+01:00", "--event", "PERSONAL_ACCESS_TOKEN_*", "--outcome", "failure", "--actor", aliceID,
			"--owner", aliceID, "--pat-id", tokenID, "--denial-id", otherID, "--tracking-id", callerID, "--limit", "20",
		}, replies: []reply{{status: http.StatusOK, header: map[string]string{"Warning": `199 - "2 lines could not be read"`}, body: "[" + event + "]\n"}}},
		"audit-list-json": {args: []string{"audit", "list", "-o", "json"}, replies: []reply{listOf(event)}},
		"audit-list-yaml": {args: []string{"audit", "list", "-o", "yaml"}, replies: []reply{listOf(event)}},
		"audit-list-name": {args: []string{"audit", "list", "--actor", "alice"}, replies: []reply{listOf(identityJSON(aliceID, "alice")), listOf()}},
		"audit-list-id":   {args: []string{"audit", "list", "-o", "id"}},
		"audit-list-when": {args: []string{"audit", "list", "--since", "yesterday"}},
		"me":              {args: []string{"me"}, replies: []reply{ok(meJSON())}},
		"me-json":         {args: []string{"me", "-o", "json"}, replies: []reply{ok(meJSON() + "\n")}},
		"me-yaml":         {args: []string{"me", "-o", "yaml"}, replies: []reply{ok(meJSON())}},
		"me-id":           {args: []string{"me", "-o", "id"}, replies: []reply{ok(meJSON())}},
		"me-bare": {args: []string{"me"}, replies: []reply{ok(`{"identity":` + identityJSON(aliceID, "alice") + `,"organization":{"id":"` + organizationID +
			`","name":null},"token":null,"scope":[],"groups":[],"roles":[],"rights":[],"daysToInactivity":null,"inactiveAt":null,"mayCreateTokens":false,"usableTokens":0,"maxTokens":0}`)}},
	}
}
