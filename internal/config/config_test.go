package config

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

// minimal is the shortest file that loads in a folder made by writeFolder.
const minimal = `issuer: https://sts.example.com
store: { url: "bolt:cambio.db" }
masterKey: { file: master.key }
`

// writeFolder makes a folder with the secret files the tests name and content as
// cambio.yaml, whose path it returns.
func writeFolder(tb testing.TB, content string) string {
	tb.Helper()
	dir := tb.TempDir()
	for _, name := range []string{"master.key", "tls.crt", "tls.key", "password"} {
		require.NoError(tb, os.WriteFile(filepath.Join(dir, name), []byte("x\n"), 0o600))
	}
	return writeConfig(tb, dir, content)
}

func writeConfig(tb testing.TB, dir, content string) string {
	tb.Helper()
	path := filepath.Join(dir, "cambio.yaml")
	require.NoError(tb, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func parsedFlags(tb testing.TB, args ...string) *pflag.FlagSet {
	tb.Helper()
	set := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	set.String("config", "", "not a key")
	AddFlags(set)
	require.NoError(tb, set.Parse(args))
	return set
}

func TestDefaults(t *testing.T) {
	path := writeFolder(t, minimal)
	dir := filepath.Dir(path)
	cfg, origins, err := Load(Sources{File: path})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8080", cfg.Listen.Addr)
	require.Equal(t, "127.0.0.1:9090", cfg.Listen.AdminAddr)
	require.False(t, cfg.Listen.TLS())
	require.Equal(t, StoreURL{Kind: KindBolt, Path: filepath.Join(dir, "cambio.db")}, cfg.Store.URL)
	require.Equal(t, DurabilityVerified, cfg.Store.Durability)
	require.Nil(t, cfg.Store.Replicas)
	require.Equal(t, filepath.Join(dir, "master.key"), cfg.MasterKey.File)
	require.Equal(t, Keys{Alg: "ES256", RotateEvery: 720 * time.Hour, JWKSMaxAge: 15 * time.Minute}, cfg.Keys)
	require.Equal(t, Token{Prefixes: []string{"cambio_pat"}, Subject: SubjectID}, cfg.Token)
	require.Nil(t, cfg.Policy.DefaultLifetimeSeconds)
	require.True(t, cfg.Policy.AllowNeverExpire)
	require.Equal(t, []string{"sp:scopes:all"}, cfg.Policy.DefaultScopes)
	require.Equal(t, Audit{Dir: filepath.Join(dir, "audit"), Retention: 2160 * time.Hour}, cfg.Audit)
	require.Equal(t, Login{
		Scopes: []string{"openid", "profile", "email"}, Claim: "sub", Groups: map[string]string{}, Organization: "default",
	}, cfg.Login)
	require.Equal(t, Console{Idle: 30 * time.Minute, Lifetime: 12 * time.Hour}, cfg.Console)
	require.Equal(t, Limits{MaxConnections: 10000, RequestsPer10s: 100}, cfg.Limits)
	require.Equal(t, Origin{Key: "issuer", From: path + ":1"}, origins[0])
	require.Equal(t, Origin{Key: "listen.addr", From: "default"}, origins[2])
}

func TestPrecedence(t *testing.T) {
	path := writeFolder(t, minimal+"log: { level: warn }\n")
	env := []string{"CAMBIO_LOG_LEVEL=error", "PATH=/bin", "CAMBIO_TOKEN=ignored"}

	cfg, _, err := Load(Sources{File: path})
	require.NoError(t, err)
	require.Equal(t, "warn", cfg.Log.Level)

	cfg, _, err = Load(Sources{File: path, Env: env, Flags: parsedFlags(t)})
	require.NoError(t, err)
	require.Equal(t, "error", cfg.Log.Level)

	cfg, origins, err := Load(Sources{File: path, Env: env, Flags: parsedFlags(t, "--log-level=debug", "--config=x")})
	require.NoError(t, err)
	require.Equal(t, "debug", cfg.Log.Level)
	require.Contains(t, origins, Origin{Key: "log.level", From: "--log-level"})
}

func TestNoFile(t *testing.T) {
	dir := filepath.Dir(writeFolder(t, minimal))
	t.Chdir(dir)
	cfg, _, err := Load(Sources{Env: []string{
		"CAMBIO_ISSUER=http://127.0.0.1:8080", "CAMBIO_STORE_URL=redis+cluster://a,b", "CAMBIO_STORE_PASSWORD_FILE=password",
		"CAMBIO_MASTER_KEY_FILE=master.key", "CAMBIO_KEYS_ROTATE_EVERY=48h", "CAMBIO_LISTEN_TRUSTED_PROXIES=10.0.0.0/8, 192.0.2.1",
		"CAMBIO_LIMITS_REQUESTS_PER_10S=7", "CAMBIO_POLICY_ALLOW_NEVER_EXPIRE=false",
	}, Flags: parsedFlags(t, "--token-prefixes=one", "--token-prefixes", "two,three", "--policy-enforce-on-existing", "--store-replicas=2")})
	require.NoError(t, err)
	require.Equal(t, []string{"a:6379", "b:6379"}, cfg.Store.URL.Addrs)
	require.Equal(t, filepath.Join(dir, "password"), cfg.Store.PasswordFile)
	require.Equal(t, 2, cfg.Store.Confirmations())
	require.Equal(t, 48*time.Hour, cfg.Keys.RotateEvery)
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32")}, cfg.Listen.TrustedProxies)
	require.Equal(t, 7, cfg.Limits.RequestsPer10s)
	require.Equal(t, []string{"one", "two", "three"}, cfg.Token.Prefixes)
	require.True(t, cfg.Policy.EnforceOnExisting)
	require.False(t, cfg.Policy.AllowNeverExpire)
}

func TestServices(t *testing.T) {
	cfg, _, err := Load(Sources{File: writeFolder(t, minimal+`
token: { defaultAudience: https://api.example.com }
services:
  - audience: https://api.example.com
    name: Orders
    scopes: { "orders:read": [Everyone], "orders:write": [order-clerks, admins] }
    maxLifetimeSeconds: 600
    organizations: [default, Acme Inc.]
    alg: RS256
    claims: { groups: { match: "order-*", max: 20 }, roles: { max: 3 }, email: true, name: false }
  - { audience: plain, scopes: "*" }
`)})
	require.NoError(t, err)
	require.Equal(t, []Service{
		{
			Audience: "https://api.example.com", Name: "Orders", MaxLifetimeSeconds: 600, Alg: "RS256", Organizations: []string{"default", "Acme Inc."},
			Scopes: Scopes{Grants: map[string][]string{"orders:read": {"Everyone"}, "orders:write": {"order-clerks", "admins"}}},
			Claims: Claims{Groups: &ClaimRule{Match: "order-*", Max: 20}, Roles: &ClaimRule{Match: "*", Max: 3}, Email: &ClaimRule{Match: "*", Max: DefaultClaimMax}},
		},
		{Audience: "plain", Scopes: Scopes{Any: true}},
	}, cfg.Services)
}

func TestWebhooks(t *testing.T) {
	path := writeFolder(t, minimal+`
webhooks:
  - url: https://hooks.example.com/a?b=c
    secretFile: password
  - url: http://127.0.0.1:8000
    secretFile: password
    events: ["PERSONAL_ACCESS_TOKEN_*", KEY_REVOKED]
    organization: 0123456789abcdef0123456789abcdef
    allowedNetworks: [127.0.0.1, fd00::/8]
`)
	cfg, origins, err := Load(Sources{File: path})
	require.NoError(t, err)
	file := filepath.Join(filepath.Dir(path), "password")
	require.Equal(t, []Webhook{
		{URL: "https://hooks.example.com/a?b=c", SecretFile: file},
		{
			URL: "http://127.0.0.1:8000", SecretFile: file, Events: []string{"PERSONAL_ACCESS_TOKEN_*", "KEY_REVOKED"},
			Organization:    "0123456789abcdef0123456789abcdef",
			AllowedNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("fd00::/8")},
		},
	}, cfg.Webhooks)
	require.Contains(t, origins, Origin{Key: "webhooks", From: path + ":5"})
}

func TestCredentials(t *testing.T) {
	path := writeFolder(t, minimal+`
credentials:
  - name: vault
    audience: https://vault.example.com
    alg: RS256
    claims: { policy: "{{groups:vault-*}}", "https://example.com/x": y }
    prefix: v_
    organizations: [default]
    groups: [deployers]
    http:
      url: http://127.0.0.1:8000/issue
      allowedNetworks: [127.0.0.1]
      members: { token: auth.client_token }
      expiryField: auth.expires
      handleField: id
      revokeUrl: http://127.0.0.1:8000/revoke
  - { name: b, audience: b, http: { url: "https://a/b", members: { c: d } } }
  - name: minio
    audience: c
    s3:
      endpoint: http://127.0.0.1:9000
      region: us-east-1
      allowedNetworks: [127.0.0.1]
      caFile: tls.crt
      roleArn: "arn:aws:iam::1:role/{{org_name}}"
      sessionName: "{{username}}"
      policy: |
        {
          "Statement": ["{{username}}"]
        }
      lifetime: server
  - { name: aws, audience: d, s3: { region: eu-central-1, roleArn: "arn:aws:iam::1:role/a" } }
  - name: warehouse
    postgres:
      host: db.example.com
      port: 6432
      database: w
      user: cambio
      passwordFile: password
      sslmode: disable
      caFile: password
      maxConnections: 7
      roles: [reader, "{{groups:db-*}}"]
      settings: { statement_timeout: 60s }
      connectionLimit: 2
      ownedTo: app
      publicHost: pg.example.com
      publicPort: 5433
`)
	cfg, origins, err := Load(Sources{File: path})
	require.NoError(t, err)
	require.Equal(t, []Credential{
		{
			Name: "vault", Audience: "https://vault.example.com", Alg: "RS256", Prefix: "v_", Organizations: []string{"default"}, Groups: []string{"deployers"},
			Claims: map[string]string{"policy": "{{groups:vault-*}}", "https://example.com/x": "y"},
			HTTP: &CredentialHTTP{
				URL: "http://127.0.0.1:8000/issue", AllowedNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
				Members: map[string]string{"token": "auth.client_token"}, ExpiryField: "auth.expires", HandleField: "id", RevokeURL: "http://127.0.0.1:8000/revoke",
			},
		},
		{Name: "b", Audience: "b", HTTP: &CredentialHTTP{URL: "https://a/b", Members: map[string]string{"c": "d"}}},
		{Name: "minio", Audience: "c", S3: &CredentialS3{
			Endpoint: "http://127.0.0.1:9000", Region: "us-east-1", AllowedNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
			CAFile: filepath.Join(filepath.Dir(path), "tls.crt"), RoleARN: "arn:aws:iam::1:role/{{org_name}}", SessionName: "{{username}}",
			Policy: `{"Statement":["{{username}}"]}`, Lifetime: LifetimeServer,
		}},
		{Name: "aws", Audience: "d", S3: &CredentialS3{Region: "eu-central-1", RoleARN: "arn:aws:iam::1:role/a"}},
		{Name: "warehouse", Postgres: &CredentialPostgres{
			Host: "db.example.com", Port: 6432, Database: "w", User: "cambio", PasswordFile: filepath.Join(filepath.Dir(path), "password"), SSLMode: "disable",
			CAFile: filepath.Join(filepath.Dir(path), "password"), MaxConnections: 7, Roles: []string{"reader", "{{groups:db-*}}"},
			Settings: map[string]string{"statement_timeout": "60s"}, ConnectionLimit: 2, OwnedTo: "app", PublicHost: "pg.example.com", PublicPort: 5433,
		}},
	}, cfg.Credentials)
	require.Contains(t, origins, Origin{Key: "credentials", From: path + ":5"})
}

func TestRoutes(t *testing.T) {
	path := writeFolder(t, minimal+`
services: [{ audience: api, scopes: "*" }]
forwardAuth:
  routes:
    - audience: api
    - { host: shop.example.com, path: /orders, audience: api, scope: [a, b] }
`)
	cfg, origins, err := Load(Sources{File: path})
	require.NoError(t, err)
	require.Equal(t, []ForwardRoute{
		{Path: "/", Audience: "api"},
		{Host: "shop.example.com", Path: "/orders", Audience: "api", Scope: []string{"a", "b"}},
	}, cfg.ForwardAuth.Routes)
	require.Contains(t, origins, Origin{Key: "forwardAuth.routes", From: path + ":7"})
}

func TestConfirmations(t *testing.T) {
	for url, want := range map[string]int{
		"bolt:x": 0, "redis://h": 0, "rediss://h": 0, "redis+sentinel://h?master=m": 1, "rediss+cluster://h": 1,
	} {
		u, err := ParseStoreURL(url)
		require.NoError(t, err)
		require.Equal(t, want, Store{URL: u}.Confirmations(), url)
	}
}

// TestTableIsTheStruct holds the table and the struct to the same keys, and the
// defaults and examples to what their own rows accept.
func TestTableIsTheStruct(t *testing.T) {
	var fields []string
	leaves(reflect.TypeFor[Config](), "", &fields)
	var rows []string
	for _, s := range settings() {
		rows = append(rows, s.path)
		if s.def != "" {
			_, f := s.parse(s.def, "/")
			require.Nil(t, f, s.path)
		}
		require.True(t, s.def != "" || s.example != "", "%s has neither default nor example", s.path)
		require.NotEmpty(t, s.meaning)
		require.NotContains(t, s.meaning, "|", "a bar ends the column")
		require.Equal(t, s.unit != "", s.kind == kindInteger, s.path)
	}
	require.ElementsMatch(t, fields, rows)

	var service, described []string
	leaves(reflect.TypeFor[Service](), "", &service)
	for _, s := range serviceSettings() {
		described = append(described, s.path)
	}
	for i := range service {
		service[i], _, _ = strings.Cut(service[i], ".")
	}
	require.Subset(t, service, described)
	require.Subset(t, described, service)

	var webhook, documented []string
	leaves(reflect.TypeFor[Webhook](), "", &webhook)
	for _, s := range webhookSettings() {
		documented = append(documented, s.path)
	}
	require.ElementsMatch(t, webhook, documented)

	var credential, known []string
	leaves(reflect.TypeFor[Credential](), "", &credential)
	for _, s := range credentialSettings() {
		known = append(known, s.path)
	}
	require.ElementsMatch(t, credential, known)

	var route, told []string
	leaves(reflect.TypeFor[ForwardRoute](), "", &route)
	for _, s := range routeSettings() {
		told = append(told, s.path)
	}
	require.ElementsMatch(t, route, told)
}

func leaves(typ reflect.Type, path string, out *[]string) {
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		key := join(path, name)
		if f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct && path == "" && f.Type.Elem() != reflect.TypeFor[ClaimRule]() {
			leaves(f.Type.Elem(), key, out)
		} else if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[StoreURL]() && f.Type != reflect.TypeFor[Scopes]() {
			leaves(f.Type, key, out)
		} else if key != servicesKey && key != webhooksKey && key != routesKey && key != credentialsKey {
			*out = append(*out, key)
		}
	}
}

