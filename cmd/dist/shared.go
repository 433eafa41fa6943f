package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

// shells are those that complete commands, with the file each looks for.
var shells = []struct{ name, file string }{
	{"bash", "cambio.bash"},
	{"fish", "cambio.fish"},
	{"powershell", "cambio.ps1"},
	{"zsh", "_cambio"},
}

// unit is what systemd needs; it lies in the repository where it is tested.
const unitDir = "deploy/systemd"

// shared are the files that are alike in all archives. What the program writes, that
// of this machine's platform does.
func (r *release) shared(ctx context.Context, native *built) ([]entry, error) {
	var entries []entry
	for _, name := range []string{"LICENSE", "README.md", "SECURITY.md"} {
		if err := add(&entries, name, filepath.Join(r.root, name)); err != nil {
			return nil, err
		}
	}
	for _, shell := range shells {
		text, err := output(ctx, native.path, "completion", shell.name)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{name: "completions/" + shell.file, mode: 0o644, content: text})
	}
	pages := filepath.Join(r.scratch, "man1")
	if err := os.Mkdir(pages, 0o755); err != nil { //nolint:gosec // nothing in it is secret
		return nil, fmt.Errorf("make a folder for the manual: %w", err)
	}
	if _, err := output(ctx, native.path, "man", pages); err != nil {
		return nil, err
	}
	for from, to := range map[string]string{pages: "man/man1", filepath.Join(r.root, unitDir): "systemd"} {
		if err := addAll(&entries, to, from); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// output runs the program without an environment and returns what it prints.
func output(ctx context.Context, program string, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, program, args...) //nolint:gosec // what was just built
	command.Env = []string{}
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("cambio %s: %w", args[0], err)
	}
	return text, nil
}

func add(entries *[]entry, name, file string) error {
	content, err := os.ReadFile(file) //nolint:gosec // of the checkout, or just written
	if err != nil {
		return fmt.Errorf("read what goes into the archive: %w", err)
	}
	*entries = append(*entries, entry{name: name, mode: 0o644, content: content})
	return nil
}

// addAll adds the files of a folder, in the order of their names.
func addAll(entries *[]entry, to, from string) error {
	files, err := os.ReadDir(from)
	if err != nil {
		return fmt.Errorf("read what goes into the archive: %w", err)
	}
	for _, file := range files {
		if err := add(entries, path.Join(to, file.Name()), filepath.Join(from, file.Name())); err != nil {
			return err
		}
	}
	return nil
}
