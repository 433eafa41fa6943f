package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/cli"
)

// gitAsks is what git tells of a URL.
func gitAsks(attributes ...string) string { return strings.Join(attributes, "\n") + "\n\n" }

func gitGet(more ...string) []string {
	return append([]string{"credential", "git", "get", "--host", "git.example.com"}, more...)
}

func credentialCases() map[string]run {
	const version = `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"interactive":false}}`
	asked := gitAsks("protocol=https", "host=git.example.com")
	return map[string]run{
		"credential-git":          {args: gitGet(), stdin: asked},
		"credential-git-jwt":      {args: gitGet("--jwt", "--audience", "https://git.example.com", "--scope", "a:b:c,d:e:f"), stdin: asked, replies: []reply{ok(exchangedJSON)}},
		"credential-git-erase":    {args: []string{"credential", "git", "erase", "--host", "git.example.com"}, stdin: gitAsks("protocol=https", "host=git.example.com", "username="+callerID, "password="+secretTail)},
		"credential-git-user":     {args: gitGet(), stdin: gitAsks("protocol=https", "host=git.example.com", "username=alice")},
		"credential-git-http":     {args: gitGet(), stdin: gitAsks("protocol=http", "host=git.example.com")},
		"credential-git-no-host":  {args: []string{"credential", "git", "get"}, stdin: asked},
		"credential-git-stdin":    {args: gitGet("--token-file", "-"), stdin: asked},
		"credential-git-no-pat":   {args: gitGet(), stdin: asked, env: map[string]string{"CAMBIO_TOKEN": jwt}},
		"credential-git-scope":    {args: gitGet("--scope", "a:b:c"), stdin: asked},
		"credential-git-typed":    {args: gitGet(), stdin: "git.example.com\n"},
		"credential-git-refused":  {args: gitGet("--jwt"), stdin: asked, replies: []reply{{status: 400, body: oauth("invalid_request", "the token was revoked on 2026-11-20T00:00:00.000Z")}}},
		"credential-kubectl":      {args: []string{"credential", "kubectl", "--audience", "https://k8s.example.com"}, replies: []reply{ok(exchangedJSON)}},
		"credential-kubectl-v1b1": {args: []string{"credential", "kubectl"}, env: map[string]string{"KUBERNETES_EXEC_INFO": version}, replies: []reply{ok(exchangedJSON)}},
		"credential-kubectl-none": {args: []string{"credential", "kubectl"}, replies: []reply{ok(`{"access_token":"` + jwt + `"}`)}},
		"credential-kubectl-old":  {args: []string{"credential", "kubectl"}, env: map[string]string{"KUBERNETES_EXEC_INFO": strings.Replace(version, "v1beta1", "v1alpha1", 1)}},
		"credential-no-program":   {args: []string{"credential"}},
	}
}

// TestGitGetsNothing has requests that are none of the helper's: git asks the next one.
func TestGitGetsNothing(t *testing.T) {
	for name, r := range map[string]run{
		"another host":        {args: gitGet(), stdin: gitAsks("protocol=https", "host=git.example.com.evil.example")},
		"another port":        {args: gitGet(), stdin: gitAsks("protocol=https", "host=git.example.com:8443")},
		"another protocol":    {args: gitGet(), stdin: gitAsks("protocol=ssh", "host=git.example.com")},
		"no host":             {args: gitGet(), stdin: gitAsks("protocol=https", "path=git.example.com")},
		"a line end in host":  {args: gitGet(), stdin: gitAsks("protocol=https", "host=git.example.com\r")},
		"beyond an end":       {args: gitGet(), stdin: "\nprotocol=https\nhost=git.example.com\n"},
		"store":               {args: []string{"credential", "git", "store", "--host", "git.example.com"}, stdin: gitAsks("protocol=https", "host=git.example.com", "password=x")},
		"of a later version":  {args: []string{"credential", "git", "capability", "--host", "git.example.com"}},
		"another, with --jwt": {args: gitGet("--jwt"), stdin: gitAsks("protocol=https", "host=example.com")},
	} {
		got := r.do(t)
		require.Equal(t, cli.ExitDone, got.exit, name)
		require.Empty(t, got.stdout, name)
		require.Empty(t, got.stderr, name)
		require.Empty(t, got.requests, name)
	}
}

