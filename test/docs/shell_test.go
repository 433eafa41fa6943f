package docs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const (
	readyTimeout = 5 * time.Minute // `go run` builds first
	endTimeout   = 30 * time.Second
)

// shell runs the fences of one document in a copy of the repository.
type shell struct {
	dir  string // the copy
	bash string
	env  []string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	testenv.Need(t, "curl")
	testenv.Need(t, "jq")
	s := &shell{dir: copyRepository(t), bash: testenv.Need(t, "bash")}
	bin := t.TempDir()
	require.NoError(t, os.Symlink(testenv.Binary(t), filepath.Join(bin, "cambio")))
	server := testenv.Dev(t)
	s.env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "CAMBIO_") })
	s.env = append(s.env, goEnvironment(t)...)
	s.env = append(s.env,
		"PATH="+bin+":"+os.Getenv("PATH"), "HOME="+t.TempDir(), "TMPDIR="+t.TempDir(),
		"CAMBIO_URL="+server.Info.Addr, "CAMBIO_TOKEN="+server.Info.Users.Alice.PAT.Token, "ADMIN_TOKEN="+server.Info.Users.Admin.PAT.Token, "CAMBIO_CA_FILE="+server.Info.CAFile)
	return s
}

// copyRepository keeps the checkout clean whatever a document does.
func copyRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range tracked(t) {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		info, err := os.Stat(filepath.Join(root, name))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, info.Mode().Perm()))
	}
	return dir
}

// goEnvironment lets go find its caches without the home folder. Without paths
// in it, a build in an ever new folder comes out of the cache, and with the
// settings of the Dockerfile out of the one that test/compose fills.
func goEnvironment(t *testing.T) []string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPATH", "GOENV").Output()
	require.NoError(t, err)
	var values map[string]string
	require.NoError(t, json.Unmarshal(output, &values))
	entries := []string{"GOFLAGS=-trimpath", "CGO_ENABLED=0"}
	for name, value := range values {
		entries = append(entries, name+"="+value)
	}
	return entries
}

func (s *shell) command(ctx context.Context, script string) *exec.Cmd {
	command := exec.CommandContext(ctx, s.bash, "-euo", "pipefail", "-c", script)
	command.Dir, command.Env = s.dir, s.env
	return command
}

// try runs a script and returns its standard output.
func (s *shell) try(t *testing.T, script string) (string, error) {
	t.Helper()
	var complaint strings.Builder
	command := s.command(t.Context(), script)
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%w\n%s\n--- stdout\n%s--- stderr\n%s", err, script, output, &complaint)
	}
	return string(output), nil
}

func (s *shell) run(t *testing.T, script string) string {
	t.Helper()
	output, err := s.try(t, script)
	require.NoError(t, err)
	return output
}

// server is a program that a document starts in the foreground.
type server struct {
	command *exec.Cmd
	byGoRun bool
	printed buffer // both its outputs
	exited  chan struct{}
}

// startServer starts a server as written and waits until it is ready. Only where
// an address it wants is taken is it started on free ones.
func (s *shell) startServer(t *testing.T, line string) *server {
	t.Helper()
	running := s.launch(t, line)
	if !running.awaitReady(t) && strings.Contains(running.printed.String(), "address already in use") {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		if serverLine.FindStringSubmatch(line)[2] == "dev" {
			line += " --addr 127.0.0.1:0 --tls-addr 127.0.0.1:0"
		} else {
			line += " --listen-addr 127.0.0.1:0 --listen-admin-addr 127.0.0.1:0"
		}
		running = s.launch(t, line)
		running.awaitReady(t)
	}
	address := running.address()
	require.NotEmpty(t, address, "%s is not ready:\n%s", line, &running.printed)
	client := http.Client{Timeout: endTimeout}
	testenv.Wait(t, endTimeout, func() bool {
		answer, err := client.Get(address + "/readyz")
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode == http.StatusOK
	})
	return running
}

func (s *shell) launch(t *testing.T, line string) *server {
	t.Helper()
	running := &server{
		command: s.command(context.WithoutCancel(t.Context()), line),
		byGoRun: strings.HasPrefix(line, "go run "),
		exited:  make(chan struct{}),
	}
	running.command.Stdout, running.command.Stderr = &running.printed, &running.printed
	running.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a terminal's foreground job
	require.NoError(t, running.command.Start())
	go func() {
		_ = running.command.Wait() // the state is in ProcessState
		close(running.exited)
	}()
	t.Cleanup(func() {
		select {
		case <-running.exited:
		default: // the test has failed
			_ = syscall.Kill(-running.command.Process.Pid, syscall.SIGKILL)
			<-running.exited
		}
	})
	return running
}

// awaitReady waits until the server has said where it is, and reports false if
// it ended before.
func (r *server) awaitReady(t *testing.T) bool {
	t.Helper()
	testenv.Wait(t, readyTimeout, func() bool {
		select {
		case <-r.exited:
			return true
		default:
			return r.address() != ""
		}
	})
	return r.address() != ""
}

// ready is what dev prints, with and without --json, and what serve logs.
var ready = regexp.MustCompile(`(?m)^  http     (http://\S+)$|^{"issuer":"[^"]*","addr":"(http://[^"]*)"|"msg":"ready",.*"addr":"([^"]*)"`)

// address is where the server is, empty until it is ready.
func (r *server) address() string {
	found := ready.FindStringSubmatch(r.printed.String())
	if found == nil {
		return ""
	}
	if _, port, err := net.SplitHostPort(found[3]); err == nil {
		return "http://127.0.0.1:" + port
	}
	return found[1] + found[2]
}

// interrupt ends the job as Ctrl-C does, after which `go run` reports 1 whatever
// its program does, and names the program's code unless it is 0.
func (r *server) interrupt(t *testing.T) {
	t.Helper()
	want := 0
	if r.byGoRun {
		want = 1
	}
	require.NoError(t, syscall.Kill(-r.command.Process.Pid, syscall.SIGINT))
	select {
	case <-r.exited:
		require.Equal(t, want, r.command.ProcessState.ExitCode(), "%s", &r.printed)
		require.NotContains(t, r.printed.String(), "\nexit status ")
	case <-time.After(endTimeout):
		require.Fail(t, "Ctrl-C does not end it", "%s", &r.printed)
	}
}

// buffer collects what a program writes.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write never fails.
func (b *buffer) Write(chunk []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(chunk)
}

// String returns what has been written so far.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
