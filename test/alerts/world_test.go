package alerts

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// soon bounds the wait for what must happen in a moment.
const soon = 30 * time.Second

const config = `issuer: %[1]s
listen: {addr: "%[2]s", adminAddr: "%[3]s"%[9]s}
store: {url: "%[4]s"%[5]s}
masterKey: {file: "%[6]s/master.key"}
audit: {dir: "%[7]s"}
token: {defaultAudience: "https://demo.example.com"}
services: [{audience: "https://demo.example.com", scopes: "*"}]
policy: {maxTokensPerOwner: 0}
%[8]s`

// deployment says how a world is made.
type deployment struct {
	redis    *testenv.RedisServer
	replica  *testenv.RedisServer
	store    string               // further keys of store
	auditDir string               // default: a new one
	tls      *testenv.Certificate // of the public listener; nil: none
	more     string               // further keys of the configuration
}

// world is a server with what it stands on, an operator's shell, and Prometheus.
type world struct {
	*prometheus
	deployment

	t      *testing.T
	dir    string
	file   string // the configuration
	url    string
	admin  string
	token  string // of the administrator
	server *testenv.ServeServer
	log    string // of the processes before
	env    []string
	calls  chan call
	front  *http.Client
}

// call is a command of the service manager.
type call struct {
	words []string
	done  chan string
}

// newWorld prepares a store and serves it: by default on a Redis of its own.
func newWorld(t *testing.T, d deployment) *world {
	t.Helper()
	if d.redis == nil {
		d.redis = testenv.Redis(t, testenv.RedisOptions{})
	}
	w := &world{t: t, deployment: d, dir: t.TempDir(), calls: make(chan call)}
	if w.auditDir == "" {
		w.auditDir = filepath.Join(w.dir, "audit")
	}
	addr, admin := "127.0.0.1:"+strconv.Itoa(testenv.FreePort(t)), "127.0.0.1:"+strconv.Itoa(testenv.FreePort(t))
	w.url, w.admin, w.file = "http://"+addr, "http://"+admin, filepath.Join(w.dir, "cambio.yaml")
	var listen, authorities string
	if d.tls != nil { // it vouches for itself
		w.url, authorities = "https://"+addr, d.tls.CertFile
		listen = fmt.Sprintf(", tlsCert: %q, tlsKey: %q", d.tls.CertFile, d.tls.KeyFile)
	}
	text := fmt.Sprintf(config, w.url, addr, admin, "redis://"+d.redis.Announced(), d.store, w.dir, w.auditDir, d.more, listen)
	require.NoError(t, os.WriteFile(w.file, []byte(text), 0o600))
	w.env = w.environment()
	testenv.Wait(t, soon, func() bool { // a replica may be busy at first, and it may be repeated
		_, err := w.try("cambio init --config " + w.file)
		return err == nil
	})
	w.token = strings.TrimSpace(w.cambio("bootstrap", "--config", w.file, "--who", "everyone"))
	w.env = append(w.env, "CAMBIO_TOKEN="+w.token)
	w.server = testenv.Serve(t, testenv.ServeOptions{Config: text, URL: w.url, CAFile: authorities})
	w.front = w.server.Client()
	w.prometheus = newPrometheus(t, w.admin+"/metrics")
	return w
}

// environment is what the runbooks expect, and shims for the service manager.
func (w *world) environment() []string {
	w.t.Helper()
	bin := w.t.TempDir()
	manager := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		words, done := r.URL.Query()["w"], make(chan string)
		w.calls <- call{words, done}
		_, _ = io.WriteString(out, <-done)
	}))
	w.t.Cleanup(manager.Close)
	for _, name := range []string{"systemctl", "journalctl"} {
		script := "#!/bin/bash\nargs=(--data-urlencode w=" + name + ")\nfor word; do args+=(--data-urlencode \"w=$word\"); done\n" +
			"exec curl -sS -G \"${args[@]}\" " + manager.URL + "\n"
		require.NoError(w.t, os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700))
	}
	kept := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "CAMBIO_") || strings.HasPrefix(entry, "PATH=")
	})
	return append(kept,
		"PATH="+bin+":"+filepath.Dir(testenv.Binary(w.t))+":"+os.Getenv("PATH"), "HOME="+w.dir,
		"CAMBIO_CONFIG="+w.file, "CAMBIO_SERVER="+w.url, "ADMIN_URL="+w.admin, "AUDIT_DIR="+w.auditDir,
		"REDIS_URL=redis://"+w.redis.Addr(), "BACKUP="+filepath.Join(w.dir, "backup.db"))
}

