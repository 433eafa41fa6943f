package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// soon bounds the wait for what must happen in a moment.
const soon = 10 * time.Second

// served is cambio serve after init and bootstrap.
type served struct {
	*testenv.ServeServer
	door

	dir   string
	admin string // of its listener
	token string // of the administrator, who may use tokens
}

const config = `issuer: http://%[1]s
listen: {addr: "%[1]s", adminAddr: "%[4]s"}
store: {url: "%[2]s"}
masterKey: {file: "%[3]s/master.key"}
audit: {dir: "%[3]s/audit"}
token: {defaultAudience: "https://demo.example.com"}
services: [{audience: "https://demo.example.com", scopes: "*"}]
limits: {requestsPer10s: 1000000}
policy: {maxTokensPerOwner: 0}
`

// serve starts a server on a store; none is a bolt file in dir. more is added to
// the configuration.
func serve(t *testing.T, dir, store, more string) *served {
	t.Helper()
	if store == "" {
		store = "bolt:" + filepath.Join(dir, "cambio.db")
	}
	addr, admin := "127.0.0.1:"+strconv.Itoa(testenv.FreePort(t)), "127.0.0.1:"+strconv.Itoa(testenv.FreePort(t))
	text := fmt.Sprintf(config, addr, store, dir, admin) + more
	file := filepath.Join(dir, "cambio.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	run(t, "init", "--config", file)
	token := strings.TrimSpace(run(t, "bootstrap", "--config", file, "--who", "everyone"))
	server := testenv.Serve(t, testenv.ServeOptions{Config: text, URL: "http://" + addr})
	return &served{ServeServer: server, door: door{"http://" + addr, server.Client()}, dir: dir, admin: "http://" + admin, token: token}
}

func (s *served) auditDir() string { return filepath.Join(s.dir, "audit") }

// run runs the product and returns what it printed; it must succeed.
func run(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := cambio(t, args...)
	require.Zero(t, code, "cambio %v: %s", args, stderr)
	return stdout
}

// cambio runs the product to its end, which must come soon.
func cambio(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return testenv.Run(t, 3*soon, args...)
}

// requireWholeTrail lets the product verify an audit trail.
func requireWholeTrail(t *testing.T, dir string) {
	t.Helper()
	code, stdout, stderr := cambio(t, "audit", "verify", "--dir", dir)
	require.Zero(t, code, "%s%s", stdout, stderr)
}

// event is a line of the audit trail.
type event map[string]any

// trail returns the events of a folder so far, each once: one that was shipped
// twice has one id.
func trail(t *testing.T, dir string) []event {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	require.NoError(t, err)
	var events []event
	seen := map[any]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if !strings.HasSuffix(line, "\n") {
				break // on its way
			}
			var e event
			require.NoError(t, json.Unmarshal([]byte(line), &e), line)
			if !seen[e["id"]] {
				seen[e["id"]] = true
				events = append(events, e)
			}
		}
	}
	return events
}

// count is how many events of a kind a trail has of a token; of any for "".
func count(t *testing.T, dir, name, token string) int {
	t.Helper()
	n := 0
	for _, e := range trail(t, dir) {
		if e["event"] == "PERSONAL_ACCESS_TOKEN_"+name && (token == "" || e["pat_id"] == token) {
			n++
		}
	}
	return n
}

// requireCount waits for so many events, and then that there are no more.
func requireCount(t *testing.T, dir, name, token string, want int) {
	t.Helper()
	testenv.Wait(t, soon, func() bool { return count(t, dir, name, token) >= want })
	require.Equal(t, want, count(t, dir, name, token), name)
}

// ready returns the answer of /readyz.
func (d door) ready(t *testing.T) answer {
	t.Helper()
	return d.get(t, "/readyz")
}
