package peers

import (
	"os/exec"
	"testing"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// modules prints the versions of the libraries, which are the system's.
const modules = `import authlib, jwt, authlib.integrations.requests_client, cryptography, requests_oauthlib, sys
print("Python", sys.version.split()[0], "Authlib", authlib.__version__, "PyJWT", jwt.__version__, "requests-oauthlib", requests_oauthlib.__version__, "cryptography", cryptography.__version__)`

// TestPython: PyJWT verifies what Authlib and requests-oauthlib obtain, and Authlib introspects and revokes.
func TestPython(t *testing.T) {
	// The system's, which the system's packages are for; another one may come
	// first in PATH.
	python := testenv.Need(t, "/usr/bin/python3")
	printed, err := exec.CommandContext(t.Context(), python, "-c", modules).CombinedOutput()
	if err != nil {
		testenv.Lack(t, "Python lacks a library: "+string(printed))
	}
	t.Logf("%s", printed)
	for name, start := range worlds() {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			env := []string{"OAUTHLIB_INSECURE_TRANSPORT=1"} // this machine's only
			if w.caFile != "" {
				env = append(env, "SSL_CERT_FILE="+w.caFile, "REQUESTS_CA_BUNDLE="+w.caFile)
			}
			w.runScript(t, python, "python/verify.py", env...)
		})
	}
}
