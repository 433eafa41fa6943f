package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const modulePath = "github.com/cambio-sts/cambio"

// Binary returns the path of the product's binary. The environment variable
// CAMBIO_BINARY names a prebuilt one; else ./cmd/cambio is built once per test
// process, with the race detector if the test has it, into a folder that is
// removed when the process ends.
func Binary(tb testing.TB) string {
	tb.Helper()
	if prebuilt := os.Getenv("CAMBIO_BINARY"); prebuilt != "" {
		return prebuilt
	}
	built := buildOnce()
	if built.err != nil {
		tb.Fatalf("build the binary: %v", built.err)
	}
	return filepath.Join(built.dir, "cambio")
}

// build is the outcome of building the binary. It is kept, and so is the folder.
type build struct {
	scratch
	err error
}

var buildOnce = sync.OnceValue(func() build {
	made, err := newScratch()
	if err == nil {
		err = buildInto(made.dir)
	}
	return build{scratch: made, err: err}
})

func buildInto(dir string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	args := []string{"build", "-o", dir}
	if raceEnabled {
		args = append(args, "-race")
	}
	// Not the context of a test: every test of the process uses the outcome.
	command := exec.CommandContext(context.Background(), "go", append(args, "./cmd/cambio")...) //nolint:gosec // the arguments are our own
	command.Dir = root
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, output)
	}
	return nil
}

// moduleRoot returns the folder of the product's go.mod, also from a nested
// module.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module's root: %w", err)
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod")) //nolint:gosec // above the working folder
		if err == nil && strings.HasPrefix(string(mod), "module "+modulePath+"\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find the module's root: no go.mod of " + modulePath)
		}
		dir = filepath.Dir(dir)
	}
}

// scratch is a folder that outlives every test and no longer than this process,
// however it ends: a shell in a session of its own removes it at the end of its
// input, which comes when nobody holds the other side any more.
type scratch struct {
	dir  string
	hold io.Closer // must stay reachable, or the collector closes it
}

func newScratch() (scratch, error) {
	dir, err := os.MkdirTemp("", "cambio-test-")
	if err != nil {
		return scratch{}, fmt.Errorf("make a scratch folder: %w", err)
	}
	remover := exec.CommandContext(context.Background(), "sh", "-c", `cat; rm -rf -- "$1"`, "sh", dir) //nolint:gosec // the folder's name is our own
	remover.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	hold, err := remover.StdinPipe()
	if err != nil {
		return scratch{}, fmt.Errorf("watch the scratch folder: %w", err)
	}
	if err := remover.Start(); err != nil {
		return scratch{}, fmt.Errorf("watch the scratch folder: %w", err)
	}
	return scratch{dir: dir, hold: hold}, nil
}
