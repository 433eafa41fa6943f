package peers

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestOAuth2Proxy: oauth2-proxy, of its own module and built here, lets bearer tokens in.
func TestOAuth2Proxy(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "oauth2-proxy")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/oauth2-proxy/oauth2-proxy/v7")
	build.Dir = "oauth2proxy"
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	g := newGuarded(t)
	behind := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(behind.Close)
	addr := freeAddr(t)
	process := testenv.Start(t, nil, program,
		"--http-address="+addr, "--upstream="+behind.URL, "--skip-jwt-bearer-tokens", "--bearer-token-login-fallback=false",
		"--extra-jwt-issuers="+g.issuer+"="+apiAudience, "--oidc-email-claim=sub", "--email-domain=*",
		"--provider=github", "--client-id=none", "--client-secret=none", "--cookie-secret=0123456789abcdef")
	at := guard{url: "http://" + addr + "/orders", refused: http.StatusForbidden}
	g.await(process, at.url)
	g.checks(at)
}
