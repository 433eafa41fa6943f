package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// problemsOf loads and returns the problems, which there must be.
func problemsOf(tb testing.TB, src Sources) []Problem {
	tb.Helper()
	cfg, origins, err := Load(src)
	require.Nil(tb, cfg)
	require.Nil(tb, origins)
	found, ok := errors.AsType[*Error](err)
	require.True(tb, ok, "%v", err)
	require.NotEmpty(tb, found.Problems)
	for _, p := range found.Problems {
		require.NotEmpty(tb, p.Cause, p.String())
		require.NotEmpty(tb, p.Fix, p.String())
		require.NotContains(tb, p.String(), "\n")
	}
	return found.Problems
}

// TestRefusesFile adds one thing to a file that loads.
func TestRefusesFile(t *testing.T) {
	service := func(fields string) string { return "services: [{ audience: api, scopes: \"*\", " + fields + " }]" }
	webhook := func(fields string) string {
		if !strings.Contains(fields, "url:") {
			fields = "url: \"https://a/b\", " + fields
		}
		return "webhooks: [{ " + fields + ", secretFile: password }]"
	}
	provider := func(fields string) string {
		if !strings.Contains(fields, "http:") {
			fields += ", http: { url: \"https://a/b\", members: { c: d } }"
		}
		return "credentials: [{ name: a, audience: a, " + fields + " }]"
	}
	vault := func(fields string) string {
		if !strings.Contains(fields, "url:") {
			fields = "url: \"https://a/b\", " + fields
		}
		if !strings.Contains(fields, "members:") {
			fields = "members: { c: d }, " + fields
		}
		return provider("http: { " + fields + " }")
	}
	store := func(fields string) string {
		return "credentials: [{ name: a, audience: a, s3: { " + fields + " } }]"
	}
	database := func(instead string) string {
		fields := []string{"host: h", "database: d", "user: u", "passwordFile: password", "roles: [r]"}
		name, _, _ := strings.Cut(instead, ":")
		for i := range fields {
			if strings.HasPrefix(fields[i], name+":") {
				fields[i] = ""
			}
		}
		fields = slices.DeleteFunc(append(fields, instead), func(f string) bool { return f == "" || f == name+":" })
		return "credentials: [{ name: a, postgres: { " + strings.Join(fields, ", ") + " } }]"
	}
	const toAPI = `{ audience: "https://sts.example.com/api/v1" }`
	route := func(fields string) string {
		return "forwardAuth: { routes: [" + strings.TrimSuffix(toAPI, "}") + ", " + fields + " }] }"
	}
	login := func(fields string) string {
		if !strings.Contains(fields, "issuer:") {
			fields = "issuer: \"https://idp\", " + fields
		}
		return "login: { clientId: cambio, " + fields + " }"
	}
	for name, tc := range map[string]struct{ add, want string }{
		"ratio above 1":             {"telemetry: { tracesRatio: 1.5 }", "4: telemetry.tracesRatio: is not a number from 0 to 1"},
		"ratio that is none":        {"telemetry: { tracesRatio: .nan }", "4: telemetry.tracesRatio: is not a number from 0 to 1"},
		"collector without a path":  {"telemetry: { tracesEndpoint: \"http://otel:4318\" }", "4: telemetry.tracesEndpoint: is not the URL of a collector"},
		"collector by gRPC":         {"telemetry: { tracesEndpoint: \"grpc://otel:4317/x\" }", "4: telemetry.tracesEndpoint: is not the URL of a collector"},
		"collector with a password": {"telemetry: { tracesEndpoint: \"http://u:canary@otel/v1/traces\" }", "4: telemetry.tracesEndpoint: has a user or password in it"},
		"requests of another kind":  {"log: { requests: some }", "4: log.requests: is not one of the known values"},
		"unknown key":               {"strore: {}", "4: strore: is not a known key; did you mean store?"},
		"unknown nested key":        {"listen: { adr: \":1\" }", "4: listen.adr: is not a known key; did you mean listen.addr?"},
		"key in the wrong section":  {"durability: verified", "4: durability: is not a known key; did you mean store.durability?"},
		"key of another kind":       {"ldap: {}", "4: ldap: is not a known key"},
		"unknown service key":       {service("scope: []"), "services[0].scope: is not a known key; did you mean services[0].scopes?"},
		"unknown claim":             {service("claims: { phone: true }"), "services[0].claims.phone: is not a known key"},
		"unknown rule key":          {service("claims: { groups: { matches: x } }"), "did you mean services[0].claims.groups.match?"},
		"duplicate key":             {"issuer: https://other.example.com", "4: issuer: is written twice"},
		"duplicate section":         {"store: {}", "4: store: is written twice"},
		"duplicate nested key":      {"log: { level: info, level: warn }", "4: log.level: is written twice"},
		"duplicate scope":           {"services: [{ audience: api, scopes: { \"a:b\": [x], \"a:b\": [y] } }]", "services[0].scopes.a:b: is written twice"},
		"section is text":           {"log: info", "4: log: is not a map"},
		"file is a list":            {"replace: list", "1: is not a map"},
		"alias":                     {"keys: &k { alg: ES256 }\naudit: *k", "5: audit: is an alias"},
		"merge":                     {"keys: { <<: { alg: ES256 } }", "keys: has a key that is no plain text"},
		"not YAML":                  {"a: b: c", "4: is not valid YAML"},
		"unknown anchor":            {"log: *canary", "is not valid YAML (unknown anchor)"},
		"two documents":             {"---\nlog: {}", "more than one YAML document"},
		"number for text":           {"token: { subject: 1 }", "token.subject: is not text"},
		"text for number":           {"limits: { maxConnections: \"5\" }", "limits.maxConnections: is not a whole number; write a whole number from 1 to 10000000 (connections)"},
		"fraction for number":       {"limits: { maxConnections: 1.5 }", "limits.maxConnections: is not a whole number"},
		"hexadecimal":               {"limits: { maxConnections: 0x10 }", "limits.maxConnections: is not a whole number"},
		"number out of bounds":      {"limits: { maxConnections: 0 }", "limits.maxConnections: is out of bounds"},
		"text for boolean":          {"policy: { enforceOnExisting: \"true\" }", "policy.enforceOnExisting: is neither true nor false"},
		"duration without unit":     {"keys: { rotateEvery: 720 }", "keys.rotateEvery: is not a duration; write a number with its unit"},
		"duration zero":             {"keys: { rotateEvery: 0s }", "keys.rotateEvery: is out of bounds; write a duration above 0"},
		"duration negative":         {"keys: { rotateEvery: -1h }", "keys.rotateEvery: is out of bounds"},
		"max-age too short":         {"keys: { jwksMaxAge: 59s }", "keys.jwksMaxAge: is out of bounds; write a duration from 1m to 24h"},
		"max-age too long":          {"keys: { jwksMaxAge: 25h }", "keys.jwksMaxAge: is out of bounds"},
		"text for list":             {"token: { prefixes: one }", "token.prefixes: is not a list"},
		"number in list":            {"token: { prefixes: [1] }", "token.prefixes: has an item that is not text"},
		"item twice":                {"token: { prefixes: [pat, pat] }", "token.prefixes: has the same item twice"},
		"control character":         {`log: { level: "in\u0000fo" }`, "log.level: has control characters"},
		"alg none":                  {"keys: { alg: none }", "keys.alg: is not one of the known values; write one of ES256, RS256, EdDSA, ES384"},
		"alg HS256":                 {"keys: { alg: HS256 }", "keys.alg: is not one of the known values"},
		"service alg none":          {service("alg: none"), "services[0].alg: is not one of the known values"},
		"durability":                {"log: { level: loud }", "log.level: is not one of the known values"},
		"plain http for everyone":   {`listen: { addr: ":8080" }`, "listen.addr: is plain http on an address others can reach"},
		"plain http on a name":      {`listen: { addr: "sts:8080" }`, "listen.addr: is plain http"},
		"listen without port":       {"listen: { addr: 127.0.0.1 }", "listen.addr: is not host:port"},
		"listen on a bad port":      {`listen: { addr: "127.0.0.1:70000" }`, "listen.addr: is not host:port"},
		"one address twice":         {`listen: { addr: "127.0.0.1:1", adminAddr: "127.0.0.1:1" }`, "listen.adminAddr: is the address of the public listener"},
		"certificate without key":   {"listen: { tlsCert: tls.crt }", "listen.tlsKey: is missing beside listen.tlsCert"},
		"key without certificate":   {"listen: { tlsKey: tls.key }", "listen.tlsCert: is missing beside listen.tlsKey"},
		"certificate not there":     {"listen: { tlsCert: no.crt, tlsKey: tls.key }", "listen.tlsCert: names a file that is not there"},
		"catalogue is not there":    {"catalogues: [fr.json]", "4: catalogues: names a file that is not there"},
		"catalogue twice":           {"catalogues: [fr.json, ./fr.json]", "4: catalogues: has the same item twice"},
		"proxy is no network":       {"listen: { trustedProxies: [proxy] }", "listen.trustedProxies: is not a network"},
		"proxy with host bits":      {"listen: { trustedProxies: [10.0.0.1/8] }", "listen.trustedProxies: has bits set beyond"},
		"proxy is everybody":        {"listen: { trustedProxies: [0.0.0.0/0] }", "listen.trustedProxies: trusts every address"},
		"IPv4 in IPv6":              {`policy: { allowedNetworks: ["::ffff:10.0.0.0/104"] }`, "policy.allowedNetworks: has an IPv4 network written as IPv6"},
		"prefix with capitals":      {"token: { prefixes: [Cambio] }", "token.prefixes: has a prefix that cannot be one"},
		"prefix of one character":   {"token: { prefixes: [c] }", "token.prefixes: has a prefix that cannot be one"},
		"prefix ends in underscore": {"token: { prefixes: [cambio_] }", "token.prefixes: has a prefix that cannot be one"},
		"no prefix":                 {"token: { prefixes: [] }", "token.prefixes: is empty"},
		"ambiguous prefixes":        {"token: { prefixes: [cambio, cambio_pat] }", "token.prefixes: has a prefix that begins another one"},
		"default audience":          {"token: { defaultAudience: api }", "token.defaultAudience: is none of the services"},
		"no default scope":          {"policy: { defaultScopes: [] }", "policy.defaultScopes: is empty"},
		"bad default scope":         {`policy: { defaultScopes: ["a b"] }`, "policy.defaultScopes: is or has a scope that cannot be one"},
		"access token too short":    {"policy: { defaultAccessTokenSeconds: 14 }", "policy.defaultAccessTokenSeconds: is out of bounds; write a whole number from 15 to 43200 (seconds)"},
		"access token too long":     {"policy: { maxAccessTokenSeconds: 43201 }", "policy.maxAccessTokenSeconds: is out of bounds"},
		"default above maximum":     {"policy: { maxAccessTokenSeconds: 60 }", "policy.defaultAccessTokenSeconds: is above policy.maxAccessTokenSeconds"},
		"lifetime above maximum":    {"policy: { defaultLifetimeSeconds: 61, maxLifetimeSeconds: 60 }", "policy.defaultLifetimeSeconds: is above policy.maxLifetimeSeconds"},
		"user without password":     {"# add\nreplace: user", "store.passwordFile: is missing beside the user in store.url"},
		"evidence and none":         {"# add\nreplace: confirm", "store.confirm: asks for evidence, and store.durability for none"},
		"authority without TLS":     {"# add\nreplace: ca", "store.caFile: is of no use to a store without TLS"},
		"sentinels of nothing":      {"# add\nreplace: sentinel", "store.sentinelPasswordFile: is of no use to a store without sentinels"},
		"bolt with password":        {"# add\nreplace: passwordFile", "store.passwordFile: is of no use to an embedded store"},
		"no audit folder":           {`audit: { dir: "" }`, "audit.dir: names no folder"},
		"login without issuer":      {"login: { clientId: cambio }", "4: login.clientId: is set without login.issuer"},
		"groups without issuer":     {"login: { groupsClaim: groups }", "4: login.groupsClaim: is set without login.issuer"},
		"map without issuer":        {"login: { groups: { a: b } }", "4: login.groups: is set without login.issuer"},
		"unknown without issuer":    {"login: { createUnknown: true }", "4: login.createUnknown: is set without login.issuer"},
		"login without client":      {"login: { issuer: \"https://idp\" }", "login.clientId: is missing beside login.issuer"},
		"login secret is missing":   {login("clientSecretFile: gone"), "login.clientSecretFile: names a file that is not there"},
		"login by http":             {login("issuer: \"http://idp/canary\""), "login.issuer: is plain http"},
		"login by ftp":              {login("issuer: \"ftp://idp/canary\""), "login.issuer: is not an https URL"},
		"login issuer with query":   {login("issuer: \"https://idp/?canary\""), "login.issuer: has a query, fragment"},
		"login issuer, no query":    {login("issuer: \"https://idp/?\""), "login.issuer: has a query, fragment"},
		"login issuer, fragment":    {login("issuer: \"https://idp/#\""), "login.issuer: has a query, fragment"},
		"login issuer with user":    {login("issuer: \"https://canary@idp/\""), "login.issuer: has a query, fragment"},
		"login issuer, no host":     {login("issuer: \"https:///canary\""), "login.issuer: is not an https URL"},
		"login without openid":      {login("scopes: [profile]"), "login.scopes: lacks openid"},
		"login with a bad scope":    {login("scopes: [openid, \"a b\"]"), "login.scopes: is or has a scope that cannot be one"},
		"login by no claim":         {login("claim: \"\""), "login.claim: names no claim"},
		"login to nowhere":          {login("organization: \" \""), "login.organization: is no name of an organization"},
		"groups without a claim":    {login("groups: { a: b }"), "login.groups: is of no use without login.groupsClaim"},
		"groups are a list":         {login("groupsClaim: g, groups: [a]"), "login.groups: is not a map"},
		"group is a number":         {login("groupsClaim: g, groups: { a: 1 }"), "login.groups: has an entry that is not text"},
		"value is a number":         {login("groupsClaim: g, groups: { 1: a }"), "login.groups: has an entry that is not text"},
		"group is empty":            {login("groupsClaim: g, groups: { a: \"\" }"), "login.groups: has an entry with an empty side"},
		"group with control":        {login("groupsClaim: g, groups: { a: \"b\\u0007\" }"), "login.groups: has control characters"},
		"value twice":               {login("groupsClaim: g, groups: { a: b, a: c }"), "login.groups: has the same entry twice"},
		"reserved group":            {login("groupsClaim: g, groups: { a: Administrators }"), "login.groups: names a group that is not the login's"},
		"idle above lifetime":       {"console: { idle: 2h, lifetime: 1h }", "console.idle: is above console.lifetime"},
		"no idle":                   {"console: { idle: 0s }", "console.idle: is out of bounds"},
		"services is a map":         {"services: {}", "services: is not a list"},
		"service is text":           {"services: [api]", "services[0]: is not a map"},
		"service without audience":  {"services: [{ scopes: \"*\" }]", "4: services[0].audience: is required"},
		"service without scopes":    {"services: [{ audience: api }]", "4: services[0].scopes: names no scope"},
		"audience twice":            {"services: [{ audience: api, scopes: \"*\" }, { audience: api, scopes: \"*\" }]", "services[1].audience: is the audience of another service too"},
		"audience of the API":       {"services: [{ audience: https://sts.example.com/api/v1, scopes: \"*\" }]", "services[0].audience: is the audience of the management API"},
		"audience with fragment":    {"services: [{ audience: \"https://a#b\", scopes: \"*\" }]", "services[0].audience: is neither a plain name nor an absolute URI"},
		"audience with user":        {"services: [{ audience: \"https://u:canary@a\", scopes: \"*\" }]", "services[0].audience: has a user or password"},
		"audience with space":       {"services: [{ audience: \"a b\", scopes: \"*\" }]", "services[0].audience: is neither"},
		"scopes is another text":    {"services: [{ audience: api, scopes: all }]", "services[0].scopes: is neither \"*\" nor a map"},
		"scope with space":          {"services: [{ audience: api, scopes: { \"a b\": [x] } }]", "services[0].scopes.a b: is or has a scope that cannot be one"},
		"reserved scope":            {"services: [{ audience: api, scopes: { \"idn:x\": [x] } }]", "services[0].scopes.idn:x: is a scope of Cambio's own"},
		"reserved scope openid":     {"services: [{ audience: api, scopes: { openid: [x] } }]", "services[0].scopes.openid: is a scope of Cambio's own"},
		"granted to nobody":         {"services: [{ audience: api, scopes: { \"a:b\": [] } }]", "services[0].scopes.a:b: is granted to nobody"},
		"grantee is text":           {"services: [{ audience: api, scopes: { \"a:b\": Everyone } }]", "services[0].scopes.a:b: is not a list"},
		"organizations is text":     {service("organizations: default"), "services[0].organizations: is not a list"},
		"no organization":           {service("organizations: []"), "services[0].organizations: names no organization; name those whose tokens may be for it, or remove the key"},
		"organization twice":        {service("organizations: [a, a]"), "services[0].organizations: has the same item twice"},
		"organization is blank":     {service("organizations: [\" \"]"), "services[0].organizations: has an item that is no name of an organization"},
		"organization is too long":  {service("organizations: [" + strings.Repeat("é", 256) + "]"), "services[0].organizations: has an item that is no name of an organization"},
		"organization is a number":  {service("organizations: [1]"), "services[0].organizations: has an item that is not text"},
		"service lifetime":          {service("maxLifetimeSeconds: 14"), "services[0].maxLifetimeSeconds: is out of bounds"},
		"claim is text":             {service("claims: { groups: all }"), "services[0].claims.groups: is neither true nor false; write true, or {match"},
		"claim is a list":           {service("claims: { groups: [a] }"), "services[0].claims.groups: is not a map"},
		"claim pattern":             {service("claims: { groups: { match: \"[a]\" } }"), "services[0].claims.groups.match: is no pattern"},
		"routes is a map":           {"forwardAuth: { routes: {} }", "forwardAuth.routes: is not a list"},
		"forwardAuth is a list":     {"forwardAuth: []", "forwardAuth: is not a map"},
		"unknown forward key":       {"forwardAuth: { route: [] }", "forwardAuth.route: is not a known key; did you mean forwardAuth.routes?"},
		"route is text":             {"forwardAuth: { routes: [a] }", "forwardAuth.routes[0]: is not a map"},
		"unknown route key":         {route("scopes: [a]"), "forwardAuth.routes[0].scopes: is not a known key; did you mean forwardAuth.routes[0].scope?"},
		"route without audience":    {"forwardAuth: { routes: [{ path: /a }] }", "4: forwardAuth.routes[0].audience: is required"},
		"route to nothing":          {"forwardAuth: { routes: [{ audience: canary }] }", "forwardAuth.routes[0].audience: is none of the services"},
		"route host with port":      {route("host: \"a:1\""), "forwardAuth.routes[0].host: is not a host name"},
		"route host in capitals":    {route("host: Canary"), "forwardAuth.routes[0].host: is not a host name"},
		"route path not at root":    {route("path: canary"), "forwardAuth.routes[0].path: is not a clean path"},
		"route path with dots":      {route("path: /a/../canary"), "forwardAuth.routes[0].path: is not a clean path"},
		"route path with slash":     {route("path: /canary/"), "forwardAuth.routes[0].path: is not a clean path"},
		"route path escaped":        {route("path: /%61"), "forwardAuth.routes[0].path: is not a clean path"},
		"route scope":               {route("scope: [\"can ary\"]"), "forwardAuth.routes[0].scope: is or has a scope that cannot be one"},
		"route twice":               {"forwardAuth: { routes: [" + toAPI + ", " + toAPI + "] }", "forwardAuth.routes[1].path: is there twice"},
		"credentials is a map":      {"credentials: {}", "credentials: is not a list"},
		"provider is text":          {"credentials: [a]", "credentials[0]: is not a map"},
		"unknown provider key":      {provider("htp: {}"), "credentials[0].htp: is not a known key; did you mean credentials[0].http?"},
		"unknown key of a kind":     {vault("urls: a"), "credentials[0].http.urls: is not a known key"},
		"provider of no kind":       {"credentials: [{ name: a }]", "4: credentials[0]: is of no kind"},
		"provider without a name":   {"credentials: [{ audience: a, http: { url: \"https://a/b\", members: { c: d } } }]", "4: credentials[0].name: is required"},
		"provider in capitals":      {"credentials: [{ name: Canary, audience: a, http: { url: \"https://a/b\", members: { c: d } } }]", "credentials[0].name: is not a name"},
		"provider twice":            {"credentials: [{ name: a, audience: a, http: { url: \"https://a/b\", members: { c: d } } }, { name: a, audience: b, http: { url: \"https://a/b\", members: { c: d } } }]", "credentials[1].name: is the name of another"},
		"provider without audience": {"credentials: [{ name: a, http: { url: \"https://a/b\", members: { c: d } } }]", "4: credentials[0].audience: is required"},
		"provider for the API":      {"credentials: [{ name: a, audience: \"https://sts.example.com/api/v1\", http: { url: \"https://a/b\", members: { c: d } } }]", "credentials[0].audience: is the audience of a service"},
		"provider for a service":    {service("") + "\ncredentials: [{ name: a, audience: api, http: { url: \"https://a/b\", members: { c: d } } }]", "credentials[0].audience: is the audience of a service"},
		"provider for a fragment":   {"credentials: [{ name: a, audience: \"https://a#canary\", http: { url: \"https://a/b\", members: { c: d } } }]", "credentials[0].audience: "},
		"provider's prefix":         {provider("prefix: Canary"), "credentials[0].prefix: is not the beginning"},
		"provider's alg":            {provider("alg: HS256"), "credentials[0].alg: is not one of"},
		"provider's claims":         {provider("claims: [a]"), "credentials[0].claims: is not a map"},
		"provider for nobody":       {provider("organizations: []"), "credentials[0].organizations: names no organization"},
		"http without url":          {provider("http: { members: { a: b } }"), "credentials[0].http.url: is required"},
		"http by http":              {vault("url: \"http://127.0.0.1/canary\""), "credentials[0].http.url: is plain http"},
		"http with a user":          {vault("url: \"https://canary@a\""), "credentials[0].http.url: has a user"},
		"http without members":      {vault("members: {}"), "credentials[0].http.members: is required"},
		"http member in capitals":   {vault("members: { Canary: a }"), "credentials[0].http.members: has a name"},
		"http member of no field":   {vault("members: { a: \"b..c\" }"), "credentials[0].http.members: is not the path"},
		"http expiry":               {vault("expiryField: \"a b\""), "credentials[0].http.expiryField: is not the path"},
		"http revoke, no handle":    {vault("revokeUrl: \"https://a\""), "credentials[0].http.handleField: is missing"},
		"http revoke by ftp":        {vault("handleField: a, revokeUrl: \"ftp://a\""), "credentials[0].http.revokeUrl: is not an https"},
		"postgres without host":     {database("host:"), "4: credentials[0].postgres.host: is required"},
		"postgres without database": {database("database:"), "credentials[0].postgres.database: is required"},
		"postgres without user":     {database("user:"), "credentials[0].postgres.user: is required"},
		"postgres without password": {database("passwordFile:"), "credentials[0].postgres.passwordFile: is required"},
		"postgres without roles":    {database("roles:"), "credentials[0].postgres.roles: is required"},
		"postgres password missing": {database("passwordFile: gone"), "credentials[0].postgres.passwordFile: names a file that is not there"},
		"postgres CA missing":       {database("caFile: gone"), "credentials[0].postgres.caFile: names a file that is not there"},
		"postgres port":             {database("port: 65536"), "credentials[0].postgres.port: "},
		"postgres of two hosts":     {database("host: \"canary,b\""), "credentials[0].postgres.host: is not the name of one server"},
		"postgres sslmode":          {database("sslmode: prefer"), "credentials[0].postgres.sslmode: is not one of"},
		"postgres long owner":       {database("ownedTo: " + strings.Repeat("a", 64)), "credentials[0].postgres.ownedTo: is longer"},
		"postgres by socket":        {database("host: /run/postgresql"), "credentials[0].postgres.publicHost: is missing"},
		"postgres unknown key":      {database("tls: x"), "credentials[0].postgres.tls: is not a known key"},
		"http to everywhere":        {vault("allowedNetworks: [\"0.0.0.0/0\"]"), "credentials[0].http.allowedNetworks: allows every address"},
		"s3 nowhere":                {store("roleArn: a"), "credentials[0].s3.region: is missing, and endpoint too"},
		"s3 without audience":       {"credentials: [{ name: a, s3: { endpoint: \"https://a\" } }]", "4: credentials[0].audience: is required"},
		"s3 unknown key":            {store("endpoint: \"https://a\", bucket: a"), "credentials[0].s3.bucket: is not a known key"},
		"s3 by http":                {store("endpoint: \"http://canary\""), "credentials[0].s3.endpoint: is plain http"},
		"s3 with a user":            {store("endpoint: \"https://canary@a\""), "credentials[0].s3.endpoint: has a user"},
		"s3 with a query":           {store("endpoint: \"https://a/?canary\""), "credentials[0].s3.endpoint: has a query"},
		"s3 of no region":           {store("roleArn: a, region: \"Canary 1\""), "credentials[0].s3.region: is not the name"},
		"s3 of AWS, no role":        {store("region: eu-central-1"), "credentials[0].s3.roleArn: is required"},
		"s3 authorities":            {store("endpoint: \"https://a\", caFile: canary.pem"), "credentials[0].s3.caFile: names a file that is not there"},
		"s3 policy":                 {store("endpoint: \"https://a\", policy: \"{canary\""), "credentials[0].s3.policy: is not JSON"},
		"s3 lifetime":               {store("endpoint: \"https://a\", lifetime: 15m"), "credentials[0].s3.lifetime: is not one of"},
		"s3 to everywhere":          {store("endpoint: \"https://a\", allowedNetworks: [\"::/0\"]"), "credentials[0].s3.allowedNetworks: allows every address"},
		"provider of two kinds":     {"credentials: [{ name: a, audience: a, s3: { endpoint: \"https://a\" }, http: { url: \"https://a/b\", members: { c: d } } }]", "credentials[0]: is of no kind, or of more than one"},
		"webhooks is a map":         {"webhooks: {}", "webhooks: is not a list"},
		"webhook is text":           {"webhooks: [a]", "webhooks[0]: is not a map"},
		"unknown webhook key":       {webhook("event: [A]"), "webhooks[0].event: is not a known key; did you mean webhooks[0].events?"},
		"webhook without url":       {"webhooks: [{ secretFile: password }]", "4: webhooks[0].url: is required"},
		"webhook without secret":    {"webhooks: [{ url: \"https://a\" }]", "4: webhooks[0].secretFile: is required"},
		"webhook secret is missing": {"webhooks: [{ url: \"https://a\", secretFile: gone }]", "webhooks[0].secretFile: names a file that is not there"},
		"webhook twice":             {"webhooks: [{ url: \"https://a\", secretFile: password }, { url: \"https://a\", secretFile: password, events: [A] }]", "webhooks[1].url: is there twice"},
		"webhook by ftp":            {webhook("url: \"ftp://a/b\""), "webhooks[0].url: is not an https URL"},
		"webhook without host":      {webhook("url: \"https:///canary\""), "webhooks[0].url: is not an https URL"},
		"webhook with space":        {webhook("url: \"https://a/can ary\""), "webhooks[0].url: is not an https URL"},
		"webhook by http":           {webhook("url: \"http://127.0.0.1/canary\""), "webhooks[0].url: is plain http"},
		"webhook with user":         {webhook("url: \"https://canary@a/b\""), "webhooks[0].url: has a user or password"},
		"webhook with fragment":     {webhook("url: \"https://a/b#canary\""), "webhooks[0].url: has a fragment"},
		"webhook, empty fragment":   {webhook("url: \"https://a/b#\""), "webhooks[0].url: has a fragment"},
		"webhook event":             {webhook("events: [revoked]"), "webhooks[0].events: has an item that is no name"},
		"webhook event, star":       {webhook("events: [\"A*B\"]"), "webhooks[0].events: has an item that is no name"},
		"webhook events is text":    {webhook("events: A"), "webhooks[0].events: is not a list"},
		"webhook organization":      {webhook("organization: default"), "webhooks[0].organization: is not the id"},
		"webhook network":           {webhook("allowedNetworks: [canary]"), "webhooks[0].allowedNetworks: is not a network"},
		"webhook to everywhere":     {webhook("allowedNetworks: [\"::/0\"]"), "webhooks[0].allowedNetworks: allows every address"},
		"claim maximum":             {service("claims: { groups: { max: 0 } }"), "services[0].claims.groups.max: is out of bounds"},
	} {
		t.Run(name, func(t *testing.T) {
			content := minimal + tc.add + "\n"
			if strings.Contains(tc.add, "replace: confirm") {
				content = strings.Replace(minimal, `"bolt:cambio.db"`, `"redis://127.0.0.1", durability: best-effort, confirm: disk`, 1)
			}
			if strings.Contains(tc.add, "replace: ca") {
				content = strings.Replace(minimal, `"bolt:cambio.db"`, `"redis://127.0.0.1", caFile: tls.crt`, 1)
			}
			if strings.Contains(tc.add, "replace: sentinel") {
				content = strings.Replace(minimal, `"bolt:cambio.db"`, `"redis://127.0.0.1", sentinelPasswordFile: password`, 1)
			}
			if strings.Contains(tc.add, "replace: user") {
				content = strings.Replace(minimal, `bolt:cambio.db`, `redis://cambio@127.0.0.1`, 1)
			}
			if strings.Contains(tc.add, "replace: passwordFile") {
				content = strings.Replace(minimal, `cambio.db"`, `cambio.db", passwordFile: password`, 1)
			}
			if tc.add == "replace: list" {
				content = "[issuer]"
			}
			found := problemsOf(t, Sources{File: writeFolder(t, content)})
			require.Len(t, found, 1)
			require.Contains(t, found[0].String(), tc.want)
			require.NotContains(t, found[0].String(), "canary")
		})
	}
}