func TestNamesOfKeys(t *testing.T) {
	for path, want := range map[string][2]string{
		"issuer":                {"CAMBIO_ISSUER", "issuer"},
		"listen.addr":           {"CAMBIO_LISTEN_ADDR", "listen-addr"},
		"listen.tlsCert":        {"CAMBIO_LISTEN_TLS_CERT", "listen-tls-cert"},
		"store.passwordFile":    {"CAMBIO_STORE_PASSWORD_FILE", "store-password-file"},
		"masterKey.file":        {"CAMBIO_MASTER_KEY_FILE", "master-key-file"},
		"keys.jwksMaxAge":       {"CAMBIO_KEYS_JWKS_MAX_AGE", "keys-jwks-max-age"},
		"limits.requestsPer10s": {"CAMBIO_LIMITS_REQUESTS_PER_10S", "limits-requests-per-10s"},
	} {
		s := setting{path: path}
		require.Equal(t, want, [2]string{s.env(), s.flag()})
	}
}

func TestReferenceIsCommitted(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "configuration.md")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(Reference()), 0o644))
	}
	committed, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, Reference(), string(committed), "run go generate ./internal/config")
}

func TestExampleLoads(t *testing.T) {
	cfg, _, err := Load(Sources{File: writeFolder(t, Example())})
	require.NoError(t, err)
	short, _, err := Load(Sources{File: writeFolder(t, minimal)})
	require.NoError(t, err)
	short.Store.URL, short.MasterKey, short.Audit = cfg.Store.URL, cfg.MasterKey, cfg.Audit // the folders differ
	require.Equal(t, short, cfg)
}

