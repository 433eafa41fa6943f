package cli_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/cli"
)

func loginCases() map[string]run {
	who, lives := ok(meJSON()), ok(introspectedJSON)
	forever := ok(`{"active":true}`)
	unset := map[string]string{"CAMBIO_TOKEN": ""}
	return map[string]run{
		"login":             {args: []string{"login"}, stdin: pat + "\n", env: unset, replies: []reply{who, lives}},
		"login-json":        {args: []string{"login", "-o", "json"}, stdin: pat, env: unset, replies: []reply{who, forever}},
		"login-id":          {args: []string{"login", "-o", "id"}, stdin: pat, env: unset, replies: []reply{who, forever}},
		"login-typed":       {args: []string{"login"}, hidden: pat, env: unset, replies: []reply{who, forever}},
		"login-stdin":       {args: []string{"login", "--token-file", "-"}, hidden: "x", stdin: pat, env: unset, replies: []reply{who, {status: http.StatusForbidden, body: oauth("insufficient_scope", "no")}}},
		"login-environment": {args: []string{"login"}, stdin: freshPAT, env: map[string]string{"CAMBIO_URL": "https://sts.example.com"}, replies: []reply{who, ok(`{"active":false}`)}},
		"login-refused":     {args: []string{"login"}, stdin: pat, env: unset, replies: []reply{{status: http.StatusUnauthorized, body: `{"error":"JWT validation failed: JWT is invalid"}`}}},
		"login-old-server":  {args: []string{"login"}, stdin: pat, env: unset, replies: []reply{{status: http.StatusNotFound, body: fault("404 Not found", "there is no such route")}}},
		"login-empty":       {args: []string{"login"}, env: unset},
		"login-argument":    {args: []string{"login", pat}},
		"login-nowhere":     {args: []string{"login"}, stdin: pat, env: map[string]string{"CAMBIO_SERVER": ""}},
		"login-homeless":    {args: []string{"login"}, stdin: pat, env: map[string]string{"HOME": ""}},
		"logout":            {args: []string{"logout"}},
		"logout-homeless":   {args: []string{"logout"}, env: map[string]string{"HOME": ""}},
	}
}

// login logs in with home as home folder and returns the address of the server,
// which is gone by then.
func login(t *testing.T, home, token string) string {
	t.Helper()
	got := run{args: []string{"login"}, stdin: token, env: map[string]string{"HOME": home, "CAMBIO_TOKEN": ""}, replies: []reply{ok(meJSON()), ok(introspectedJSON)}}.do(t)
	require.Equal(t, cli.ExitDone, got.exit, got.stderr)
	require.Contains(t, got.requests[0], "Authorization: Bearer $")
	require.NotContains(t, got.stdout+got.stderr, secretTail)
	return got.server.String()
}

func requireFile(t *testing.T, path, text string) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, string(got))
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestLoginKeepsWhatTheNextCommandUses(t *testing.T) {
	home := t.TempDir()
	folder := filepath.Join(home, ".config", "cambio")
	server := login(t, home, pat)
	requireFile(t, filepath.Join(folder, "token"), pat+"\n")
	requireFile(t, filepath.Join(folder, "server"), server+"\n")
	info, err := os.Stat(folder)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	unset := map[string]string{"HOME": home, "CAMBIO_TOKEN": "", "CAMBIO_SERVER": ""}
	got := run{args: []string{"me"}, env: unset}.do(t)
	require.Equal(t, cli.ExitUnreachable, got.exit, "the kept server is asked, which is gone")
	require.Contains(t, got.stderr, "check that the server runs at "+server[len("http://"):])

	write(t, 0o600, "http://127.0.0.1:1/x", folder, "server")
	got = run{args: []string{"me"}, env: unset}.do(t)
	require.Equal(t, cli.ExitUsage, got.exit, "a kept address is held against the same rules")

	server = login(t, home, freshPAT)
	requireFile(t, filepath.Join(folder, "token"), freshPAT+"\n")
	requireFile(t, filepath.Join(folder, "server"), server+"\n")
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, left, 2, "no draft stays behind")

	got = run{args: []string{"logout"}, env: unset}.do(t)
	require.Equal(t, cli.ExitDone, got.exit)
	require.Contains(t, got.stderr, "lives on")
	left, err = os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Contains(t, run{args: []string{"logout"}, env: unset}.do(t).stderr, "there was no token")
	require.Contains(t, run{args: []string{"me"}, env: unset}.do(t).stderr, "no server is named")
}