func TestRefusesEnvironment(t *testing.T) {
	path := writeFolder(t, minimal)
	for name, tc := range map[string]struct{ variable, want string }{
		"misspelled":        {"CAMBIO_LISTEN_ADRR=canary", "CAMBIO_LISTEN_ADRR: is not a known variable; did you mean CAMBIO_LISTEN_ADDR?"},
		"secret as value":   {"CAMBIO_STORE_PASSWORD=canary", "CAMBIO_STORE_PASSWORD: is not a known variable; did you mean CAMBIO_STORE_PASSWORD_FILE?"},
		"unlike any":        {"CAMBIO_ZZZZZZZZ=canary", "CAMBIO_ZZZZZZZZ: is not a known variable; unset it"},
		"like a client's":   {"CAMBIO_FOO=canary", "CAMBIO_FOO: is not a known variable; unset it"},
		"like the file's":   {"CAMBIO_CONFG=canary", "CAMBIO_CONFG: is not a known variable; did you mean CAMBIO_CONFIG?"},
		"services":          {"CAMBIO_SERVICES_0_AUDIENCE=canary", "services are set in the file only"},
		"routes":            {"CAMBIO_FORWARD_AUTH_ROUTES=canary", "forwardAuth is set in the file only"},
		"credentials":       {"CAMBIO_CREDENTIALS_0_NAME=canary", "credentials are set in the file only"},
		"webhooks":          {"CAMBIO_WEBHOOKS_0_URL=canary", "webhooks are set in the file only"},
		"misspelled port":   {"CAMBIO_LISTEN_PORT=8080", "CAMBIO_LISTEN_PORT: is not a known variable"},
		"wrong type":        {"CAMBIO_LIMITS_MAX_CONNECTIONS=canary", "CAMBIO_LIMITS_MAX_CONNECTIONS: limits.maxConnections: is not a whole number"},
		"URL password":      {"CAMBIO_STORE_URL=redis://u:canary@h", "CAMBIO_STORE_URL: store.url: has a password in it; remove it and name a file with it in store.passwordFile"},
		"validated":         {"CAMBIO_LISTEN_ADDR=:80", "CAMBIO_LISTEN_ADDR: listen.addr: is plain http"},
		"set to nothing":    {"CAMBIO_ISSUER=", "CAMBIO_ISSUER: issuer: is not an https URL"},
		"not UTF-8":         {"CAMBIO_LOG_LEVEL=\xff", "log.level: has control characters or is not UTF-8"},
		"empty item":        {"CAMBIO_TOKEN_PREFIXES=a1,,b1", "token.prefixes: has an empty item"},
		"map without =":     {"CAMBIO_LOGIN_GROUPS=canary", "login.groups: has an entry that is not FROM=TO"},
		"map with two =":    {"CAMBIO_LOGIN_GROUPS=a=canary=b", "login.groups: has an entry that is not FROM=TO"},
		"secret of a login": {"CAMBIO_LOGIN_CLIENT_SECRET=canary", "did you mean CAMBIO_LOGIN_CLIENT_SECRET_FILE?"},
		"bad item":          {"CAMBIO_LISTEN_TRUSTED_PROXIES=canary", "listen.trustedProxies: is not a network"},
		"not private file":  {"CAMBIO_MASTER_KEY_FILE=" + filepath.Dir(path), "masterKey.file: names something that is no regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			found := problemsOf(t, Sources{File: path, Env: []string{tc.variable}})
			require.Len(t, found, 1)
			require.Contains(t, found[0].String(), tc.want)
			require.NotContains(t, found[0].String(), "canary")
		})
	}
}