// TestExampleUncommented shows that each commented-out line is one that loads.
func TestExampleUncommented(t *testing.T) {
	var lines []string
	for line := range strings.Lines(strings.NewReplacer("services: []\n", "", "webhooks: []\n", "", "credentials: []\n", "", "  routes: []\n", "").Replace(Example())) {
		trimmed := strings.TrimLeft(line, " ")
		if rest, ok := strings.CutPrefix(trimmed, "#"); ok && !strings.HasPrefix(rest, " ") || strings.HasPrefix(line, "#  ") {
			line = strings.Replace(line, "#", "", 1)
		}
		lines = append(lines, line)
	}
	text := strings.Join(lines, "")
	text = strings.NewReplacer("bolt:cambio.db", "rediss+sentinel://s1.example.com?master=cambio", "/run/secrets/redis", "password", "/run/secrets/webhook", "password", "/run/secrets/sentinel", "password", "/run/secrets/idp", "password", "/run/secrets/warehouse", "password", "/etc/cambio/redis-ca.pem", "tls.crt", "fr.json", "tls.crt").Replace(text)
	file := writeFolder(t, text)
	cfg, _, err := Load(Sources{File: file})
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(filepath.Dir(file), "tls.crt")}, cfg.Catalogues, "relative to the file")
	require.Len(t, cfg.Services, 1)
	require.Len(t, cfg.Webhooks, 1)
	require.Len(t, cfg.Credentials, 3)
	require.Len(t, cfg.ForwardAuth.Routes, 1)
	require.NotNil(t, cfg.Policy.DefaultLifetimeSeconds)
	require.True(t, cfg.Listen.TLS())
	require.Equal(t, map[string]string{"cambio-clerks": "order-clerks"}, cfg.Login.Groups)
}

