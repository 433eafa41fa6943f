package peers

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const fastapiModules = `import fastapi, jwt, uvicorn, sys
print("Python", sys.version.split()[0], "FastAPI", fastapi.__version__, "uvicorn", uvicorn.__version__, "PyJWT", jwt.__version__)`

// TestFastAPI: an application by the page, served by uvicorn.
func TestFastAPI(t *testing.T) {
	t.Parallel()
	python := testenv.Need(t, "/usr/bin/python3")
	printed, err := exec.CommandContext(t.Context(), python, "-c", fastapiModules).CombinedOutput()
	if err != nil {
		testenv.Lack(t, "Python lacks a library: "+string(printed))
	}
	t.Logf("%s", printed)
	g := newGuarded(t)
	dir, addr := t.TempDir(), freeAddr(t)
	write(t, dir, "orders.py", page("fastapi.md").block(t, 0, "https://sts.example.com", g.issuer))
	host, port, _ := strings.Cut(addr, ":")
	process := testenv.Start(t, nil, python, "-m", "uvicorn", "--app-dir", dir, "--host", host, "--port", port, "orders:app")
	at := guard{url: "http://" + addr + "/orders", refused: http.StatusUnauthorized, lacking: http.StatusForbidden}
	g.await(process, at.url)
	g.checks(at)
}
