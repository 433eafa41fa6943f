package peers

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const apacheModules = "/usr/lib/apache2/modules"

// apacheFrame is what a distribution has around a recipe.
const apacheFrame = `ServerRoot "%DIR%"
ServerName localhost
PidFile "%DIR%/pid"
DefaultRuntimeDir "%DIR%"
Mutex file:%DIR%
Listen %ADDR%
ErrorLog /dev/stderr
LoadModule mpm_event_module %MODULES%/mod_mpm_event.so
LoadModule authn_core_module %MODULES%/mod_authn_core.so
LoadModule authz_core_module %MODULES%/mod_authz_core.so
LoadModule authz_user_module %MODULES%/mod_authz_user.so
LoadModule proxy_module %MODULES%/mod_proxy.so
LoadModule proxy_http_module %MODULES%/mod_proxy_http.so
LoadModule rewrite_module %MODULES%/mod_rewrite.so
LoadModule headers_module %MODULES%/mod_headers.so
LoadModule %MODULE%_module %MODULES%/mod_%MODULE%.so
`

// TestApache: mod_oauth2 verifies by the published keys and by introspection, and
// mod_auth_openidc by the keys.
func TestApache(t *testing.T) {
	t.Parallel()
	program := testenv.Need(t, "apache2")
	t.Log(versionOf(t, program, "-v"))
	for name, form := range map[string]struct {
		module string
		start  func(*testing.T) *guarded
		fence  int
		guard  guard
	}{
		// It keeps what it found for the time of the option expiry, whatever exp says.
		"mod_oauth2 by keys":          {"oauth2", newGuarded, 0, guard{lacking: http.StatusForbidden, leeway: 6 * time.Second}},
		"mod_oauth2 by introspection": {"oauth2", newGuarded, 1, guard{lacking: http.StatusForbidden, asks: true}},
		"mod_auth_openidc by keys":    {"auth_openidc", newGuardedTLS, 2, guard{lacking: http.StatusUnauthorized, leeway: 2 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := form.start(t)
			behind := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			t.Cleanup(behind.Close)
			replaced := []string{"https://sts.example.com", g.issuer, "127.0.0.1:9000", behind.Listener.Addr().String()}
			if form.guard.asks {
				replaced = append(replaced, "PAT_ID", g.asker.ID, "PAT_SECRET", g.asker.Secret)
			}
			recipe := page("apache.md").block(t, form.fence, replaced...)
			if g.caFile != "" {
				recipe = "OIDCCABundlePath " + g.caFile + "\n" + recipe
			}
			form.guard.url = startApache(g, program, form.module, recipe)
			form.guard.refused = http.StatusUnauthorized
			g.checks(form.guard)
		})
	}
}

// startApache runs a recipe in a process of its own and returns an address behind it.
func startApache(g *guarded, program, module, recipe string) string {
	g.Helper()
	dir, addr := g.TempDir(), freeAddr(g.T)
	load := strings.NewReplacer("%DIR%", dir, "%ADDR%", addr, "%MODULES%", apacheModules, "%MODULE%", module)
	file := write(g.T, dir, "apache.conf", load.Replace(apacheFrame)+recipe)
	output, err := exec.CommandContext(g.Context(), program, "-t", "-f", file).CombinedOutput()
	require.NoError(g, err, "%s", output)
	process := testenv.Start(g.T, nil, program, "-X", "-f", file)
	address := "http://" + addr + "/orders"
	g.await(process, address)
	return address
}
