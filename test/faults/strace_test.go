//go:build linux

package faults

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestSyncedBeforeAnswered (A101) watches the system calls of a server on a bolt
// file: what a create and a revoke wrote has been synced, and the page that makes
// it valid too, before the answer is written.
func TestSyncedBeforeAnswered(t *testing.T) {
	dir := t.TempDir()
	server := testenv.Dev(t, "--data-dir", dir)
	d, bob := devDoor(server), server.Info.Users.Bob.PAT.Token

	tracer := trace(t, server.PID())
	token := d.create(t, bob, "traced")
	requireSynced(t, tracer(), filepath.Join(dir, "cambio.db"), token.ID)

	tracer = trace(t, server.PID())
	got := d.json(t, http.MethodPost, pathTokens+"/"+token.ID+"/revoke", bob, "")
	require.Equal(t, http.StatusOK, got.status, got.body)
	requireSynced(t, tracer(), filepath.Join(dir, "cambio.db"), token.ID)
}

// TestTraceInterrupted says the same of a trace in which other threads interrupt
// each call.
func TestTraceInterrupted(t *testing.T) {
	const file, token = "/data/cambio.db", "6a1f"
	page := strconv.Itoa(os.Getpagesize())
	requireSynced(t, parseTrace(strings.Join([]string{
		`7 pwrite64(5<` + file + `>, "..6a1f..", ` + page + `, 40960 <unfinished ...>`,
		`8 write(2</dev/null>, "{}", 2) = 2`,
		`7 <... pwrite64 resumed>) = ` + page,
		`7 fdatasync(5<` + file + `> <unfinished ...>`,
		`7 <... fdatasync resumed>) = 0`,
		`7 pwrite64(5<` + file + `>, "\1\0", ` + page + `, ` + page + ` <unfinished ...>`,
		`9 write(2</dev/null>, "{}", 2) = 2`,
		`7 <... pwrite64 resumed>) = ` + page,
		`7 fdatasync(5<` + file + `> <unfinished ...>`,
		`9 write(2</dev/null>, "{}", 2 <unfinished ...>`,
		`7 <... fdatasync resumed>) = 0`,
		`9 <... write resumed>) = 2`,
		`9 write(8<socket:[1]>, "HTTP/1.1 200 OK\r\n\r\n{\"id\":\"6a1f\"}", 38 <unfinished ...>`,
	}, "\n")), file, token)
}

// trace attaches strace to a process. The result ends it and returns what it saw.
func trace(t *testing.T, pid int) (end func() []syscallLine) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "trace")
	var complaint strings.Builder
	command := exec.CommandContext(t.Context(), testenv.Need(t, "strace"), "-f", "-y", "-s", "65536", "-o", out,
		"-e", "trace=fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg", "-p", strconv.Itoa(pid))
	reading, writing, err := os.Pipe()
	require.NoError(t, err)
	command.Stderr = writing
	require.NoError(t, command.Start())
	require.NoError(t, writing.Close())
	attached := make([]byte, 4096)
	n, err := reading.Read(attached)
	complaint.Write(attached[:n])
	require.NoError(t, err)
	if strings.Contains(complaint.String(), "Operation not permitted") {
		_ = command.Wait()
		testenv.Lack(t, "this system lets nobody trace: "+complaint.String())
	}
	require.Contains(t, complaint.String(), "attached")
	return func() []syscallLine {
		t.Helper()
		require.NoError(t, command.Process.Signal(syscall.SIGINT))
		_ = command.Wait() // it ends by the signal
		require.NoError(t, reading.Close())
		text, err := os.ReadFile(out)
		require.NoError(t, err)
		return parseTrace(string(text))
	}
}

// syscallLine is a system call; its place in the slice is when it began, done
// is the place of its end.
type syscallLine struct {
	name, args string
	done       int
	ok         bool
}

var (
	traced  = regexp.MustCompile(`^(\d+) +(\w+)\((.*)$`)
	resumed = regexp.MustCompile(`^(\d+) +<\.\.\. \w+ resumed>(.*)$`)
	// A meta page is the first or the second of the file. What follows its place is
	// the end of the call, or that another thread interrupted it.
	metaPage = regexp.MustCompile(fmt.Sprintf(`", %[1]d, (0|%[1]d)( <|\))`, os.Getpagesize()))
)

// parseTrace puts calls that others interrupted together again.
func parseTrace(text string) []syscallLine {
	var calls []syscallLine
	open := map[string]int{} // by thread
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		at := len(calls)
		switch begun, rest := traced.FindStringSubmatch(line), resumed.FindStringSubmatch(line); {
		case begun != nil:
			call := syscallLine{name: begun[2], args: begun[3], done: at}
			if strings.HasSuffix(line, "<unfinished ...>") {
				open[begun[1]] = at
			} else {
				call.ok = !strings.Contains(begun[3], ") = -1")
			}
			calls = append(calls, call)
		case rest != nil:
			if i, found := open[rest[1]]; found {
				calls[i].done, calls[i].ok = at, !strings.Contains(rest[2], "= -1")
				delete(open, rest[1])
				calls = append(calls, syscallLine{}) // keeps the order of ends
			}
		}
	}
	return calls
}

// requireSynced finds the write of a page with the token, the sync after it, the
// write of a meta page after that, its sync, and only then the answer.
func requireSynced(t *testing.T, calls []syscallLine, file, token string) {
	t.Helper()
	after := func(from int, what string, is func(call *syscallLine) bool) int {
		for i := from; i < len(calls); i++ {
			if is(&calls[i]) {
				return calls[i].done
			}
		}
		require.Fail(t, "not traced: "+what)
		return 0
	}
	onFile := func(call *syscallLine) bool { return strings.Contains(call.args, "<"+file+">") && call.ok }
	sync := func(call *syscallLine) bool { return strings.HasSuffix(call.name, "sync") && onFile(call) }
	meta := func(call *syscallLine) bool {
		return call.name == "pwrite64" && onFile(call) && metaPage.MatchString(call.args)
	}
	data := after(0, "write of the data", func(call *syscallLine) bool {
		return call.name == "pwrite64" && onFile(call) && strings.Contains(call.args, token)
	})
	synced := after(data+1, "sync of the data", sync)
	valid := after(synced+1, "write of the meta page", meta)
	durable := after(valid+1, "sync of the meta page", sync)
	answered := -1
	for i := range calls {
		if strings.Contains(calls[i].args, "HTTP/1.1 200 OK") && strings.Contains(calls[i].args, token) {
			answered = i
			break
		}
	}
	require.Greater(t, answered, durable, "answered before it was durable")
}
