package peers

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// index is the page that tells what is tested, and in which version.
const index = "../../docs/integrations/README.md"

// row is a line of its table: client, version, what is tested, how.
var row = regexp.MustCompile("(?m)^\\| ([^|]+) \\| `([^`|]+)` \\| [^|]+ \\| ([^|]+) \\|$")

// pinned says of each client of the table where its version is pinned: in the go.mod of a
// module here, in the package.json of a folder here, or by the system (of which the table
// has only the beginning, since it gets security updates).
var pinned = map[string][2]string{
	"x/oauth2":                       {".", "golang.org/x/oauth2"},
	"go-oidc":                        {".", "github.com/coreos/go-oidc/v3"},
	"go-jose":                        {".", "github.com/go-jose/go-jose/v4"},
	"[Kubernetes](kubernetes.md)":    {".", "k8s.io/apiserver"},
	"[kubectl](kubectl.md)":          {".", "k8s.io/client-go"},
	"[git](git.md)":                  {"", "git"},
	"[Open Policy Agent](opa.md)":    {".", "github.com/open-policy-agent/opa"},
	"HashiCorp cap/jwt":              {".", "github.com/hashicorp/cap"},
	"oauth2-proxy":                   {"oauth2proxy", "github.com/oauth2-proxy/oauth2-proxy/v7"},
	"jose":                           {"node", "jose"},
	"oauth4webapi":                   {"node", "oauth4webapi"},
	"openid-client":                  {"node", "openid-client"},
	"oidc-provider":                  {"provider", "oidc-provider"},
	"openapi-ts":                     {"typescript", "@hey-api/openapi-ts"},
	"[Express](express.md)":          {"express", "express-oauth2-jwt-bearer"},
	"passport-jwt":                   {"express", "passport-jwt"},
	"[FastAPI](fastapi.md)":          {"", "python3-fastapi"},
	"PyJWT":                          {"", "python3-jwt"},
	"Authlib":                        {"", "python3-authlib"},
	"requests-oauthlib":              {"", "python3-requests-oauthlib"},
	"ruby-jwt":                       {"", "ruby-jwt"},
	"[HAProxy](haproxy.md)":          {"", "haproxy"},
	"[Apache mod_oauth2](apache.md)": {"", "libapache2-mod-oauth2"},
	"Apache mod_auth_openidc":        {"", "libapache2-mod-auth-openidc"},
	"[nginx](nginx.md)":              {"", "nginx"},
	"[Caddy](caddy.md)":              {"", "caddy"},
}

// TestVersions: the table has the versions that are pinned, of every client, and names
// tests that exist.
func TestVersions(t *testing.T) {
	told := map[string]bool{}
	for _, line := range row.FindAllStringSubmatch(readFile(t, index), -1) {
		client, version, how := line[1], line[2], line[3]
		require.Contains(t, pinned, client, "a client that nothing pins")
		require.False(t, told[client], "%s is there twice", client)
		told[client] = true
		at := pinned[client]
		if at[0] == "" {
			requireDebian(t, client, at[1], version)
		} else {
			actual := pinnedVersion(t, at[0], at[1])
			require.Equal(t, version, actual, client)
			t.Log(client, actual)
		}
		requireTest(t, how)
	}
	require.Len(t, told, len(pinned), "every client has a row")
}

// requireDebian checks the beginning of the version of a package, if it is installed.
func requireDebian(t *testing.T, client, name, version string) {
	t.Helper()
	actual, known := debianVersion(t, name)
	if !known {
		t.Logf("%s: %s is not installed", client, name)
		return
	}
	require.True(t, actual == version || strings.HasPrefix(actual, version+"."), "%s is %s, not %s", client, actual, version)
	t.Log(client, actual)
}

// pinnedVersion returns the version in the go.mod or else the package.json of a folder.
func pinnedVersion(t *testing.T, folder, name string) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
		return moduleVersion(t, folder, name)
	}
	return packageVersion(t, folder, name)
}

// debianVersion returns the upstream version of an installed package.
func debianVersion(t *testing.T, name string) (string, bool) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "dpkg-query", "-W", "-f", "${Version}", name).Output()
	if err != nil || len(output) == 0 {
		return "", false
	}
	version := string(output)
	if _, after, found := strings.Cut(version, ":"); found {
		version = after
	}
	if at := strings.LastIndexByte(version, '-'); at > 0 {
		version = version[:at]
	}
	version, _, _ = strings.Cut(version, "+")
	return version, true
}

func moduleVersion(t *testing.T, folder, module string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^(?:require )?\s*` + regexp.QuoteMeta(module) + ` v(\S+)`).FindStringSubmatch(readFile(t, filepath.Join(folder, "go.mod")))
	require.NotNil(t, found, module)
	return found[1]
}

func packageVersion(t *testing.T, folder, name string) string {
	t.Helper()
	var manifest struct{ Dependencies, DevDependencies map[string]string }
	require.NoError(t, json.Unmarshal([]byte(readFile(t, filepath.Join(folder, "package.json"))), &manifest))
	if version := manifest.Dependencies[name]; version != "" {
		return version
	}
	require.Contains(t, manifest.DevDependencies, name)
	return manifest.DevDependencies[name]
}

// requireTest checks that a test of this folder or test/proxies exists by that name.
func requireTest(t *testing.T, how string) {
	t.Helper()
	folder, name, found := strings.Cut(strings.Trim(how, "`"), " ")
	require.True(t, found, how)
	files, err := filepath.Glob(filepath.Join("../..", folder, "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return
		}
	}
	require.Fail(t, "no such test", how)
}