func TestIgnoresVariablesOfOthers(t *testing.T) {
	_, _, err := Load(Sources{File: writeFolder(t, minimal), Env: []string{
		"CAMBIO_TOKEN=x", "CAMBIO_SERVER=x", "CAMBIO_URL=x", "CAMBIO_CONFIG=x", "CAMBIO_CA_FILE=x", "CAMBIOX=x", "nonsense", "PATH=/bin",
		"CAMBIO_SERVICE_HOST=10.1.2.3", "CAMBIO_SERVICE_PORT=443", "CAMBIO_SERVICE_PORT_HTTPS=443", "CAMBIO_PORT=tcp://10.1.2.3:443",
		"CAMBIO_PORT_443_TCP=tcp://10.1.2.3:443", "CAMBIO_PORT_443_TCP_ADDR=10.1.2.3", "CAMBIO_REDIS_SERVICE_HOST=10.1.2.3", "CAMBIO_REDIS_PORT=tcp://10.1.2.3:6379",
	}})
	require.NoError(t, err)
}

func TestRefusesFlags(t *testing.T) {
	path := writeFolder(t, minimal)
	found := problemsOf(t, Sources{File: path, Flags: parsedFlags(t, "--store-url=redis://:canary@h", "--keys-alg=none", "--limits-max-connections", "many")})
	require.Len(t, found, 3)
	require.Equal(t, "--keys-alg: keys.alg: is not one of the known values; write one of ES256, RS256, EdDSA, ES384", found[0].String())
	require.Contains(t, found[1].String(), "--limits-max-connections: limits.maxConnections: is not a whole number")
	require.Contains(t, found[2].String(), "--store-url: store.url: has a password in it")
}

