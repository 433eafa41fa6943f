package peers

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestHAProxy: HAProxy verifies by the published keys, written as PEM files.
func TestHAProxy(t *testing.T) {
	t.Parallel()
	program := testenv.Need(t, "haproxy")
	t.Log(versionOf(t, program, "-v"))
	g := newGuarded(t)
	dir, addr := t.TempDir(), freeAddr(t)
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-User") == "" || r.Header.Get("X-User") == "mallory" {
			http.Error(w, "nobody is named", http.StatusTeapot)
		}
	}))
	t.Cleanup(behind.Close)
	keys := exec.CommandContext(t.Context(), testenv.Need(t, "bash"), "-euo", "pipefail", "-c", page("haproxy.md").block(t, 0))
	keys.Dir, keys.Env = dir, append(os.Environ(), "CAMBIO_URL="+g.issuer)
	output, err := keys.CombinedOutput()
	require.NoError(t, err, "%s", output)
	text := page("haproxy.md").block(t, 1, "https://sts.example.com", g.issuer, "127.0.0.1:8000", addr, "127.0.0.1:9000", behind.Listener.Addr().String())
	process := testenv.Start(t, nil, program, "-db", "-C", dir, "-f", write(t, dir, "haproxy.cfg", text))
	at := guard{url: "http://" + addr + "/orders", refused: http.StatusUnauthorized, lacking: http.StatusForbidden}
	g.await(process, at.url)
	g.checks(at)
}
