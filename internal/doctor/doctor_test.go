package doctor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/internal/doctor"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/redis"
)

// machine has what a test says.
type machine struct{ free uint64 }

func (machine) OpenFiles() (uint64, bool) { return 0, false }

func (m machine) Space(string) (free, all uint64, ok bool) { return m.free, 1 << 40, true }

// inProcess examines a deployment with a clock and a machine of the test's.
func (w *world) inProcess(now func() time.Time, of doctor.Machine) *doctor.Report {
	return doctor.Examine(w.t.Context(), doctor.Config{
		Sources: config.Sources{File: w.config}, Now: now, Machine: of,
		Servers: func(store *config.Store) (redis.Config, error) {
			return redis.Config{Addrs: store.URL.Addrs, Durability: redis.Verified, Now: now}, nil
		},
		Serving: func(context.Context, *config.Config) (doctor.Serving, error) {
			return doctor.Serving{}, errors.New("nobody")
		},
	})
}

// TestSpace: a disk that fills up is seen before it is full.
func TestSpace(t *testing.T) {
	w := onFile(t)
	require.Empty(t, ill(w.inProcess(time.Now, machine{1 << 34})))
	require.Equal(t, []string{"store-space WARN", "audit-space WARN"}, ill(w.inProcess(time.Now, machine{1 << 29})))
	require.Equal(t, []string{"store-space FAIL", "audit-space FAIL"}, ill(w.inProcess(time.Now, machine{1 << 20})))
}

// TestKeyAges: a ring that nobody keeps up is seen, before its last key ends and after.
func TestKeyAges(t *testing.T) {
	w := onFile(t)
	in := func(d time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(d) } }
	const rotate = 720 * time.Hour
	require.Empty(t, ill(w.inProcess(in(rotate-time.Hour), machine{1 << 34})))
	require.Empty(t, ill(w.inProcess(in(rotate+time.Hour), machine{1 << 34})), "the successor signs")
	require.Equal(t, []string{"key-ages WARN"}, ill(w.inProcess(in(2*rotate-5*time.Minute), machine{1 << 34})), "and has none itself")
	require.Equal(t, []string{"key-ages WARN"}, ill(w.inProcess(in(2*rotate+time.Minute), machine{1 << 34})))
}

// TestClocks: a clock that cannot be right, and one that differs from that of Redis.
func TestClocks(t *testing.T) {
	w := onReplicated(t)
	at := func(d time.Duration) []string {
		return ill(w.inProcess(func() time.Time { return time.Now().Add(d) }, machine{1 << 34}))
	}
	require.Empty(t, at(0))
	require.Equal(t, []string{"store-clock WARN"}, at(10*time.Second))
	require.Equal(t, []string{"store-clock FAIL"}, at(40*time.Second))
	require.Contains(t, at(-30*365*24*time.Hour), "clock FAIL")
}

// TestNothingAnswers: what hangs ends in time, and is one finding.
func TestNothingAnswers(t *testing.T) {
	w := onReplicated(t)
	w.redis.Pause()
	began := time.Now()
	report := w.examine()
	w.redis.Resume()
	require.Less(t, time.Since(began), 30*time.Second)
	require.Equal(t, []string{"store-reachable FAIL"}, ill(report), told(report))
}

// TestNoConfiguration: what there is none of is said once, by any source.
func TestNoConfiguration(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, []string{"config FAIL"}, ill(w.examine()))
	w.write("cambio.yaml", "issuer: [\n")
	require.Equal(t, []string{"config FAIL"}, ill(w.examine()))
}

// TestVariable: what a variable says is mended there.
func TestVariable(t *testing.T) {
	w := onFile(t)
	report := doctor.Examine(t.Context(), doctor.Config{
		Sources: config.Sources{File: w.config, Env: []string{"CAMBIO_KEYS_JWKS_MAX_AGE=25h"}}, Now: time.Now, Machine: machine{1 << 34},
	})
	require.Equal(t, []string{"config FAIL"}, ill(report))
	require.Equal(t, "unset CAMBIO_KEYS_JWKS_MAX_AGE", report.Checks[0].Findings[0].Fix.Command)
}

// TestOutbox: events that nobody ships are counted.
func TestOutbox(t *testing.T) {
	w := onRedis(t)
	w.redis.MustDo("EVAL", "for i = 1, 1000 do redis.call('XADD', 'cambio:{00}:audit', '*', 'event', '{}') end", "0")
	require.Equal(t, []string{"outbox WARN"}, ill(w.examine()))
}

// TestLayout: servers whose layout this program does not know are told of, and which one
// it is. Nothing but another program or a backup helps.
func TestLayout(t *testing.T) {
	w := onRedis(t)
	for found, who := range map[string]string{"2": "a later version", "0": "no later version", "x": "no later version"} {
		w.redis.MustDo("HSET", "cambio:{cfg}:format", "version", found)
		report := w.examine()
		require.Equal(t, []string{"store-layout FAIL"}, ill(report), told(report))
		require.Contains(t, told(report), who+" of Cambio made it")
		require.Contains(t, told(report), "restore the last backup")
		out, err := w.command("cambio serve --config cambio.yaml").CombinedOutput()
		require.Error(t, err, "a server starts all the same")
		require.Contains(t, string(out), "store_format")
	}
	w.redis.MustDo("HSET", "cambio:{cfg}:format", "version", "1")
	require.Empty(t, ill(w.examine()))
}