func TestReportsEverythingAtOnce(t *testing.T) {
	path := writeFolder(t, "store: { url: ftp://x, replicsa: 1 }\nkeys: { alg: none }\n")
	_, _, err := Load(Sources{File: path, Env: []string{"CAMBIO_KEY_ALG=ES256"}})
	require.EqualError(t, err, strings.Join([]string{
		"the configuration has 6 problems:",
		"  " + path + ":1: store.url: has no known scheme; write bolt:PATH, redis://, rediss://, redis+sentinel:// or redis+cluster://",
		"  " + path + ":1: store.replicsa: is not a known key; did you mean store.replicas?",
		"  " + path + ":2: keys.alg: is not one of the known values; write one of ES256, RS256, EdDSA, ES384",
		"  CAMBIO_KEY_ALG: is not a known variable; did you mean CAMBIO_KEYS_ALG?",
		"  issuer: is required; set it, such as https://sts.example.com, here, as CAMBIO_ISSUER or as --issuer",
		"  masterKey.file: is required; set it, such as master.key, here, as CAMBIO_MASTER_KEY_FILE or as --master-key-file",
	}, "\n"))
}

func TestRefusesOpenMasterKey(t *testing.T) {
	path := writeFolder(t, minimal)
	key := filepath.Join(filepath.Dir(path), "master.key")
	const nobody = 65534
	if os.Getuid() == 0 {
		require.NoError(t, os.Chmod(key, 0o640))
		_, _, err := Load(Sources{File: path})
		require.NoError(t, err, "root's, for a group to read")
		require.NoError(t, os.Chmod(key, 0o604))
		require.NotEmpty(t, problemsOf(t, Sources{File: path}), "root's, for all to read")
		require.NoError(t, os.Chown(key, nobody, nobody))
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
		require.NoError(t, os.Chmod(key, mode))
		found := problemsOf(t, Sources{File: path})
		require.Contains(t, found[0].String(), "masterKey.file: names a file that others than its owner may use; chmod 0600")
	}
	require.NoError(t, os.Chmod(key, 0o400))
	_, _, err := Load(Sources{File: path})
	require.NoError(t, err)
}

