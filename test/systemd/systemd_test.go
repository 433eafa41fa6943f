package systemd

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const (
	folder = "../../deploy/systemd"
	soon   = 20 * time.Second
	// exposure is the most that the unit may expose, in tenths; 100 is all.
	exposure = "20"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	require.NoError(t, err)
	return string(text)
}

// values are those of all lines that set a key of the unit.
func values(t *testing.T, key string) []string {
	t.Helper()
	var found []string
	for _, line := range regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(read(t, "cambio.service"), -1) {
		found = append(found, line[1])
	}
	return found
}

func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	require.NoError(t, err, "%s %v\n%s", program, args, text)
	return string(text)
}

func TestExposure(t *testing.T) {
	analyze := testenv.Need(t, "systemd-analyze")
	unit := filepath.Join(folder, "cambio.service")
	output(t, analyze, "security", "--no-pager", "--offline=yes", "--threshold="+exposure, unit)

	bare := filepath.Join(t.TempDir(), "cambio.service")
	require.NoError(t, os.WriteFile(bare, []byte(regexp.MustCompile(`(?m)^(Capability|Protect|SystemCall).*$`).ReplaceAllString(read(t, "cambio.service"), "")), 0o600))
	require.Error(t, exec.CommandContext(t.Context(), analyze, "security", "--no-pager", "--offline=yes", "--threshold="+exposure, bare).Run(), "the bound tells")
}

// systemd warns of keys that it does not know, and goes on.
func TestUnitIsUnderstood(t *testing.T) {
	analyze := testenv.Need(t, "systemd-analyze")
	text := strings.ReplaceAll(read(t, "cambio.service"), "/usr/local/bin/cambio", testenv.Binary(t))
	unit := filepath.Join(t.TempDir(), "cambio.service")
	require.NoError(t, os.WriteFile(unit, []byte(text), 0o600))
	require.Empty(t, output(t, analyze, "verify", "--man=no", unit))
}

func TestUserAndFolders(t *testing.T) {
	users, files := testenv.Need(t, "systemd-sysusers"), testenv.Need(t, "systemd-tmpfiles")
	root := t.TempDir()
	config, err := filepath.Abs(filepath.Join(folder, "cambio.sysusers")) // a relative path is looked for below /usr
	require.NoError(t, err)
	printed := output(t, users, "--dry-run", config)
	require.Equal(t, []string{"cambio"}, values(t, "User"))
	require.Regexp(t, `Creating user '?cambio`, printed)

	for path, mode := range map[string]string{"d /etc/cambio": "0750", "z /etc/cambio/master.key": "0600", "d /var/lib/cambio": "0700"} {
		require.Contains(t, read(t, "cambio.tmpfiles"), "\n"+path+" "+mode+" ")
	}
	if os.Getuid() == 0 { // it gives files to root
		text := strings.ReplaceAll(read(t, "cambio.tmpfiles"), " cambio", " root")
		file := filepath.Join(root, "cambio.conf")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		output(t, files, "--create", "--root="+root, file)
		info, err := os.Stat(filepath.Join(root, "var/lib/cambio"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	}
}

// installed is the configuration on this machine: with other paths and ports.
type installed struct{ config, credentials, addr string }

func install(t *testing.T) installed {
	t.Helper()
	etc, state, credentials := t.TempDir(), t.TempDir(), t.TempDir()
	i := installed{config: filepath.Join(etc, "cambio.yaml"), credentials: credentials, addr: "127.0.0.1:" + strconv.Itoa(testenv.FreePort(t))}
	text := read(t, "cambio.yaml")
	for from, to := range map[string]string{
		"127.0.0.1:8080": i.addr, "127.0.0.1:9090": "127.0.0.1:0", "/etc/cambio": etc, "/var/lib/cambio": state, "https://sts.example.com": "http://" + i.addr,
	} {
		require.Contains(t, text, from)
		text = strings.ReplaceAll(text, from, to)
	}
	require.NoError(t, os.WriteFile(i.config, []byte(text), 0o600))
	run(t, "init", "--config", i.config)
	run(t, "bootstrap", "--config", i.config, "--who", "everyone")

	// What LoadCredential does: the key is gone for the server, but for its copy.
	require.Equal(t, []string{"master.key:/etc/cambio/master.key"}, values(t, "LoadCredential"))
	key, err := os.ReadFile(filepath.Join(etc, "master.key"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(etc, "master.key")))
	require.NoError(t, os.WriteFile(filepath.Join(credentials, "master.key"), key, 0o400))
	return i
}

func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "CAMBIO_") })
}