func TestGitGetsTheToken(t *testing.T) {
	want := "username=" + callerID + "\npassword=" + secretTail + "\n"
	asked := gitAsks("capability[]=authtype", "protocol=https", "host=git.example.com", "wwwauth[]=Basic realm=\"a=b\"")
	home := t.TempDir()
	write(t, 0o600, pat+"\n", home, ".config", "cambio", "token")
	write(t, 0o600, "https://sts.example.com\n", home, ".config", "cambio", "server")
	for name, r := range map[string]run{
		"of its own user":   {args: gitGet(), stdin: gitAsks("protocol=https", "host=git.example.com", "username="+callerID)},
		"one of two hosts":  {args: gitGet("--host", "example.com"), stdin: asked},
		"on this machine":   {args: gitGet("--host", "127.0.0.1:3000"), stdin: gitAsks("protocol=http", "host=127.0.0.1:3000")},
		"of this name":      {args: gitGet("--host", "localhost"), stdin: gitAsks("protocol=http", "host=localhost")},
		"on it, by IPv6":    {args: gitGet("--host", "[::1]:1"), stdin: gitAsks("protocol=http", "host=[::1]:1")},
		"over plain http":   {args: gitGet("--insecure-http"), stdin: gitAsks("protocol=http", "host=git.example.com")},
		"no server named":   {args: gitGet(), stdin: asked, env: map[string]string{"CAMBIO_SERVER": ""}},
		"another prefix":    {args: gitGet(), stdin: asked, env: map[string]string{"CAMBIO_TOKEN": strings.Replace(pat, "cambio_pat", "our_own_ci", 1)}},
		"kept, none named":  {args: gitGet(), stdin: asked, env: map[string]string{"CAMBIO_TOKEN": "", "CAMBIO_SERVER": "", "HOME": home}},
		"kept, its own one": {args: gitGet("--server", "https://sts.example.com/"), stdin: asked, env: map[string]string{"CAMBIO_TOKEN": "", "HOME": home}},
	} {
		got := r.do(t)
		require.Equal(t, cli.ExitDone, got.exit, name+got.stderr)
		require.Equal(t, want, got.stdout, name)
		require.Empty(t, got.requests, name)
	}
	got := run{args: gitGet(), stdin: asked, env: map[string]string{"CAMBIO_TOKEN": "", "HOME": home}}.do(t)
	require.Contains(t, got.stderr, "error: other_server\n")
	require.Empty(t, got.stdout)

	got = run{args: gitGet("--jwt"), stdin: gitAsks("protocol=https", "host=git.example.com", "username=oauth2"), replies: []reply{ok(exchangedJSON)}}.do(t)
	require.Equal(t, "password="+jwt+"\npassword_expiry_utc=1795316700\n", got.stdout, "git keeps the user of the URL")
}

func TestGitAsksTooMuch(t *testing.T) {
	got := run{args: gitGet(), stdin: "path=" + strings.Repeat("a", 64<<10)}.do(t)
	require.Equal(t, cli.ExitUsage, got.exit)
	require.Contains(t, got.stderr, "larger than 64 KiB")
}

// TestGitIsMisled has what git told helpers of URLs with line ends in them, before it
// refused those: it asks for one host and connects to another.
func TestGitIsMisled(t *testing.T) {
	for _, asked := range []string{
		gitAsks("protocol=https", "host=evil.example", "host=git.example.com"),
		gitAsks("protocol=https", "protocol=http", "host=127.0.0.1"),
		gitAsks("protocol=https", "host=git.example.com", "username=alice", "username="+callerID),
	} {
		got := run{args: gitGet("--host", "127.0.0.1"), stdin: asked}.do(t)
		require.Equal(t, cli.ExitUsage, got.exit)
		require.Contains(t, got.stderr, " twice\n")
		require.Empty(t, got.stdout)
	}
}

// TestNoToken answers exchanges with what git and kubectl cannot be told.
func TestNoToken(t *testing.T) {
	for name, body := range map[string]string{
		"no life":       `{"access_token":"` + jwt + `"}`,
		"a life undone": `{"access_token":"` + jwt + `","expires_in":-1}`,
		"a line end":    `{"access_token":"a\nusername=b","expires_in":300}`,
		"none":          `{"expires_in":300}`,
		"no object":     `[]`,
	} {
		for _, r := range []run{
			{args: []string{"credential", "kubectl"}},
			{args: gitGet("--jwt"), stdin: gitAsks("protocol=https", "host=git.example.com")},
		} {
			r.replies = []reply{ok(body)}
			got := r.do(t)
			require.Equal(t, cli.ExitRefused, got.exit, name)
			require.Contains(t, got.stderr, "error: unexpected_answer\n", name)
			require.Empty(t, got.stdout, name)
		}
	}
	for _, info := range []string{"{", `{"apiVersion":"client.authentication.k8s.io/v1","kind":"Status"}`} {
		got := run{args: []string{"credential", "kubectl"}, env: map[string]string{"KUBERNETES_EXEC_INFO": info}}.do(t)
		require.Equal(t, cli.ExitUsage, got.exit)
		require.Contains(t, got.stderr, "holds no ExecCredential")
	}
}
