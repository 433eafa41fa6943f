package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestClient runs the commands against a server of their own, as the people do
// who administer one. `keep NAME` makes a variable of the one line printed last;
// `await PATTERN COMMAND…` repeats a command until it prints what it is about: the
// trail reaches its files a moment later.
func TestClient(t *testing.T) {
	scripts, err := filepath.Glob("testdata/client/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, scripts)
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			server := testenv.Dev(t, "--data-dir", t.TempDir())
			testscript.Run(t, testscript.Params{
				Files: []string{script},
				Cmds:  map[string]func(*testscript.TestScript, bool, []string){"keep": keep, "await": await},
				Setup: func(env *testscript.Env) error {
					env.Setenv("HOME", env.WorkDir)
					env.Setenv("SERVER", server.Info.Addr)
					env.Setenv("TLS_SERVER", server.Info.TLSAddr)
					env.Setenv("CAMBIO_CA_FILE", server.Info.CAFile)
					env.Setenv("CAMBIO_SERVER", server.Info.Addr)
					env.Setenv("CAMBIO_TOKEN", server.Info.Users.Admin.PAT.Token)
					env.Setenv("ALICE", server.Info.Users.Alice.ID)
					return os.WriteFile(filepath.Join(env.WorkDir, "alice.token"), []byte(server.Info.Users.Alice.PAT.Token+"\n"), 0o600)
				},
			})
		})
	}
}

func keep(script *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		script.Fatalf("usage: keep NAME")
	}
	line := strings.TrimSpace(script.ReadFile("stdout"))
	if line == "" || strings.Contains(line, "\n") {
		script.Fatalf("not one line: %q", line)
	}
	script.Setenv(args[0], line)
}

// awaitTimeout bounds what await repeats.
const awaitTimeout = 10 * time.Second

func await(script *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		script.Fatalf("usage: await PATTERN COMMAND…")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	script.Check(err)
	for deadline := time.Now().Add(awaitTimeout); ; time.Sleep(awaitTimeout / 100) {
		err := script.Exec(args[1], args[2:]...)
		if err == nil && pattern.MatchString(script.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			script.Fatalf("%s is not printed (%v)", args[0], err)
		}
	}
}