func TestLogin(t *testing.T) {
	path := writeFolder(t, minimal+`
login:
  issuer: https://idp.example.com/realms/a/
  clientId: cambio
  clientSecretFile: password
  scopes: [openid]
  claim: oid
  groupsClaim: roles
  groups: { "CN=a,DC=b.c": order clerks, "x.y": z }
  createUnknown: true
  organization: acme
console: { idle: 5m, lifetime: 1h }
`)
	cfg, _, err := Load(Sources{File: path})
	require.NoError(t, err)
	require.True(t, cfg.Login.Enabled())
	require.Equal(t, Login{
		Issuer: "https://idp.example.com/realms/a/", ClientID: "cambio", ClientSecretFile: filepath.Join(filepath.Dir(path), "password"),
		Scopes: []string{"openid"}, Claim: "oid", GroupsClaim: "roles", Groups: map[string]string{"CN=a,DC=b.c": "order clerks", "x.y": "z"},
		CreateUnknown: true, Organization: "acme",
	}, cfg.Login)
	require.Equal(t, Console{Idle: 5 * time.Minute, Lifetime: time.Hour}, cfg.Console)

	cfg, _, err = Load(Sources{
		File: path, Env: []string{"CAMBIO_LOGIN_GROUPS=c=d"}, Flags: parsedFlags(t, "--login-issuer=http://[::1]:9", "--login-groups=a=b", "--login-groups", "b = c.d"),
	})
	require.NoError(t, err)
	require.Equal(t, "http://[::1]:9", cfg.Login.Issuer)
	require.Equal(t, map[string]string{"a": "b", "b": "c.d"}, cfg.Login.Groups, "a map of a source above takes the place of the one below")
}
