package peers

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestExpress: applications by the page.
func TestExpress(t *testing.T) {
	t.Parallel()
	node := needNode(t)
	modules := nodeModules(t, "express")
	for fence, form := range []struct {
		name   string
		leeway time.Duration
	}{
		{"express-oauth2-jwt-bearer", 6 * time.Second},
		{"passport-jwt", 0},
	} {
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			g := newGuarded(t)
			dir, addr := t.TempDir(), freeAddr(t)
			require.NoError(t, os.Symlink(modules, filepath.Join(dir, "node_modules")))
			_, port, _ := strings.Cut(addr, ":")
			text := page("express.md").block(t, fence, "https://sts.example.com", g.issuer, "app.listen(3000,", "app.listen("+port+",")
			process := testenv.Start(t, nil, node, write(t, dir, "orders.mjs", text))
			at := guard{url: "http://" + addr + "/orders", refused: http.StatusUnauthorized, lacking: http.StatusForbidden, leeway: form.leeway}
			g.await(process, at.url)
			g.checks(at)
		})
	}
}