func TestRefusesUnreadableFile(t *testing.T) {
	_, _, err := Load(Sources{File: filepath.Join(t.TempDir(), "none.yaml")})
	require.ErrorIs(t, err, os.ErrNotExist)
	large := problemsOf(t, Sources{File: writeFolder(t, strings.Repeat("#", maxFile+1))})
	require.Contains(t, large[0].String(), "is larger than 1 MiB")
}

func TestPlainHTTPBehindProxies(t *testing.T) {
	for _, listen := range []string{
		`{ addr: ":8080", trustedProxies: [10.0.0.0/8] }`, `{ addr: ":8443", tlsCert: tls.crt, tlsKey: tls.key }`,
		`{ addr: "127.9.9.9:0" }`, `{ addr: "[::1]:0" }`, `{ addr: "localhost:0" }`, `{ adminAddr: "" }`, `{ addr: "127.0.0.1:0", adminAddr: "127.0.0.1:0" }`,
	} {
		_, _, err := Load(Sources{File: writeFolder(t, minimal+"listen: "+listen+"\n")})
		require.NoError(t, err, listen)
	}
}

func TestIssuer(t *testing.T) {
	for _, ok := range []string{
		"https://sts.example.com", "https://sts", "https://sts.example.com:8443", "https://192.0.2.1", "https://[2001:db8::1]:8443",
		"http://localhost", "http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:1", "https://xn--bcher-kva.example",
	} {
		require.Nil(t, checkIssuer(ok), ok)
	}
	for _, bad := range []string{
		"", "sts.example.com", "https://", "https:sts.example.com", "HTTPS://sts.example.com", "ftp://sts.example.com", "http://sts.example.com", "http://192.0.2.1",
		"https://sts.example.com/", "https://sts.example.com/x", "https://sts.example.com?x", "https://sts.example.com#", "https://u@sts.example.com",
		"https://Sts.example.com", "https://sts.example.com.", "https://sts..example.com", "https://-sts.example.com", "https://sts_x.example.com", "https://bücher.example",
		"https://sts.example.com:", "https://sts.example.com:0", "https://sts.example.com:0443", "https://sts.example.com:65536", "https://:443", "https://sts.example.com:8443:1",
		"https://[::1", "https://[2001:DB8::1]", "https://[0:0::1]", "https://[192.0.2.1]", "https://127.1", "https://0x7f.0.0.1", "https://256.1.1.1", " https://sts.example.com", "https://sts.example.com ", "https://sts example.com", "https://sts%2eexample.com",
	} {
		require.NotNil(t, checkIssuer(bad), bad)
	}
}
