package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/cli"
)

func TestServerAddress(t *testing.T) {
	for name, tc := range map[string]struct {
		server, want string
	}{
		"none":                 {"", "no server is named"},
		"no scheme":            {"sts.example.com", "is no http or https URL"},
		"other scheme":         {"ftp://sts.example.com", "is no http or https URL"},
		"no host":              {"https://", "is no http or https URL"},
		"malformed":            {"https://[", "is no http or https URL"},
		"password":             {"https://u:canary@sts.example.com", "has credentials in it"},
		"path":                 {"https://sts.example.com/api/v1", "fix: write it as https://sts.example.com\n"},
		"query":                {"https://sts.example.com?x", "has more than scheme, host and port"},
		"http to another host": {"http://sts.example.com:8080", "error: insecure_http"},
		"http to an address":   {"http://192.0.2.1", "error: insecure_http"},
		"loopback look-alike":  {"http://localhost.example.com", "error: insecure_http"},
	} {
		t.Run(name, func(t *testing.T) {
			got := run{args: []string{"pat", "list"}, env: map[string]string{"CAMBIO_SERVER": tc.server}}.do(t)
			require.Equal(t, cli.ExitUsage, got.exit)
			require.Contains(t, got.stderr, tc.want)
			require.NotContains(t, got.stderr, "canary")
		})
	}
}

func TestServerPrecedence(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("[]")) }))
	defer server.Close()
	const nowhere = "http://sts.example.com"
	for name, tc := range map[string]struct {
		flag, cambioServer, cambioURL string
	}{
		"flag": {server.URL + "/", nowhere, nowhere}, "CAMBIO_SERVER": {"", server.URL, nowhere}, "CAMBIO_URL": {"", "", server.URL},
	} {
		r := run{args: []string{"pat", "list"}, env: map[string]string{"CAMBIO_SERVER": tc.cambioServer, "CAMBIO_URL": tc.cambioURL}}
		if tc.flag != "" {
			r.args = append(r.args, "--server", tc.flag)
		}
		require.Equal(t, cli.ExitDone, r.do(t).exit, name)
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("[]")) }))
	server.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	server.StartTLS()
	defer server.Close()
	ca := write(t, 0o644, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})), t.TempDir(), "ca.pem")
	list := func(env map[string]string, args ...string) outcome {
		env["CAMBIO_SERVER"] = server.URL
		return run{args: append([]string{"pat", "list"}, args...), env: env}.do(t)
	}
	require.Equal(t, cli.ExitDone, list(map[string]string{}, "--ca-file", ca).exit)
	require.Equal(t, cli.ExitDone, list(map[string]string{"CAMBIO_CA_FILE": ca}).exit)

	got := list(map[string]string{})
	require.Equal(t, cli.ExitUnreachable, got.exit)
	require.Contains(t, got.stderr, "error: tls_untrusted\n")
	require.Contains(t, got.stderr, "--ca-file")

	port := server.URL[strings.LastIndex(server.URL, ":"):]
	got = list(map[string]string{"CAMBIO_CA_FILE": ca}, "--server", "https://localhost"+port)
	require.Equal(t, cli.ExitUnreachable, got.exit)
	require.Contains(t, got.stderr, "error: tls_wrong_name\n")

	got = list(map[string]string{"CAMBIO_CA_FILE": write(t, 0o644, "no certificate", t.TempDir(), "ca.pem")})
	require.Equal(t, cli.ExitUsage, got.exit)
	require.Contains(t, got.stderr, "holds no certificate")
	got = list(map[string]string{"CAMBIO_CA_FILE": t.TempDir() + "/none"})
	require.Equal(t, cli.ExitUsage, got.exit)
	require.Contains(t, got.stderr, "error: file_unreadable")
}

func TestFollowsNoRedirect(t *testing.T) {
	followed := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		got := run{args: []string{"exchange"}, replies: []reply{{status: status, header: map[string]string{"Location": other.URL}}}}.do(t)
		require.Equal(t, cli.ExitRefused, got.exit)
		require.Contains(t, got.stderr, "error: redirected\n")
	}
	require.False(t, followed)
}

