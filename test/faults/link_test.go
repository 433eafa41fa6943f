package faults

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLinkOfAServedStore: the server that has the file of the store makes the link to
// its console, for who has the master key.
func TestLinkOfAServedStore(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "", "")
	file := filepath.Join(s.dir, "cambio.yaml")
	require.Regexp(t, `^`+regexp.QuoteMeta(s.url)+`/console/link\?token=[A-Za-z0-9_-]{43}\n$`, run(t, "link", "--config", file, "admin"))
	code, _, stderr := cambio(t, "link", "--config", file, "nobody")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "username_unknown")
	code, _, stderr = cambio(t, "link", "--config", file, "--organization", "none", "admin")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "fix:")

	other := t.TempDir()
	run(t, "init", "--config", filepath.Join(other, "cambio.yaml"))
	code, stdout, stderr := cambio(t, "link", "--config", file, "--master-key-file", filepath.Join(other, "master.key"), "admin")
	require.Equal(t, 1, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "401")
}