func TestKeptTokenGoesToItsServerAlone(t *testing.T) {
	home := t.TempDir()
	folder := filepath.Join(home, ".config", "cambio")
	login(t, home, pat)

	r := run{args: []string{"me"}, env: map[string]string{"HOME": home, "CAMBIO_TOKEN": ""}, replies: []reply{ok(meJSON())}}
	got := r.do(t)
	require.Equal(t, cli.ExitUsage, got.exit)
	require.Contains(t, got.stderr, "error: other_server\n")
	require.Empty(t, got.requests)

	r.env["CAMBIO_TOKEN"] = freshPAT
	got = r.do(t)
	require.Equal(t, cli.ExitDone, got.exit, "a token from elsewhere goes where the environment says")
	require.Contains(t, got.requests[0], "$OTHER")

	r.env["CAMBIO_TOKEN"], r.args = "", []string{"me", "--token-file", filepath.Join(folder, "token")}
	require.Equal(t, cli.ExitDone, r.do(t).exit, "who names the file means it")

	require.NoError(t, os.Remove(filepath.Join(folder, "server")))
	r.args = []string{"me"}
	require.Equal(t, cli.ExitDone, r.do(t).exit, "a token put there by hand is for any server")

	write(t, 0o620, "http://127.0.0.1:1\n", folder, "server")
	got = r.do(t)
	require.Equal(t, cli.ExitUsage, got.exit)
	require.Contains(t, got.stderr, "error: server_file_open\n")
	require.Contains(t, got.stderr, "fix: chmod 600 "+filepath.Join(folder, "server")+"\n")
}

func TestRefusedLoginKeepsWhatWasThere(t *testing.T) {
	home := t.TempDir()
	server := login(t, home, pat)
	for name, replies := range map[string][]reply{
		"refused":     {{status: http.StatusUnauthorized, body: `{"error":"JWT validation failed: JWT is invalid"}`}},
		"no answer":   {ok(meJSON()), {status: http.StatusBadGateway}},
		"other shape": {ok("[]")},
	} {
		got := run{args: []string{"login"}, stdin: freshPAT, env: map[string]string{"HOME": home, "CAMBIO_TOKEN": ""}, replies: replies}.do(t)
		require.NotEqual(t, cli.ExitDone, got.exit, name)
		requireFile(t, filepath.Join(home, ".config", "cambio", "token"), pat+"\n")
		requireFile(t, filepath.Join(home, ".config", "cambio", "server"), server+"\n")
	}
}

func TestLoginFollowsNoLinkElsewhere(t *testing.T) {
	elsewhere := t.TempDir()
	attempt := func(home string) outcome {
		return run{args: []string{"login"}, stdin: pat, env: map[string]string{"HOME": home, "CAMBIO_TOKEN": ""}, replies: []reply{ok(meJSON()), ok(introspectedJSON)}}.do(t)
	}
	requireNothingElsewhere := func() {
		t.Helper()
		left, err := os.ReadDir(elsewhere)
		require.NoError(t, err)
		require.Empty(t, left)
	}

	home := t.TempDir()
	folder := filepath.Join(home, ".config", "cambio")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	for _, name := range []string{"token", "server"} {
		require.NoError(t, os.Symlink(filepath.Join(elsewhere, name), filepath.Join(folder, name)))
	}
	require.Equal(t, cli.ExitDone, attempt(home).exit)
	requireFile(t, filepath.Join(folder, "token"), pat+"\n")
	requireNothingElsewhere()

	for _, link := range []string{".config", ".config/cambio"} {
		home := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(home, link)), 0o755))
		require.NoError(t, os.Symlink(elsewhere, filepath.Join(home, link)))
		got := attempt(home)
		require.Equal(t, cli.ExitUsage, got.exit, link)
		require.Contains(t, got.stderr, "error: home_unwritable\n", link)
		require.NotContains(t, got.stderr, secretTail)
		requireNothingElsewhere()
	}

	got := attempt(filepath.Join(home, "none"))
	require.Contains(t, got.stderr, "error: home_unwritable\n")
	got = run{args: []string{"logout"}, env: map[string]string{"HOME": filepath.Join(home, "none")}}.do(t)
	require.Contains(t, got.stderr, "error: home_unwritable\n")
}

func TestLoginInterrupted(t *testing.T) {
	var stdout, stderr bytes.Buffer
	home := t.TempDir()
	exit := execute(t.Context(), cli.Env{
		Stdin: strings.NewReader(pat), Stdout: &stdout, Stderr: &stderr, Now: now,
		Getenv: func(name string) string {
			return map[string]string{"HOME": home, "CAMBIO_SERVER": "http://127.0.0.1:1"}[name]
		},
		ReadHidden: func(context.Context) ([]byte, error) { return nil, context.Canceled },
	}, []string{"login"})
	require.Equal(t, cli.ExitRefused, exit)
	require.Equal(t, "Token: \nerror: interrupted\n  cause: the command was interrupted\n", stderr.String())
	left, err := os.ReadDir(home)
	require.NoError(t, err)
	require.Empty(t, left)
}
