package cli_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/cli"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	tokenID    = "0123456789abcdef0123456789abcdef"
	otherID    = "fedcba9876543210fedcba9876543210"
	callerID   = "00112233445566778899aabbccddeeff"
	secretTail = "Canary7890123456789012345678901234567890123456789"
	pat        = "cambio_pat_" + callerID + "_" + secretTail
	freshPAT   = "cambio_pat_" + tokenID + "_" + secretTail
	jwt        = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"
)

func now() time.Time { return time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC) }

// reply is what the server answers to one request.
type reply struct {
	status int
	header map[string]string
	body   string
}

// run is one run of a command against a server that gives its replies in turn.
type run struct {
	args     []string
	env      map[string]string // beside CAMBIO_TOKEN and CAMBIO_SERVER; an empty value unsets
	stdin    string
	terminal bool
	hidden   string // what is typed at the terminal where it is not shown
	replies  []reply
}

// sent is a request as it came.
type sent struct {
	*http.Request

	body []byte
}

// outcome is what a run did.
type outcome struct {
	exit           int
	stdout, stderr string
	requests       []string // method, target, headers that matter, body
	sent           []sent
	server         *url.URL
	home           string
}

func (r run) do(t *testing.T) outcome {
	t.Helper()
	var got outcome
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(request.Body)
		got.requests, got.sent = append(got.requests, describe(request, body)), append(got.sent, sent{request, body})
		if len(got.requests) > len(r.replies) {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		answer := r.replies[len(got.requests)-1]
		for name, value := range answer.header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(answer.status)
		_, _ = io.WriteString(w, answer.body)
	}))
	defer server.Close()
	got.server, _ = url.Parse(server.URL)

	env := map[string]string{"CAMBIO_TOKEN": pat, "CAMBIO_SERVER": server.URL, "HOME": t.TempDir()}
	maps.Copy(env, r.env)
	got.home = env["HOME"]
	var stdout, stderr bytes.Buffer
	got.exit = execute(t.Context(), cli.Env{
		Stdin: strings.NewReader(r.stdin), Stdout: &stdout, Stderr: &stderr, StdoutIsTerminal: r.terminal, Now: now,
		Exec: func(_ context.Context, argv, env []string) error {
			_, err := fmt.Fprintf(&stdout, "exec %q\nwith %q\n", argv, env)
			return err
		},
		Getenv: func(name string) string { return env[name] }, ReadHidden: r.readHidden(),
	}, r.args)
	mu.Lock()
	defer mu.Unlock()
	got.stdout, got.stderr = stdout.String(), stderr.String()
	return got
}

// readHidden is what asks at a terminal, if there is one.
func (r run) readHidden() func(context.Context) ([]byte, error) {
	if r.hidden == "" {
		return nil
	}
	return func(context.Context) ([]byte, error) { return []byte(r.hidden), nil }
}

// execute runs a command line as the program does.
func execute(ctx context.Context, env cli.Env, args []string) int {
	root := &cobra.Command{Use: "cambio", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(cli.New(env)...) //nolint:contextcheck // the commands get theirs from cobra
	root.SetArgs(args)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	return cli.Fail(root.ExecuteContext(ctx), env.Stderr)
}

// describe renders a request; the credential in it by what it is.
func describe(r *http.Request, body []byte) string {
	lines := []string{r.Method + " " + r.URL.RequestURI()}
	for _, name := range []string{"Authorization", "Content-Type", "If-Match"} {
		if value := r.Header.Get(name); value != "" {
			lines = append(lines, name+": "+value)
		}
	}
	if len(body) > 0 {
		lines = append(lines, string(body))
	}
	return strings.NewReplacer(pat, "$TOKEN", freshPAT, "$OTHER").Replace(strings.Join(lines, "\n"))
}

// transcript renders a run for a golden file.
func (o outcome) transcript(args []string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "$ cambio %s\n", strings.Join(args, " "))
	for _, request := range o.requests {
		fmt.Fprintf(&out, "> %s\n", strings.ReplaceAll(request, "\n", "\n> "))
	}
	fmt.Fprintf(&out, "-- stdout --\n%s-- stderr --\n%s-- exit %d --\n", o.stdout, o.stderr, o.exit)
	return strings.ReplaceAll(out.String(), o.server.Host, "$HOST")
}

// golden compares text with a file of testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update once")
	require.Equal(t, string(want), text)
}

// tokenJSON is a token as the API tells it.
func tokenJSON(id, name string) string {
	return `{"id":"` + id + `","name":"` + name + `","description":null,"scope":["orders:read","orders:write"],"level":"personal","levelId":null,` +
		`"owner":{"type":"IDENTITY","id":"` + otherID + `","name":"Alice"},"ownerUsername":"alice","ownerStatus":"Active","adminRole":false,"audience":null,` +
		`"allowedNetworks":["192.0.2.0/24"],"managed":false,"accessTokenValiditySeconds":300,"created":"2026-11-20T00:00:00.000Z",` +
		`"createdBy":null,"createdByPat":null,"modified":null,"expirationDate":"2026-12-22T03:00:00.000Z","userAwareTokenNeverExpires":false,` +
		`"lastUsed":null,"lastSeen":null,"status":"Active","revokedAt":null,"revokedBy":null,"revokeReason":null,"reactivatable":false}`
}

// createdJSON is a token with its secret.
func createdJSON() string {
	return strings.TrimSuffix(tokenJSON(tokenID, "ci"), "}") + `,"secret":"` + secretTail + `","token":"` + freshPAT + `"}`
}

// tagged is an answer with an entity tag.
func tagged(etag, body string) reply {
	return reply{status: http.StatusOK, header: map[string]string{"ETag": etag}, body: body}
}

// gone is an answer without a body.
func gone() reply { return reply{status: http.StatusNoContent} }

func ok(body string) reply { return reply{status: http.StatusOK, body: body} }
