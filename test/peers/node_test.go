package peers

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// oldestNode is the oldest major version of Node.js that the libraries support.
const oldestNode = 20

// TestNode: jose verifies what oauth4webapi obtains, introspects and revokes.
func TestNode(t *testing.T) {
	node := needNode(t)
	folder := t.TempDir()
	require.NoError(t, os.Symlink(nodeModules(t, "node"), filepath.Join(folder, "node_modules")))
	script, err := os.ReadFile("node/verify.mjs")
	require.NoError(t, err)
	path := filepath.Join(folder, "verify.mjs") // imports are looked up beside it
	require.NoError(t, os.WriteFile(path, script, 0o600))
	for name, start := range worlds() {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			w.runScript(t, node, path, "NODE_EXTRA_CA_CERTS="+w.caFile)
		})
	}
}

// needNode returns Node.js, if it is one that the libraries support.
func needNode(t *testing.T) string {
	t.Helper()
	node := testenv.Need(t, "node")
	if version := nodeVersion(t, node); version < oldestNode {
		testenv.Lack(t, "node is of version "+strconv.Itoa(version)+", older than the libraries support")
	}
	return node
}

func nodeVersion(t *testing.T, node string) int {
	t.Helper()
	printed, err := exec.CommandContext(t.Context(), node, "--version").Output()
	require.NoError(t, err)
	major, _, _ := strings.Cut(strings.TrimPrefix(string(printed), "v"), ".")
	version, err := strconv.Atoi(major)
	require.NoError(t, err, "%s", printed)
	return version
}

// nodeModules returns the folder of the libraries that the lock file in a folder
// here pins. It is named by what is pinned and kept in the user's cache, so that only
// its first use needs a network.
func nodeModules(t *testing.T, folder string) string {
	t.Helper()
	hash := sha256.New()
	pinned := map[string][]byte{}
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc"} {
		content, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		pinned[name] = content
		hash.Write(content)
	}
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	parent := filepath.Join(cache, "cambio-peers")
	installed := filepath.Join(parent, hex.EncodeToString(hash.Sum(nil)))
	if _, err := os.Stat(installed); err == nil {
		return filepath.Join(installed, "node_modules")
	}

	npm := testenv.Need(t, "npm")
	require.NoError(t, os.MkdirAll(parent, 0o700))
	draft, err := os.MkdirTemp(parent, "draft-") //nolint:usetesting // it gets its final name, beside it, when it is whole
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(draft) })
	for name, content := range pinned {
		require.NoError(t, os.WriteFile(filepath.Join(draft, name), content, 0o600))
	}
	install := exec.CommandContext(t.Context(), npm, "ci")
	install.Dir = draft
	output, err := install.CombinedOutput()
	require.NoError(t, err, "npm ci: %s", output)
	if err := os.Rename(draft, installed); err != nil {
		require.DirExists(t, installed, "neither installed here (%v) nor by another run", err)
	}
	return filepath.Join(installed, "node_modules")
}
