package cli_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
)

const (
	keysJSON = `[{"kid":"kid-1_a","alg":"ES256","generation":1,"state":"active","created":"2026-11-01T00:00:00.000Z","activeFrom":"2026-11-01T00:00:00.000Z",` +
		`"retireFrom":"2026-12-01T00:00:00.000Z","removeAfter":"2026-12-02T00:00:00.000Z","revokedAt":null}]` + "\n"
	credentialsJSON = `{"access_token":"` + jwt + `","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":300,` +
		`"scope":"credentials","client_id":"` + callerID + `","issuer":"https://sts.example.com","aws_access_key_id":"ASIA1","aws_secret_access_key":"a/b+c",` +
		`"aws_session_token":"s","aws_credentials_expiration":"2026-11-20T00:05:00Z","db_platform":"postgresql","db_host":"db.example.com","db_port":"5432",` +
		`"db_database":"shop","db_username":"cambio_1","db_password":"it's $HOME \u0060id\u0060\n\"x\"","db_expires_at":"2026-11-20T00:05:00Z","vault_token":"v"}`
	exchangedJSON = `{"access_token":"` + jwt + `","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":300,` +
		`"scope":"orders:read","client_id":"` + callerID + `","issuer":"https://sts.example.com","pat_expires_at":"2026-11-25T09:00:00.000Z"}`
	introspectedJSON = `{"active":true,"scope":"orders:read","client_id":"` + callerID + `","exp":1795316400,"aud":["a","b"],"iss":"https://sts.example.com"}`
)

// cases are the runs of which the whole is in testdata, by the names there.
func cases() map[string]run {
	all := patCases()
	for _, more := range []map[string]run{levelCases(), organizationCases(), policyCases(), groupCases(), identityCases(), roleCases(), directoryCases(), otherCases(), loginCases(), credentialCases()} {
		maps.Copy(all, more)
	}
	return all
}

func TestGolden(t *testing.T) {
	for name, r := range cases() {
		t.Run(name, func(t *testing.T) {
			got := r.do(t)
			args := make([]string, len(r.args))
			for i, arg := range r.args {
				args[i] = hideCredentials(arg)
			}
			text := got.transcript(args)
			if got.home != "" {
				text = strings.ReplaceAll(text, got.home, "$HOME")
			}
			golden(t, name, text)
		})
	}
}

