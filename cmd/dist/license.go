package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// module is code of others in a binary.
type module struct {
	path, version, sum string
	license            string // SPDX expression
	texts              []string
}

// standardLibrary is how package URLs name what comes with Go.
const standardLibrary = "std"

// embedded is code of others that is in the binary as a file, with its license
// beside it.
var embedded = []struct{ name, license string }{
	{"htmx.org", "console/ui/static/htmx.LICENSE"},
}

// fingerprints tell a license by a sentence that only it has, as plain prints it.
var fingerprints = []struct{ license, text string }{
	{"0BSD", "permission to use copy modify and or distribute this software for any purpose with or without fee is hereby granted the software is provided"},
	{"Apache-2.0", "apache license version 2 0 january 2004"},
	{"Apache-2.0", "licensed under the apache license version 2 0 the license"},
	{"BSD-2-Clause", "redistribution and use in source and binary forms with or without modification are permitted"},
	{"BSD-3-Clause", "may be used to endorse or promote products derived from"},
	{"ISC", "distribute this software for any purpose with or without fee is hereby granted provided that the above copyright notice"},
	{"MIT", "permission is hereby granted free of charge to any person obtaining a copy of this software and associated documentation files"},
	{"MPL-2.0", "mozilla public license version 2 0 1 definitions"},
	{"GPL", "gnu general public license version 2 june 1991"},
	{"GPL", "gnu general public license version 3 29 june 2007"},
	{"LGPL", "gnu lesser general public license version 2 1 february 1999"},
	{"LGPL", "gnu lesser general public license version 3 29 june 2007"},
	{"AGPL", "gnu affero general public license version 3 19 november 2007"},
	{"BUSL", "business source license 1 1"},
	{"Commons-Clause", "commons clause"},
	{"SSPL", "server side public license"},
}

// allowed are the licenses whose code a release may have: they ask for their text,
// and MPL-2.0 for a word on where the source is.
var allowed = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

var (
	licenseFile = regexp.MustCompile(`(?i)^(li[cs]en[cs]e|copying|unlicense)([.-].*)?$`)
	noticeFile  = regexp.MustCompile(`(?i)^(notice|patents)([.-].*)?$`)
	notWord     = regexp.MustCompile(`[^a-z0-9]+`)
)

// plain is a text without what two copies of one license differ in.
func plain(text string) string {
	return strings.TrimSpace(notWord.ReplaceAllString(strings.ToLower(text), " "))
}

// classify returns the SPDX expression of a license's text. The error is for what it
// does not know, or what is not allowed.
func classify(text string) (string, error) {
	words := plain(text)
	var found []string
	for _, f := range fingerprints {
		if strings.Contains(words, f.text) && !slices.Contains(found, f.license) {
			found = append(found, f.license)
		}
	}
	if slices.Contains(found, "BSD-3-Clause") { // the other's sentence is in it, too
		found = slices.DeleteFunc(found, func(license string) bool { return license == "BSD-2-Clause" })
	}
	if len(found) == 0 {
		return "", errors.New("it is none that is known")
	}
	for _, license := range found {
		if !slices.Contains(allowed, license) {
			return "", fmt.Errorf("%s is not allowed", license)
		}
	}
	return strings.Join(found, " AND "), nil
}

// readModule finds the licenses in a module's top folder.
func readModule(m module, dir string) (module, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return m, fmt.Errorf("look for the license of %s: %w", m.path, err)
	}
	var licenses []string
	for _, file := range files {
		isLicense := licenseFile.MatchString(file.Name())
		if !file.Type().IsRegular() || !isLicense && !noticeFile.MatchString(file.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, file.Name())) //nolint:gosec // of a module
		if err != nil {
			return m, fmt.Errorf("read the license of %s: %w", m.path, err)
		}
		m.texts = append(m.texts, string(text))
		if !isLicense {
			continue
		}
		license, err := classify(string(text))
		if err != nil {
			return m, fmt.Errorf("license %s of %s: %w", file.Name(), m.path, err)
		}
		licenses = append(licenses, license)
	}
	if len(licenses) == 0 {
		return m, fmt.Errorf("%s has no license", m.path)
	}
	slices.Sort(licenses)
	m.license = strings.Join(slices.Compact(licenses), " AND ")
	return m, nil
}

// modules are all of others that a binary consists of, in the order of their paths.
func (r *release) modules(ctx context.Context, info *debug.BuildInfo) ([]module, error) {
	var found []module
	for _, dep := range info.Deps {
		if dep.Replace != nil {
			return nil, fmt.Errorf("%s is replaced: a release is of published modules", dep.Path)
		}
		found = append(found, module{path: dep.Path, version: dep.Version, sum: dep.Sum})
	}
	return r.licensed(ctx, found)
}

// licensed finds the licenses of modules, and adds what is in every binary.
func (r *release) licensed(ctx context.Context, found []module) ([]module, error) {
	dirs, goroot, err := r.folders(ctx)
	if err != nil {
		return nil, err
	}
	var all []module
	for _, m := range append(found, module{path: standardLibrary}) {
		dir := dirs[m.path]
		if m.path == standardLibrary {
			dir = goroot
		}
		read, err := readModule(m, dir)
		if err != nil {
			return nil, err
		}
		all = append(all, read)
	}
	for _, e := range embedded {
		text, err := os.ReadFile(filepath.Join(r.root, e.license))
		if err != nil {
			return nil, fmt.Errorf("read the license of %s: %w", e.name, err)
		}
		license, err := classify(string(text))
		if err != nil {
			return nil, fmt.Errorf("license of %s: %w", e.name, err)
		}
		all = append(all, module{path: e.name, license: license, texts: []string{string(text)}})
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.path, b.path) })
	return all, nil
}

// folders returns where the modules of the build list lie, and Go itself.
func (r *release) folders(ctx context.Context) (dirs map[string]string, goroot string, err error) {
	command := exec.CommandContext(ctx, "go", "list", "-m", "-json=Path,Dir", "all")
	command.Dir = r.root
	listed, err := command.Output()
	if err != nil {
		return nil, "", fmt.Errorf("go list -m all: %w", err)
	}
	dirs = map[string]string{}
	for decoder := json.NewDecoder(bytes.NewReader(listed)); ; {
		var m struct{ Path, Dir string }
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, "", fmt.Errorf("read the list of modules: %w", err)
		}
		dirs[m.Path] = m.Dir
	}
	command = exec.CommandContext(ctx, "go", "env", "GOROOT")
	command.Dir = r.root
	root, err := command.Output()
	if err != nil {
		return nil, "", fmt.Errorf("go env GOROOT: %w", err)
	}
	return dirs, strings.TrimSpace(string(root)), nil
}

// licenseTexts is the file with all licenses that have to be handed out with a
// binary.
func licenseTexts(modules []module) []byte {
	var out bytes.Buffer
	out.WriteString("Cambio contains the work of others, under the licenses below.\n" +
		"The source of each Go module, by its path and version, is what go mod download fetches.\n")
	for _, m := range modules {
		fmt.Fprintf(&out, "\n%s\n%s\n%s\n\n", strings.Repeat("=", 80), strings.TrimSpace(m.path+" "+m.version+"  "+m.license), strings.Repeat("=", 80))
		for _, text := range m.texts {
			out.WriteString(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n") + "\n")
		}
	}
	return out.Bytes()
}