// cambio runs the product to its end, which must be a good one.
func (w *world) cambio(args ...string) string {
	w.t.Helper()
	command := exec.CommandContext(w.t.Context(), testenv.Binary(w.t), args...)
	command.Env = slices.DeleteFunc(slices.Clone(w.env), func(entry string) bool { return strings.HasPrefix(entry, "CAMBIO_CONFIG=") })
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	require.NoError(w.t, err, "cambio %v\n%s", args, &complaint)
	return string(out)
}

// shell runs commands of a page as an operator does, and returns what they printed.
func (w *world) shell(text string, env ...string) string {
	w.t.Helper()
	printed, err := w.try(text, env...)
	require.NoError(w.t, err, "%s\n%s", text, printed)
	return printed
}

// look runs the commands that show what is wrong, again where the log is not written yet:
// it is some time after the figures.
func (w *world) look(text string, env ...string) {
	w.t.Helper()
	printed, err := "", error(nil)
	for end := time.Now().Add(soon); time.Now().Before(end); {
		if printed, err = w.try(text, env...); err == nil && printed != "" {
			return
		}
	}
	require.Fail(w.t, "the page shows nothing", "%v\n%s\n%s", err, text, printed)
}

func (w *world) try(text string, env ...string) (printed string, err error) {
	w.t.Helper()
	command := exec.CommandContext(w.t.Context(), "bash", "-euo", "pipefail", "-c", text)
	command.Env, command.Dir = append(slices.Clone(w.env), env...), w.dir
	type outcome struct {
		text []byte
		err  error
	}
	ended := make(chan outcome, 1)
	go func() {
		printed, err := command.CombinedOutput()
		ended <- outcome{printed, err}
	}()
	for {
		select {
		case c := <-w.calls:
			c.done <- w.manage(c.words)
		case end := <-ended:
			return string(end.text), end.err
		}
	}
}

// manage does what systemd would.
func (w *world) manage(words []string) string {
	w.t.Helper()
	unit := words[len(words)-1]
	switch {
	case words[0] == "journalctl" && slices.Contains(words, job):
		return w.log + w.server.Stderr()
	case words[0] == "journalctl":
		return w.redis.Stdout()
	case words[1] == "status":
		return unit
	case words[1] == "show":
		return strconv.Itoa(w.server.PID()) + "\n"
	case unit == job && words[1] == "kill":
		w.server.Signal(syscall.SIGHUP)
	case unit == job && words[1] == "stop":
		w.server.Stop()
	case unit == job:
		w.restart()
	case unit == "redis-server":
		again(w.redis)
	case unit == "redis-replica":
		if w.replica != nil {
			again(w.replica)
		}
	default:
		require.Fail(w.t, "nobody manages it", "%v", words)
	}
	return ""
}

// restart starts the server, anew if it runs.
func (w *world) restart() {
	w.t.Helper()
	w.log += w.server.Stderr()
	w.server.Restart()
}

// again starts a Redis server, anew if it runs.
func again(server *testenv.RedisServer) {
	server.Kill()
	server.Start()
}

// runbook is what a page has under its headings: commands, by bash.
func runbook(t *testing.T, alert string) (look, mend string) {
	t.Helper()
	text, err := os.ReadFile(root + "/docs/runbooks/" + alert + ".md")
	require.NoError(t, err)
	found := regexp.MustCompile("(?s)^# " + alert + "\n.+\n## Look\n(.+)\n## Mend\n(.+)$").FindStringSubmatch(string(text))
	require.NotNil(t, found, "%s has the headings of a runbook", alert)
	fence := regexp.MustCompile("(?s)```sh norun=alert\n(.*?)```")
	commands := func(text string) string {
		var all strings.Builder
		for _, one := range fence.FindAllStringSubmatch(text, -1) {
			all.WriteString(one[1])
		}
		return all.String()
	}
	return commands(found[1]), commands(found[2])
}

// exchange sends a token once and returns the status; 0 where nobody answers.
func (w *world) exchange(token string) int {
	w.t.Helper()
	return w.post("/oauth2/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {token},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
	})
}

func (w *world) post(path string, form url.Values) int {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+path, strings.NewReader(form.Encode()))
	require.NoError(w.t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := w.front.Do(request)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode
}

// wait waits until a figure is what is wanted.
func (w *world) wait(series string, wanted func(value float64) bool) {
	w.t.Helper()
	w.waitFor(soon, series, wanted)
}

func (w *world) waitFor(limit time.Duration, series string, wanted func(value float64) bool) {
	w.t.Helper()
	testenv.Wait(w.t, limit, func() bool { return wanted(w.figure(series)) })
}

func is(want float64) func(float64) bool { return func(value float64) bool { return value == want } }

func above(least float64) func(float64) bool {
	return func(value float64) bool { return value > least }
}
