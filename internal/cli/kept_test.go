package cli_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/cli"
)

// answering answers what a login asks.
func answering(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/introspect") {
		_, _ = w.Write([]byte(introspectedJSON))
		return
	}
	_, _ = w.Write([]byte(meJSON()))
}

// newTLS starts a server whose certificate only the file of authorities vouches for.
func newTLS(t *testing.T) (address, caFile string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(answering))
	server.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	server.StartTLS()
	t.Cleanup(server.Close)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return server.URL, write(t, 0o644, string(text), t.TempDir(), "ca.pem")
}

func TestLoginKeepsAuthorities(t *testing.T) {
	server, ca := newTLS(t)
	home := t.TempDir()
	folder := filepath.Join(home, ".config", "cambio")
	t.Chdir(filepath.Dir(ca))
	env := map[string]string{"HOME": home, "CAMBIO_TOKEN": "", "CAMBIO_SERVER": ""}
	does := func(exit int, code string, args ...string) {
		t.Helper()
		got := run{args: args, stdin: pat, env: env}.do(t)
		require.Equal(t, exit, got.exit, got.stderr)
		require.Contains(t, got.stderr, code)
	}
	does(cli.ExitDone, "", "login", "--server", server, "--ca-file", "ca.pem")
	requireFile(t, filepath.Join(folder, "server"), `{"server":"`+server+`","caFile":"`+ca+`"}`+"\n")

	t.Chdir(t.TempDir())
	does(cli.ExitDone, "", "me")
	does(cli.ExitDone, "", "me", "--server", server+"/")
	does(cli.ExitDone, "", "login") // with another token, say
	does(cli.ExitUnreachable, "tls_untrusted", "me", "--ca-file", "")
	does(cli.ExitUsage, "holds no certificate", "me", "--ca-file", write(t, 0o600, "x", t.TempDir(), "x"))
	env["CAMBIO_CA_FILE"] = write(t, 0o600, "x", t.TempDir(), "x")
	does(cli.ExitUsage, "holds no certificate", "me")
	does(cli.ExitDone, "", "me", "--ca-file", ca)
	delete(env, "CAMBIO_CA_FILE")

	// It is of that server alone, and of a file that is the user's own.
	env["CAMBIO_TOKEN"] = pat
	other, _ := newTLS(t)
	does(cli.ExitUnreachable, "tls_", "me", "--server", strings.Replace(other, "127.0.0.1", "localhost", 1))
	does(cli.ExitDone, "", "me", "--server", server)
	require.NoError(t, os.Chmod(filepath.Join(folder, "server"), 0o666))
	does(cli.ExitUnreachable, "tls_untrusted", "me", "--server", server)
	does(cli.ExitUsage, "server_file_open", "me")

	does(cli.ExitDone, "", "logout")
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
	does(cli.ExitUnreachable, "tls_untrusted", "me", "--server", server)
}

// Plain http to another host is asked for once, at login. 0.0.0.0 is no loopback
// address, yet leads to this machine.
func TestLoginKeepsThatHTTPIsFine(t *testing.T) {
	listening := httptest.NewServer(http.HandlerFunc(answering))
	defer listening.Close()
	server := strings.Replace(listening.URL, "127.0.0.1", "0.0.0.0", 1)
	home := t.TempDir()
	env := map[string]string{"HOME": home, "CAMBIO_TOKEN": "", "CAMBIO_SERVER": ""}
	does := func(exit int, code string, args ...string) {
		t.Helper()
		got := run{args: args, stdin: pat, env: env}.do(t)
		require.Equal(t, exit, got.exit, got.stderr)
		require.Contains(t, got.stderr, code)
	}
	does(cli.ExitUsage, "insecure_http", "login", "--server", server)
	does(cli.ExitDone, "", "login", "--server", server, "--insecure-http")
	requireFile(t, filepath.Join(home, ".config", "cambio", "server"), `{"server":"`+server+`","insecureHttp":true}`+"\n")
	does(cli.ExitDone, "", "me")
	does(cli.ExitUsage, "insecure_http", "me", "--insecure-http=false")
	does(cli.ExitUsage, "insecure_http", "me", "--server", "http://0.0.0.0:1")
	does(cli.ExitUsage, "insecure_http", "me", "--server", "http://other.example.com")
}

func TestRefusesAServerFileThatTellsNoServer(t *testing.T) {
	const good = "as it should be"
	for name, text := range map[string]string{
		good:        `{"server":"http://127.0.0.1:1"}`,
		"no server": `{"caFile":"/ca.pem"}`, "half": `{"server":"http://127.0.0.1:1"`, "unknown member": `{"server":"http://127.0.0.1:1","proxy":"x"}`,
		"more after it": `{"server":"http://127.0.0.1:1"} {}`, "relative": `{"server":"http://127.0.0.1:1","caFile":"ca.pem"}`,
	} {
		home := t.TempDir()
		write(t, 0o600, pat, home, ".config", "cambio", "token")
		write(t, 0o600, text, home, ".config", "cambio", "server")
		got := run{args: []string{"me"}, env: map[string]string{"HOME": home, "CAMBIO_TOKEN": "", "CAMBIO_SERVER": ""}}.do(t)
		if name == good {
			require.Equal(t, cli.ExitUnreachable, got.exit, got.stderr)
			continue
		}
		require.Equal(t, cli.ExitUsage, got.exit, name)
		require.Contains(t, got.stderr, "does not tell a server", name)
		require.Contains(t, got.stderr, "log in again with cambio login", name)
	}
}
