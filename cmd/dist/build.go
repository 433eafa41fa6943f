package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

const (
	modulePath = "github.com/cambio-sts/cambio"
	// versionVariable is what the linker writes the version into.
	versionVariable = modulePath + "/internal/cli.release"
)

// built is a binary and what Go wrote into it.
type built struct {
	target  target
	path    string
	content []byte
	version string // with the v in front
	info    *debug.BuildInfo
	time    time.Time // of the commit
}

// build builds the program for one target.
func (r *release) build(ctx context.Context, t target) (*built, error) {
	b := &built{target: t, path: filepath.Join(r.scratch, t.os+"-"+t.arch, t.program()), version: "v" + r.version}
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=true", //nolint:gosec // the arguments are our own
		"-ldflags=-s -w -buildid= -X="+versionVariable+"="+b.version, "-o", b.path, "./cmd/cambio")
	command.Dir, command.Env = r.root, buildEnv(os.Environ(), t)
	if output, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, output)
	}
	var err error
	if b.content, err = os.ReadFile(b.path); err != nil {
		return nil, fmt.Errorf("read the binary: %w", err)
	}
	if b.info, err = buildinfo.Read(bytes.NewReader(b.content)); err != nil {
		return nil, fmt.Errorf("read what Go wrote into the binary: %w", err)
	}
	if b.time, err = time.Parse(time.RFC3339, setting(b.info, "vcs.time")); err != nil {
		return nil, fmt.Errorf("the binary does not say when it was committed; build in a git checkout: %w", err)
	}
	return b, nil
}

// deciding are the variables of the environment that decide what the compiler
// makes. What a person has set there has no part in a release.
var deciding = []string{"CGO_ENABLED", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOFLAGS", "GOEXPERIMENT", "GOFIPS140", "GOWORK", "GOENV"}

// buildEnv is the environment of the compiler.
func buildEnv(environment []string, t target) []string {
	kept := slices.DeleteFunc(slices.Clone(environment), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(deciding, name)
	})
	return append(kept, "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=-mod=readonly", "GOWORK=off")
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// check refuses a binary that is not of a commit, or of one with the tag of
// another version.
func (r *release) check(b *built) error {
	if setting(b.info, "vcs.modified") != "false" && !r.modified {
		return fmt.Errorf("the checkout has changes that are not committed: nobody could make this release again")
	}
	tagged, _, _ := strings.Cut(b.info.Main.Version, "+")
	if tag := !strings.Contains(tagged, "-") && strings.HasPrefix(tagged, "v"); tag && tagged != b.version {
		return fmt.Errorf("the commit has the tag %s, and VERSION says %s", tagged, r.version)
	}
	return nil
}