func run(t *testing.T, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), testenv.Binary(t), args...)
	command.Env = environment()
	text, err := command.CombinedOutput()
	require.NoError(t, err, "cambio %v\n%s", args, text)
}

// command is ExecStart with the paths of this machine.
func (i installed) command(t *testing.T) []string {
	t.Helper()
	start := values(t, "ExecStart")
	require.Len(t, start, 1)
	words := strings.Fields(start[0])
	require.Equal(t, "/usr/local/bin/cambio", words[0])
	for n, word := range words {
		words[n] = strings.ReplaceAll(strings.ReplaceAll(word, "/etc/cambio/cambio.yaml", i.config), "%d", i.credentials)
	}
	return words[1:]
}

func (i installed) ready(t *testing.T) {
	t.Helper()
	client := &http.Client{Timeout: soon}
	t.Cleanup(client.CloseIdleConnections)
	testenv.Wait(t, soon, func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+i.addr+"/readyz", http.NoBody)
		require.NoError(t, err)
		response, err := client.Do(request)
		return err == nil && response.Body.Close() == nil && response.StatusCode == http.StatusOK
	})
}

func TestCommandRuns(t *testing.T) {
	i := install(t)
	process := testenv.Start(t, nil, testenv.Binary(t), i.command(t)...)
	i.ready(t)
	process.Stop()
}

var call = regexp.MustCompile(`(?m)^(?:\[?[a-z]* *[0-9]+\]? +)?([a-z][a-z0-9_]+)\(`)

// The filter of the unit lets through what the server asks of the kernel from its
// start to its end.
func TestSystemCalls(t *testing.T) {
	strace, analyze := testenv.Need(t, "strace"), testenv.Need(t, "systemd-analyze")
	i := install(t)
	trace := filepath.Join(t.TempDir(), "trace")
	binary := filepath.Join(t.TempDir(), "cambio")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", binary, "../../cmd/cambio") // the race detector asks for more
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	text, err := build.CombinedOutput()
	require.NoError(t, err, "%s", text)
	process := testenv.Start(t, nil, strace, append([]string{"-D", "-f", "-q", "-o", trace, binary}, i.command(t)...)...)
	i.ready(t)
	process.Stop()

	allowed := map[string]bool{}
	for _, value := range values(t, "SystemCallFilter") {
		names, denied := strings.CutPrefix(value, "~")
		for name := range strings.FieldsSeq(names) {
			for _, member := range members(t, analyze, name) {
				allowed[member] = !denied
			}
		}
	}
	// The runtime raises the limit of open files, and goes on where it may not.
	const raisesLimits = "prlimit64"
	var traced []byte
	testenv.Wait(t, soon, func() bool { // the tracer, which is no child of this test, is at its end
		traced, err = os.ReadFile(trace)
		return err == nil && exited(traced, process.PID())
	})
	seen := map[string]bool{}
	for _, found := range call.FindAllStringSubmatch(string(traced), -1) {
		seen[found[1]] = true
		require.True(t, allowed[found[1]] || found[1] == raisesLimits, "the filter of the unit refuses %s", found[1])
	}
	require.True(t, seen["fdatasync"] && seen["accept4"] && seen["execve"], "it was traced")
}

// exited says whether a trace has the end of a process. Numbers of less than five
// digits are padded to five.
func exited(trace []byte, pid int) bool {
	return regexp.MustCompile(`(?m)^` + strconv.Itoa(pid) + ` +\+\+\+ exited`).Match(trace)
}

func TestExited(t *testing.T) {
	require.True(t, exited([]byte("2841  exit_group(0) = ?\n2841  +++ exited with 0 +++\n"), 2841))
	require.True(t, exited([]byte("32841 exit_group(0) = ?\n32841 +++ exited with 0 +++\n"), 32841))
	require.False(t, exited([]byte("32841 +++ exited with 0 +++\n2841  exit_group(0) = ?\n"), 2841))
}

// members are the system calls of a set, and of those in it.
func members(t *testing.T, analyze, set string) []string {
	t.Helper()
	var found []string
	for line := range strings.Lines(output(t, analyze, "syscall-filter", "--no-pager", set)) {
		name := strings.TrimSpace(line)
		switch {
		case name == "" || name == set || strings.HasPrefix(name, "#"):
		case strings.HasPrefix(name, "@"):
			found = append(found, members(t, analyze, name)...)
		default:
			found = append(found, name)
		}
	}
	return found
}