// TestProviderDoesNotAnswer: a provider of credentials that is down is told of by its place.
func TestProviderDoesNotAnswer(t *testing.T) {
	w := withServices(t)
	w.set("credentials[0].http.url", "http://127.0.0.1:"+strconv.Itoa(testenv.FreePort(t))+"/capability")
	report := w.examine()
	require.Equal(t, []string{"credentials FAIL"}, ill(report), told(report))
	require.Contains(t, told(report), "credentials[0].http 127.0.0.1: connect:")
	require.NotContains(t, told(report), "capability")
}

// TestLocked: a file that a process has which tells nothing of it.
func TestLocked(t *testing.T) {
	w := onFile(t)
	db, err := bolt.Open(bolt.Config{Path: w.path("data/cambio.db"), Now: time.Now})
	require.NoError(t, err)
	require.Equal(t, []string{"store-file FAIL"}, ill(w.examine()))
	require.NoError(t, db.Close())
	require.Empty(t, ill(w.examine()))
}

// TestHiddenSettings: where a managed server hides its settings, the operator's word
// stands, and what cannot be seen is not called good.
func TestHiddenSettings(t *testing.T) {
	w := onRedis(t)
	w.redis.MustDo("ACL", "SETUSER", "cambio", "-config|get")
	require.Equal(t, []string{"store-permissions FAIL"}, ill(w.examine()))
	w.set("store.durability", "declared")
	report := w.examine()
	require.Empty(t, ill(report), told(report))
	require.Equal(t, doctor.Skip, statusOf(t, report, "store-eviction"))
}

func statusOf(t *testing.T, report *doctor.Report, id string) doctor.Status {
	t.Helper()
	for i := range report.Checks {
		if report.Checks[i].ID == id {
			return report.Checks[i].Status
		}
	}
	t.Fatalf("no check %s", id)
	return ""
}

// TestAnotherServer: what answers here and at the issuer is not ready, publishes other
// keys than those of the store, or says what would steer a terminal.
func TestAnotherServer(t *testing.T) {
	w := onFile(t)
	issuer := "http://" + w.public
	mux := http.NewServeMux()
	answer := func(path string, status int, text string) {
		mux.HandleFunc(path, func(out http.ResponseWriter, _ *http.Request) {
			out.WriteHeader(status)
			_, _ = out.Write([]byte(text))
		})
	}
	answer("/livez", http.StatusOK, `{"status":"alive"}`)
	answer("/readyz", http.StatusServiceUnavailable, `{"failing":["store\u001b[2J"]}`)
	answer("/.well-known/oauth-authorization-server", http.StatusOK, fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, issuer+"/jwks"))
	answer("/jwks", http.StatusOK, `{"keys":[{"kid":"another"}]}`)
	w.pretend(w.public, mux)
	require.Equal(t, []string{"server FAIL", "issuer-keys WARN"}, ill(w.examine()), "keys that are new may not be there yet")
	report := w.inProcess(func() time.Time { return time.Now().Add(2 * time.Minute) }, machine{1 << 34})
	require.Equal(t, []string{"server FAIL", "issuer-keys FAIL"}, ill(report))
	var text bytes.Buffer
	require.NoError(t, report.Write(&text, true))
	require.NotContains(t, text.String(), "\x1b")
	require.Contains(t, text.String(), `\u001b[2J`)
}

// TestDoor: a running server tells nothing of its store without the master key.
func TestDoor(t *testing.T) {
	w := served(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://%v/doctor", w.section("listen")["adminAddr"]), http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer AAAA")
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
	require.NotContains(t, string(body), "keys")
}

// TestTooLong: a check that does not end is left alone after its time.
func TestTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		check := doctor.Checks()[0]
		end := make(chan struct{})
		began := time.Now()
		result := doctor.ExamineWith(t.Context(), check, func() { <-end })
		close(end)
		require.Equal(t, doctor.Warn, result.Status)
		require.Equal(t, 20*time.Second, time.Since(began))
	})
}

// TestPage: the documentation has the table of checks, as they are.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	var table strings.Builder
	table.WriteString("| Check | Looks at |\n|---|---|\n")
	seen := map[string]bool{}
	for _, check := range doctor.Checks() {
		fmt.Fprintf(&table, "| `%s` | %s |\n", check.ID, check.Looks)
		require.False(t, seen[check.ID])
		seen[check.ID] = true
	}
	require.True(t, bytes.Contains(page, []byte(table.String())), "docs/operations.md must have\n%s", table.String())
	for _, f := range faults() {
		id, _, _ := strings.Cut(f.want, " ")
		require.True(t, seen[id], f.name)
	}
}

// TestShell: a command comes out of a shell as it went in.
func TestShell(t *testing.T) {
	require.Equal(t, `chmod 0600 '/a b/it'\''s' ''`, doctor.Shell("chmod", "0600", "/a b/it's", ""))
}
