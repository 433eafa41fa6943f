package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTypeScript: a client that is generated from the contract, here and now, takes
// tokens through their lives. The compiler holds the script to the contract's types.
func TestTypeScript(t *testing.T) {
	node := needNode(t)
	modules := nodeModules(t, "typescript")
	folder := t.TempDir()
	require.NoError(t, os.Symlink(modules, filepath.Join(folder, "node_modules")))
	for _, name := range []string{"package.json", "openapi-ts.config.js", "tsconfig.json", "roundtrip.ts"} {
		content, err := os.ReadFile(filepath.Join("typescript", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
	contract, err := filepath.Abs("../../api/openapi.yaml")
	require.NoError(t, err)
	for _, step := range [][]string{
		{"openapi-ts", "--input", contract, "--no-log-file"},
		{"tsc", "--project", "."},
	} {
		command := exec.CommandContext(t.Context(), filepath.Join(modules, ".bin", step[0]), step[1:]...)
		command.Dir = folder
		output, err := command.CombinedOutput()
		require.NoError(t, err, "%v: %s", step, output)
	}
	w := newDev(t)
	w.runScript(t, node, filepath.Join(folder, "js", "roundtrip.js"))
}
