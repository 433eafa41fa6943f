package testenv_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

func TestNeed(t *testing.T) {
	require.FileExists(t, testenv.Need(t, "sh"))

	for ci, want := range map[string]string{"true": "failed", "": "skipped"} {
		t.Setenv("CI", ci)
		seen := &verdict{TB: t}
		within(func() { testenv.Need(seen, "no-such-program") })
		require.Equal(t, want, seen.is, "CI=%q", ci)
	}
}

func TestFreePort(t *testing.T) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(t)))
	require.NoError(t, err)
	require.NoError(t, listener.Close())

	given := map[int]bool{}
	for range 1_000 { // of 12,000: without the mark, some come twice
		port := testenv.FreePort(t)
		require.False(t, given[port], "%d is given twice", port)
		given[port] = true
	}
}

func TestWait(t *testing.T) {
	looks := 0
	testenv.Wait(t, soon, func() bool { looks++; return looks == 3 })
	require.Equal(t, 3, looks)

	seen := &verdict{TB: t}
	within(func() { testenv.Wait(seen, time.Millisecond, func() bool { return false }) })
	require.Equal(t, "failed", seen.is)
}

// The line that scripts rely on, with its members in the order of the contract.
const devLine = `{"issuer":"http://127.0.0.1:1","addr":"http://127.0.0.1:1","tlsAddr":"https://127.0.0.1:2","caFile":%q,` +
	`"dataDir":"d","adminAddr":"127.0.0.1:3","audience":"https://demo","apiAudience":"http://127.0.0.1:1/api/v1","consoleUrl":"http://127.0.0.1:1/console/link?token=t",` +
	`"users":{"alice":{"id":"a","pat":{"id":"i","secret":"s","token":"t"}},"bob":{"id":"b","pat":{"id":"","secret":"","token":""}},` +
	`"admin":{"id":"c","pat":{"id":"","secret":"","token":""}}}}`

// standIn makes a script take the place of the binary.
func standIn(t *testing.T, script string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cambio")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700))
	t.Setenv("CAMBIO_BINARY", path)
}

// devScript prints the line, then its arguments to standard error, and waits
// for SIGTERM.
func devScript(line string) string {
	return "trap 'exit 0' TERM\necho '" + line + "'\necho \"$@\" >&2\nenv | grep ^CAMBIO_ >&2\nwhile :; do sleep 0.01; done\n"
}

func TestDev(t *testing.T) {
	standIn(t, devScript(fmt.Sprintf(devLine, "")))
	server := testenv.Dev(t, "--data-dir", "here")
	require.Equal(t, "https://demo", server.Info.Audience)
	require.Equal(t, "http://127.0.0.1:1/console/link?token=t", server.Info.ConsoleURL)
	require.Equal(t, testenv.DevUser{ID: "a", PAT: testenv.DevPAT{ID: "i", Secret: "s", Token: "t"}}, server.Info.Users.Alice)
	started := "dev --json --addr 127.0.0.1:0 --tls-addr 127.0.0.1:0 --admin-addr 127.0.0.1:0 --data-dir here\n"
	testenv.Wait(t, soon, func() bool { return server.Stderr() == started })

	server.Restart()
	restarted := "dev --json --addr 127.0.0.1:1 --tls-addr 127.0.0.1:2 --admin-addr 127.0.0.1:3 --data-dir here\n"
	testenv.Wait(t, soon, func() bool { return server.Stderr() == restarted })
	server.Stop()
	require.Zero(t, server.ExitCode())
}

func TestDevRefuses(t *testing.T) {
	line := fmt.Sprintf(devLine, "")
	for name, script := range map[string]string{
		"an unknown member":     devScript(strings.Replace(line, `"issuer"`, `"more":1,"issuer"`, 1)),
		"what is not JSON":      devScript("ready"),
		"a program that ends":   "exit 1",
		"more than one line":    devScript(line + "\nmore"),
		"a report of a race":    "echo 'WARNING: DATA RACE' >&2\n" + devScript(line),
		"a panic of the server": "echo 'panic: lost' >&2\n" + devScript(line),
	} {
		t.Run(name, func(t *testing.T) {
			standIn(t, script)
			seen := &verdict{TB: t}
			within(func() {
				server := testenv.Dev(seen)
				testenv.Wait(seen, soon, func() bool { return strings.Contains(server.Stderr(), "dev --json") })
			})
			seen.cleanup()
			require.Equal(t, "failed", seen.is)
		})
	}
}

func TestStopReportsAFailedExit(t *testing.T) {
	standIn(t, strings.Replace(devScript(fmt.Sprintf(devLine, "")), "exit 0", "exit 3", 1))
	seen := &verdict{TB: t}
	within(func() { testenv.Dev(seen).Stop() })
	require.Equal(t, "failed", seen.is)
	seen.cleanup()
}

func TestClientTrustsTheCA(t *testing.T) {
	server, caFile := tlsServer(t)
	standIn(t, devScript(fmt.Sprintf(devLine, caFile)))
	answer, err := testenv.Dev(t).Client().Get(server)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, 302, answer.StatusCode, "redirects are not followed")
}

func TestServe(t *testing.T) {
	server, caFile := tlsServer(t)
	standIn(t, devScript(""))
	running := testenv.Serve(t, testenv.ServeOptions{
		Config: "issuer: x\n", URL: server, CAFile: caFile, Args: []string{"--more"}, Env: []string{"CAMBIO_KEYS_ALG=ES384"},
	})
	written, err := os.ReadFile(running.ConfigFile)
	require.NoError(t, err)
	require.Equal(t, "issuer: x\n", string(written))
	want := "serve --config " + running.ConfigFile + " --more\nCAMBIO_KEYS_ALG=ES384\n"
	testenv.Wait(t, soon, func() bool { return running.Stderr() == want })

	running.Restart()
	testenv.Wait(t, soon, func() bool { return running.Stderr() == want })
	running.Signal(syscall.SIGKILL)
	require.Equal(t, -1, running.ExitCode())
}
