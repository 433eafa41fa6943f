package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// targets are the platforms of a release.
var targets = []target{
	{"darwin", "amd64"},
	{"darwin", "arm64"},
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"windows", "amd64"},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("dist", flag.ContinueOnError)
	root := flags.String("root", ".", "folder of the checkout")
	out := flags.String("out", "dist", "folder to write to; what a former run left there is removed")
	only := flags.String("targets", "", "platforms such as linux/amd64, separated by commas (default: all)")
	modified := flags.Bool("modified", false, "build what is not committed, too")
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted, err := parseTargets(*only)
	if err != nil {
		return err
	}
	r := release{root: *root, out: *out, modified: *modified}
	return r.make(ctx, wanted)
}

// target is a platform, as GOOS and GOARCH name it.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

// program is the file name of the binary.
func (t target) program() string {
	if t.os == "windows" {
		return "cambio.exe"
	}
	return "cambio"
}

// parseTargets reads a list of targets; an empty one is all.
func parseTargets(list string) ([]target, error) {
	if list == "" {
		return targets, nil
	}
	var found []target
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(targets, func(t target) bool { return t.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("no such target: %q; there are %v", name, targets)
		}
		found = append(found, targets[i])
	}
	return found, nil
}

// release is one run.
type release struct {
	root, out string
	modified  bool

	version string // as VERSION has it
	scratch string
}

func (r *release) make(ctx context.Context, wanted []target) error {
	text, err := os.ReadFile(filepath.Join(r.root, "VERSION"))
	if err != nil {
		return fmt.Errorf("read the version: %w", err)
	}
	r.version = strings.TrimSpace(string(text))
	if r.scratch, err = os.MkdirTemp("", "cambio-dist-"); err != nil {
		return fmt.Errorf("make a scratch folder: %w", err)
	}
	return errors.Join(r.fill(ctx, wanted), os.RemoveAll(r.scratch))
}

// fill writes all files of the release.
func (r *release) fill(ctx context.Context, wanted []target) error {
	native, err := r.build(ctx, target{runtime.GOOS, runtime.GOARCH})
	if err != nil {
		return err
	}
	if err := r.check(native); err != nil {
		return err
	}
	shared, err := r.shared(ctx, native)
	if err != nil {
		return err
	}
	if err := r.clear(); err != nil {
		return err
	}
	for _, t := range wanted {
		if err := r.pack(ctx, t, shared); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
	}
	return writeSums(r.out)
}

// clear makes the folder to write to, and removes what a former run left there.
func (r *release) clear() error {
	if err := os.MkdirAll(r.out, 0o755); err != nil { //nolint:gosec // a release is for everybody
		return fmt.Errorf("make the folder: %w", err)
	}
	for _, pattern := range []string{"cambio_*", sumsFile} {
		left, err := filepath.Glob(filepath.Join(r.out, pattern))
		if err != nil {
			return fmt.Errorf("look for a former release: %w", err)
		}
		for _, file := range left {
			if err := os.Remove(file); err != nil {
				return fmt.Errorf("remove a former release: %w", err)
			}
		}
	}
	return nil
}

// pack builds for one target, and writes its archive and bill of materials.
func (r *release) pack(ctx context.Context, t target, shared []entry) error {
	b, err := r.build(ctx, t)
	if err != nil {
		return err
	}
	if err := r.check(b); err != nil {
		return err
	}
	modules, err := r.modules(ctx, b.info)
	if err != nil {
		return err
	}
	bill, err := billOfMaterials(b, modules)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("cambio_%s_%s_%s", r.version, t.os, t.arch)
	if err := os.WriteFile(filepath.Join(r.out, name+".cdx.json"), bill, 0o644); err != nil { //nolint:gosec // a release is for everybody
		return fmt.Errorf("write the bill of materials: %w", err)
	}
	entries := append(slices.Clone(shared),
		entry{name: t.program(), mode: 0o755, content: b.content},
		entry{name: "THIRD_PARTY_LICENSES.txt", mode: 0o644, content: licenseTexts(modules)})
	return writeArchive(r.out, name, t.os == "windows", b.time, entries)
}
