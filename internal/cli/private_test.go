package cli_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/cli"
)

// A token is not sent that others could have put there, nor to where others could
// have it sent.
func TestKeptFilesAreTheUsersOwn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permissions as on unix")
	}
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, folder string)
		code  string
		fix   func(folder string) string
	}{
		"as it is":                    {spoil: func(*testing.T, string) {}},
		"a token that others read":    {chmod("token", 0o640), "token_file_open", func(f string) string { return "chmod 600 " + f + "/token" }},
		"a server that others read":   {spoil: chmod("server", 0o644)},
		"a server that others write":  {chmod("server", 0o602), "server_file_open", func(f string) string { return "chmod 600 " + f + "/server" }},
		"a folder that others read":   {spoil: chmod(".", 0o755)},
		"a folder the group writes":   {chmod(".", 0o720), "config_folder_open", func(f string) string { return "chmod 700 " + f }},
		"a folder that others write":  {chmod(".", 0o1702), "config_folder_open", func(f string) string { return "chmod 700 " + f }},
		"another user's token":        {chown("token"), "token_file_foreign", nil},
		"another user's server":       {chown("server"), "server_file_foreign", nil},
		"another user's folder":       {chown("."), "config_folder_foreign", nil},
		"another user's, by a link":   {linked, "token_file_foreign", nil},
		"a link to a file of the own": {spoil: relinked},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			folder := filepath.Join(home, ".config", "cambio")
			write(t, 0o600, pat+"\n", folder, "token")
			write(t, 0o600, "http://127.0.0.1:1\n", folder, "server")
			tc.spoil(t, folder)
			got := run{args: []string{"me"}, env: map[string]string{"HOME": home, "CAMBIO_TOKEN": "", "CAMBIO_SERVER": ""}}.do(t)
			if tc.code == "" {
				require.Equal(t, cli.ExitUnreachable, got.exit, got.stderr)
				return
			}
			require.Equal(t, cli.ExitUsage, got.exit)
			require.Contains(t, got.stderr, "error: "+tc.code+"\n")
			fix := "make it yours with chown, or remove it and log in again with cambio login"
			if tc.fix != nil {
				fix = tc.fix(folder)
			}
			require.Contains(t, got.stderr, "\n  fix: "+fix+"\n")
			require.NotContains(t, got.stderr, secretTail)
		})
	}
}

func chmod(name string, mode os.FileMode) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		t.Helper()
		require.NoError(t, os.Chmod(filepath.Join(folder, name), mode))
	}
}

// chown gives a file away, which root alone can do.
func chown(name string) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		t.Helper()
		if os.Geteuid() != 0 {
			t.Skip("only root gives files away; TestJudgesTheOwner does without")
		}
		require.NoError(t, os.Chown(filepath.Join(folder, name), 65534, -1))
	}
}

// linked puts a link to another user's file in the place of the token.
func linked(t *testing.T, folder string) {
	t.Helper()
	relinked(t, folder)
	chown("../elsewhere")(t, folder)
}

// relinked puts a link in the place of the token, as those do who keep it elsewhere.
func relinked(t *testing.T, folder string) {
	t.Helper()
	elsewhere := filepath.Join(folder, "..", "elsewhere")
	require.NoError(t, os.Rename(filepath.Join(folder, "token"), elsewhere))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(folder, "token")))
}
