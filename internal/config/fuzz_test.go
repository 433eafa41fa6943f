package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// FuzzLoad loads whatever is in a file and a variable. What loads, printed and
// loaded again, is equal; what does not load says why, in lines.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(minimal), "")
	f.Add([]byte(Example()), "CAMBIO_LOG_LEVEL=debug")
	f.Add([]byte(minimal+"token: { prefixes: [a1, b1] }\npolicy: { allowedNetworks: [192.0.2.0/24], defaultLifetimeSeconds: 5 }\n"), "CAMBIO_STORE_REPLICAS=0")
	f.Add([]byte(minimal+"services: [{ audience: a, scopes: { \"a:b\": [x] }, claims: { groups: { match: \"a*\" }, name: true } }, { audience: b, scopes: \"*\" }]\n"), "CAMBIO_STORE_URL=redis+sentinel://h?master=m")
	f.Add([]byte(minimal+"webhooks: [{ url: https://a, secretFile: master.key, events: [A_*], allowedNetworks: [10.0.0.0/8] }]\n"), "")
	f.Add([]byte(minimal+"credentials: [{ name: a, postgres: { host: h, port: 1, database: d, user: u, passwordFile: password, roles: [r], settings: { a: b } } }]\n"), "")
	f.Add([]byte(minimal+"credentials: [{ name: a, audience: a, claims: { p: \"{{sub}}\" }, groups: [g], http: { url: https://a, members: { b: c.d }, handleField: e } }]\n"), "")
	f.Add([]byte(minimal+"credentials: [{ name: a, audience: a, s3: { endpoint: https://a, policy: \"{}\", caFile: master.key, lifetime: server } }]\n"), "")
	f.Add([]byte(minimal+"login: { issuer: https://a/b, clientId: c, groupsClaim: g, groups: { \"1\": x, \"a=b\": \"y,z\" } }\n"), "CAMBIO_CONSOLE_IDLE=1h")
	f.Add([]byte("issuer: &a [*a]\n<<: *a\n"), "CAMBIO_X=1")
	f.Add([]byte(minimal), "CAMBIO_\x1b\n\xff=1")
	f.Add([]byte("a: b: c"), "CAMBIO_LISTEN_TRUSTED_PROXIES=10.0.0.0/8,::/1")
	dir := f.TempDir()
	require.NoError(f, os.WriteFile(filepath.Join(dir, "master.key"), []byte("x"), 0o600))
	f.Fuzz(func(t *testing.T, file []byte, variable string) {
		load := func(data []byte, env []string) (*Config, error) {
			l := newLoader(dir, dir)
			l.fileName = "cambio.yaml"
			l.unread = !l.readFile(data)
			cfg, _, err := l.merge(Sources{Env: env})
			return cfg, err
		}
		cfg, err := load(file, []string{variable})
		if err != nil {
			found, ok := errors.AsType[*Error](err)
			require.True(t, ok, "%v", err)
			for _, p := range found.Problems {
				require.NotEmpty(t, p.Fix)
				require.NotContains(t, p.String(), "\n")
			}
			return
		}
		printed, err := yaml.Marshal(cfg)
		require.NoError(t, err)
		again, err := load(printed, nil)
		require.NoError(t, err, "%s", printed)
		require.Equal(t, cfg, again)
	})
}
