package cli_test

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/cli"
)

// write makes a file and returns its path.
func write(t *testing.T, mode os.FileMode, text string, path ...string) string {
	t.Helper()
	file := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	require.NoError(t, os.Chmod(file, mode))
	return file
}

func TestWhereTheTokenComesFrom(t *testing.T) {
	home, elsewhere := t.TempDir(), t.TempDir()
	write(t, 0o600, "of-home\n", home, ".config", "cambio", "token")
	file := write(t, 0o644, "of-file\r\n", elsewhere, "token")
	for name, tc := range map[string]struct {
		args  []string
		env   map[string]string
		stdin string
		want  string
	}{
		"file before all":         {args: []string{"--token-file", file}, want: "of-file"},
		"stdin before all":        {args: []string{"--token-file", "-"}, stdin: "of-stdin", want: "of-stdin"},
		"environment before home": {env: map[string]string{"CAMBIO_TOKEN": "of-env"}, want: "of-env"},
		"home":                    {env: map[string]string{"CAMBIO_TOKEN": ""}, want: "of-home"},
	} {
		t.Run(name, func(t *testing.T) {
			r := run{args: append([]string{"pat", "list"}, tc.args...), stdin: tc.stdin, env: map[string]string{"HOME": home}, replies: []reply{ok("[]")}}
			maps.Copy(r.env, tc.env)
			got := r.do(t)
			require.Equal(t, cli.ExitDone, got.exit, got.stderr)
			require.Contains(t, got.requests[0], "Authorization: Bearer "+tc.want)
		})
	}
}

func TestRefusesTokens(t *testing.T) {
	home := t.TempDir()
	path := write(t, 0o640, pat, home, ".config", "cambio", "token")
	for name, tc := range map[string]struct {
		file, env, home string
		stdin           string
		want            string
	}{
		"open to others":  {home: home, want: "error: token_file_open\n  cause: others than its owner may use \"" + path + "\"\n  fix: chmod 600 " + path + "\n"},
		"none at home":    {home: t.TempDir(), want: "there is no token\n"},
		"no home":         {want: "there is no token\n"},
		"no file":         {file: filepath.Join(home, "none"), want: "error: file_unreadable\n  cause: \"" + filepath.Join(home, "none") + "\": no such file or directory\n"},
		"a folder":        {file: home, want: "is a directory"},
		"empty":           {file: "-", want: "what came on stdin is empty"},
		"two lines":       {file: "-", stdin: pat + "\n" + pat + "\n", want: "what came on stdin holds more or other than one token"},
		"header injected": {env: "x\r\nX-Evil: 1", want: "CAMBIO_TOKEN holds more or other"},
		"endless":         {file: "-", stdin: strings.Repeat("a", 1<<20), want: "holds more or other"},
	} {
		t.Run(name, func(t *testing.T) {
			r := run{args: []string{"pat", "list"}, stdin: tc.stdin, env: map[string]string{"CAMBIO_TOKEN": tc.env, "HOME": tc.home}}
			if tc.file != "" {
				r.args = append(r.args, "--token-file", tc.file)
			}
			got := r.do(t)
			require.Equal(t, cli.ExitUsage, got.exit)
			require.Contains(t, got.stderr, tc.want)
			require.NotContains(t, got.stderr, secretTail)
			require.Empty(t, got.requests)
		})
	}
}

func TestTokenOut(t *testing.T) {
	for _, format := range []string{"table", "id"} {
		file := filepath.Join(t.TempDir(), "token")
		args := []string{"pat", "create", "--name", "ci", "-o", format, "--token-out", file}
		got := run{args: args, replies: []reply{ok(createdJSON())}}.do(t)
		require.Equal(t, cli.ExitDone, got.exit, got.stderr)
		require.NotContains(t, got.stdout, secretTail)
		require.Contains(t, got.stderr, "the token was written to "+file)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, freshPAT+"\n", string(text))
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

		got = run{args: args}.do(t)
		require.Equal(t, cli.ExitUsage, got.exit)
		require.Contains(t, got.stderr, "error: file_exists")
		require.Empty(t, got.requests, "a secret that cannot be kept must not come to be")
	}

	for name, answer := range map[string]reply{
		"refused": {status: http.StatusBadRequest, body: fault("400.1 Bad Request Content", "no")}, "no secret": ok(`{}`), "no token": ok(`[]`),
	} {
		file := filepath.Join(t.TempDir(), "token")
		got := run{args: []string{"pat", "rotate", tokenID, "--token-out", file}, replies: []reply{answer}}.do(t)
		require.Equal(t, cli.ExitRefused, got.exit, name)
		require.NoFileExists(t, file, name)
	}

	got := run{args: []string{"pat", "rotate", tokenID, "--token-out", filepath.Join(t.TempDir(), "no", "token")}}.do(t)
	require.Equal(t, cli.ExitUsage, got.exit)
	require.Contains(t, got.stderr, "error: file_unreadable")

	if _, err := os.Stat("/dev/full"); err == nil {
		link := filepath.Join(t.TempDir(), "token")
		require.NoError(t, os.Symlink("/dev/full", link))
		got = run{args: []string{"pat", "rotate", tokenID, "--token-out", link}}.do(t)
		require.Contains(t, got.stderr, "error: file_exists", "O_EXCL follows no link")
	}
}