func TestWaitsOnce(t *testing.T) {
	busy := reply{status: http.StatusTooManyRequests, body: `{"message":" Rate Limit Exceeded "}`, header: map[string]string{"Retry-After": "0"}}
	got := run{args: []string{"pat", "create", "--name", "ci"}, replies: []reply{busy, ok(createdJSON())}}.do(t)
	require.Equal(t, cli.ExitDone, got.exit, got.stderr)
	require.Len(t, got.requests, 2)
	require.Equal(t, got.requests[0], got.requests[1])

	got = run{args: []string{"pat", "list"}, replies: []reply{busy, busy}}.do(t)
	require.Equal(t, cli.ExitRefused, got.exit)
	require.Len(t, got.requests, 2)
	require.Contains(t, got.stderr, "error: too_many_requests\n")
}

func TestListFollowsPages(t *testing.T) {
	page := func(from, size int) string {
		var tokens []string
		for i := range size {
			tokens = append(tokens, fmt.Sprintf(`{"id":"%032x", "name":"x"}`, from+i))
		}
		return " [" + strings.Join(tokens, ",") + "]\n"
	}
	total := map[string]string{"X-Total-Count": "600"}
	counted := []reply{{200, total, page(0, 250)}, {200, total, page(250, 250)}, {200, total, page(500, 100)}}
	got := run{args: []string{"pat", "list", "-o", "json"}, replies: counted}.do(t)
	require.Equal(t, cli.ExitDone, got.exit, got.stderr)
	require.Len(t, got.requests, 3)
	require.Contains(t, got.requests[2], "limit=250&offset=500")
	var all []map[string]any
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &all))
	require.Len(t, all, 600)
	require.Contains(t, got.stdout, `{"id":"`+fmt.Sprintf("%032x", 250)+`", "name":"x"}`, "tokens pass through byte for byte")

	for name, tc := range map[string]struct {
		args    []string
		replies []reply
		want    int
	}{
		"without a count":        {nil, []reply{ok(page(0, 250)), ok(page(250, 3))}, 253},
		"tokens went meanwhile":  {nil, []reply{{200, total, page(0, 250)}, {200, total, "[]"}}, 250},
		"limit of several pages": {[]string{"--limit", "300"}, []reply{{200, total, page(0, 250)}, {200, total, page(250, 50)}}, 300},
		"limit of nothing":       {[]string{"--limit", "0"}, []reply{{200, total, "[]"}}, 0},
	} {
		got := run{args: append([]string{"pat", "list", "-o", "id"}, tc.args...), replies: tc.replies}.do(t)
		require.Equal(t, cli.ExitDone, got.exit, name)
		require.Len(t, got.requests, len(tc.replies), name)
		require.Equal(t, tc.want, strings.Count(got.stdout, "\n"), name)
	}
}

// failing fails every write.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestStdoutIsFull(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("[]")) }))
	defer server.Close()
	for _, format := range []string{"table", "json", "yaml", "id"} {
		var stderr bytes.Buffer
		exit := execute(t.Context(), cli.Env{
			Stdin: strings.NewReader(""), Stdout: failing{}, Stderr: &stderr, Now: now,
			Getenv: func(name string) string {
				return map[string]string{"CAMBIO_TOKEN": pat, "CAMBIO_SERVER": server.URL}[name]
			},
		}, []string{"keys", "list", "-o", format})
		require.Equal(t, cli.ExitRefused, exit)
		require.Contains(t, stderr.String(), "output_failed")
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr bytes.Buffer
	exit := execute(ctx, cli.Env{
		Stdin: strings.NewReader(""), Stdout: &bytes.Buffer{}, Stderr: &stderr, Now: now,
		Getenv: func(name string) string {
			return map[string]string{"CAMBIO_TOKEN": pat, "CAMBIO_SERVER": "http://127.0.0.1:1"}[name]
		},
	}, []string{"keys", "list"})
	require.Equal(t, cli.ExitRefused, exit)
	require.Contains(t, stderr.String(), "error: interrupted\n")
}