func patCases() map[string]run {
	revoked := `{"id":"` + tokenID + `","name":"ci","status":"Revoked","ownerUsername":"ops","ownerStatus":"Disabled","level":"group","scope":[],"revokedAt":"2026-11-22T03:00:00.000Z",` +
		`"revokeReason":"compromised","oldSecretUntil":"2026-11-23T03:00:00.000Z","oldSecretUses":[{"time":"2026-11-22T02:00:00.000Z","ip":"192.0.2.9","userAgent":"curl"}]}`
	return map[string]run{
		"create":           {args: []string{"pat", "create", "--name", "ci", "--description", "builds", "--scope", "orders:read,orders:write", "--audience", "https://a.example", "--network", "192.0.2.0/24", "--expires", "30d", "--access-token-validity", "5m"}, replies: []reply{ok(createdJSON())}},
		"create-json":      {args: []string{"pat", "create", "--name", "ci", "--scope", "", "--expires", "never", "--access-token-validity", "300", "-o", "json"}, replies: []reply{ok(createdJSON() + "\n")}},
		"create-id":        {args: []string{"pat", "create", "--name", "ci", "-o", "id"}},
		"create-nameless":  {args: []string{"pat", "create", "--expires", "2027-01-01T00:00:00+01:00"}},
		"create-expires":   {args: []string{"pat", "create", "--name", "ci", "--expires", "soon"}},
		"create-validity":  {args: []string{"pat", "create", "--name", "ci", "--access-token-validity", "5x"}},
		"get":              {args: []string{"pat", "get", tokenID}, replies: []reply{ok(tokenJSON(tokenID, "ci"))}},
		"get-revoked":      {args: []string{"pat", "get", tokenID}, replies: []reply{ok(revoked)}},
		"get-json":         {args: []string{"pat", "get", tokenID, "-o", "json"}, replies: []reply{ok("{ \"id\" : \"x\",\"\\u0041\":1e3 }\n")}},
		"get-yaml":         {args: []string{"pat", "get", tokenID, "-o", "yaml"}, replies: []reply{ok(tokenJSON(tokenID, `true \ud83d\ude00\u001b[31m`))}},
		"get-hostile":      {args: []string{"pat", "get", tokenID}, replies: []reply{ok(tokenJSON(tokenID, `\u001b]0;owned\u0007\u202e\r\n\u009b1m`))}},
		"get-hostile-json": {args: []string{"pat", "get", tokenID, "-o", "json"}, replies: []reply{ok("{ \"name\" : \"\u009b1m\u202e\u200c日本\xff\", \"\u2066id\":\"\\u202e\" }\n")}},
		"get-hostile-yaml": {args: []string{"pat", "get", tokenID, "-o", "yaml"}, replies: []reply{ok("{\"name\":\"\u009b1m\u202e\u200c日本\",\"\u2066id\":\"\\u202e\",\"description\":\"a\\r\\nb\"}\n")}},
		"get-bad-id":       {args: []string{"pat", "get", "../../keys"}},
		"list":             {args: []string{"pat", "list"}, replies: []reply{ok("[" + tokenJSON(tokenID, "ci") + "," + tokenJSON(otherID, "Büro 日本") + "]")}},
		"list-owner":       {args: []string{"pat", "list", "--owner", "alice", "-o", "id"}, replies: []reply{listOf(identityJSON(aliceID, "alice")), listOf(tokenJSON(tokenID, "ci"))}},
		"list-status":      {args: []string{"pat", "list", "--status", "Expired"}, replies: []reply{listOf()}},
		"list-empty":       {args: []string{"pat", "list"}, replies: []reply{ok("[]\n")}},
		"list-query":       {args: []string{"pat", "list", "--owner", "all", "--filters", `status eq "Active"`, "--sorters", "name,-created", "--limit", "2", "--offset", "3", "-o", "id"}, replies: []reply{ok("[" + tokenJSON(tokenID, "ci") + "," + tokenJSON(otherID, "cd") + "]")}},
		"list-limit-zero":  {args: []string{"pat", "list", "--limit", "0"}, replies: []reply{{status: http.StatusOK, header: map[string]string{"X-Total-Count": "7"}, body: "[]\n"}}},
		"list-beyond":      {args: []string{"pat", "list", "--offset", "9"}, replies: []reply{ok("[]\n")}},
		"list-negative":    {args: []string{"pat", "list", "--limit", "-1"}},
		"update":           {args: []string{"pat", "update", tokenID, "--name", "cd", "--description", "", "--scope", "a:b:c", "--audience", "", "--network", "10.0.0.0/8", "--expires", "never"}, replies: []reply{ok(tokenJSON(tokenID, "cd"))}},
		"update-nothing":   {args: []string{"pat", "update", tokenID}},
		"revoke":           {args: []string{"pat", "revoke", tokenID, "--reason", "compromised", "--cascade"}, replies: []reply{ok(revoked)}},
		"revoke-several":   {args: []string{"pat", "revoke", tokenID, otherID, "-o", "json"}, replies: []reply{ok(`{"id":"` + tokenID + `"}`), ok(`{"id":"` + otherID + `"}`)}},
		"revoke-table":     {args: []string{"pat", "revoke", tokenID, otherID}, replies: []reply{ok(revoked), ok(tokenJSON(otherID, "cd"))}},
		"revoke-partly":    {args: []string{"pat", "revoke", otherID, tokenID, "-o", "id"}, replies: []reply{{status: 404, body: fault("404 Not found", "no such token")}, ok(revoked)}},
		"rotate":           {args: []string{"pat", "rotate", tokenID, "--grace", "1d12h", "--reason", "other"}, replies: []reply{ok(createdJSON())}},
		"rotate-default":   {args: []string{"pat", "rotate", tokenID, "-o", "yaml"}, replies: []reply{ok(createdJSON())}},
		"rotate-grace":     {args: []string{"pat", "rotate", tokenID, "--grace", "-1h"}},
		"rotate-leaked":    {args: []string{"pat", "rotate", tokenID, "--grace", "0", "--reason", "compromised"}, replies: []reply{ok(createdJSON())}},
		"rotate-too-late":  {args: []string{"pat", "rotate", tokenID, "--grace", "7d", "--reason", "compromised"}},
		"delete":           {args: []string{"pat", "delete", tokenID}, replies: []reply{{status: http.StatusNoContent}}},
		"delete-asked":     {args: []string{"pat", "delete", tokenID}, stdin: "y\n", terminal: true, replies: []reply{{status: http.StatusNoContent}}},
		"delete-declined":  {args: []string{"pat", "delete", tokenID}, stdin: "\n", terminal: true},
		"delete-unasked":   {args: []string{"pat", "delete", tokenID}, terminal: true},
		"delete-yes":       {args: []string{"pat", "delete", tokenID, "--yes"}, terminal: true, replies: []reply{{status: http.StatusNoContent}}},
		"delete-stdin":     {args: []string{"pat", "delete", tokenID, "--token-file", "-"}, stdin: pat, terminal: true},
		"exchange":         {args: []string{"exchange", "--audience", "https://a.example,https://b.example", "--resource", "https://c.example", "--scope", "a:b:c,d:e:f"}, replies: []reply{ok(exchangedJSON)}},
		"exchange-token":   {args: []string{"exchange", "-o", "token"}, replies: []reply{ok(exchangedJSON)}},
		"exchange-json":    {args: []string{"exchange", "-o", "json"}, replies: []reply{ok(exchangedJSON)}},
		"exchange-id":      {args: []string{"exchange", "-o", "id"}},
		"exchange-none":    {args: []string{"exchange", "-o", "token"}, replies: []reply{ok(`{"token_type":"Bearer"}`)}},
		"exchange-export":  {args: []string{"exchange", "--export"}, replies: []reply{ok(credentialsJSON)}},
		"exchange-exec":    {args: []string{"exchange", "--scope", "credentials,a:b:c", "--exec", "--", "psql", "-c", "select 1"}, replies: []reply{ok(credentialsJSON)}},
		"exchange-aws":     {args: []string{"exchange", "-o", "aws"}, replies: []reply{ok(credentialsJSON)}},
		"exchange-no-aws":  {args: []string{"exchange", "-o", "aws"}, replies: []reply{ok(exchangedJSON)}},
		"exchange-both":    {args: []string{"exchange", "--export", "--exec", "--", "psql"}},
		"exchange-output":  {args: []string{"exchange", "--export", "-o", "json"}},
		"exchange-nothing": {args: []string{"exchange", "--exec"}},
		"exchange-arg":     {args: []string{"exchange", "psql"}},
		"exchange-odd":     {args: []string{"exchange", "--export"}, replies: []reply{ok(`{"access_token":"a","x=1;rm":"b"}`)}},
		"exchange-number":  {args: []string{"exchange", "--export"}, replies: []reply{ok(`{"access_token":"a","db_port":5432}`)}},
		"exchange-loader":  {args: []string{"exchange", "--export"}, replies: []reply{ok(`{"access_token":"a","path":"/evil","ld_preload":"/evil.so"}`)}},
		"introspect":       {args: []string{"introspect", "--client-ip", "192.0.2.1"}, stdin: freshPAT + "\n", replies: []reply{ok(introspectedJSON)}},
		"introspect-dead":  {args: []string{"introspect", "-o", "json"}, stdin: freshPAT, replies: []reply{ok(`{"active":false}`)}},
		"introspect-stdin": {args: []string{"introspect", "--token-file", "-"}, stdin: freshPAT},
		"introspect-empty": {args: []string{"introspect"}},
		"introspect-list":  {args: []string{"introspect"}, stdin: freshPAT, replies: []reply{ok(`[1]`)}},
		"keys-list":        {args: []string{"keys", "list"}, replies: []reply{ok(keysJSON)}},
		"keys-rotate":      {args: []string{"keys", "rotate", "-o", "json"}, replies: []reply{ok(keysJSON)}},
		"keys-revoke":      {args: []string{"keys", "revoke", "-o", "id", "--", "-kid_1"}, stdin: "yes\n", terminal: true, replies: []reply{ok(keysJSON)}},
		"keys-bad-kid":     {args: []string{"keys", "revoke", "../x"}},
		"no-subcommand":    {args: []string{"pat"}},
		"bad-subcommand":   {args: []string{"pat", "make", "-o", "json"}},
		"bad-command":      {args: []string{"make"}},
		"bad-flag":         {args: []string{"pat", "list", "-o", "json", "--lim", "3"}},
		"bad-value":        {args: []string{"pat", "list", "--limit", "many"}},
		"no-value":         {args: []string{"pat", "list", "--limit"}},
		"bad-format":       {args: []string{"pat", "list", "-o", "xml"}},
		"too-few":          {args: []string{"pat", "revoke"}},
		"too-many":         {args: []string{"pat", "get", tokenID, otherID}},
		"token-argument":   {args: []string{"introspect", pat}},
		"token-as-command": {args: []string{pat}},
		"token-flag":       {args: []string{"exchange", "--token", pat}},
		"token-as-file":    {args: []string{"exchange", "--token-file", pat}},
		"basic-argument":   {args: []string{"pat", "get", callerID + ":" + secretTail}},
	}
}

func TestHelp(t *testing.T) {
	for _, name := range []string{
		"pat", "pat create", "pat list", "exchange", "introspect", "keys", "audit verify", "audit list", "version",
		"org", "org token", "group", "group create", "group member", "group token create", "identity", "identity create", "identity update", "role", "role assign", "policy", "policy set", "directory", "directory import", "login", "logout", "credential", "credential git", "credential kubectl",
	} {
		got := run{args: append(splitWords(name), "--help")}.do(t)
		golden(t, "help-"+joinWords(name), got.transcript(append(splitWords(name), "--help")))
	}
}
