package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	for _, ok := range [][2]string{
		{"issuer", "https://sts.example.com"}, {"listen.addr", ":8443"}, {"store.url", "redis://127.0.0.1:6379"}, {"masterKey.file", "missing"},
	} {
		require.Nil(t, Check(ok[0], ok[1]), ok)
	}
	for _, tc := range []struct{ key, text, want string }{
		{"issuer", "https://sts.example.com/", "issuer: has a path, query, fragment, user or trailing slash; write only https://host or https://host:port"},
		{"issuer", "https://sts\x00", "issuer: has control characters or is not UTF-8; write it in printable characters"},
		{"listen.addr", "127.0.0.1", "listen.addr: is not host:port; write such as \"127.0.0.1:8080\", or \":8443\" for every interface"},
		{"listen.adminAddr", "127.0.0.1:x", "listen.adminAddr: is not host:port; write such as \"127.0.0.1:8080\", or \":8443\" for every interface"},
		{"store.url", "redis://u:canary@h", "store.url: has a password in it; remove it and name a file with it in store.passwordFile"},
		{"keys.alg", "none", "keys.alg: is not one of the known values; write one of ES256, RS256, EdDSA, ES384"},
		{"nothing", "", "nothing: is not a known key; see the reference for the keys there are"},
	} {
		found := Check(tc.key, tc.text)
		require.NotNil(t, found, tc)
		require.Equal(t, tc.want, found.String())
	}
}

// TestRequired: what may be taken out of a file, and what may not.
func TestRequired(t *testing.T) {
	for key, required := range map[string]bool{
		"issuer": true, "store.url": true, "services[0].alg": true, "keys.jwksMaxAge": false, "login.issuer": false, "colour": false,
	} {
		require.Equal(t, required, Required(key), key)
	}
}

func TestCheckPrivate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	require.ErrorContains(t, CheckPrivate(file), "names a file that is not there")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, CheckPrivate(file))
	require.NoError(t, os.Chmod(file, 0o644))
	require.EqualError(t, CheckPrivate(file), "the path "+file+" names a file that others than its owner may use: chmod 0600 the file")
}
