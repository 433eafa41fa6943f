package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository, seen from this folder.
const root = "../.."

var update = flag.Bool("update", false, "write licenses.txt")

// linked are the modules of the program on any platform of a release.
func linked(t *testing.T) []module {
	t.Helper()
	var found []module
	for _, target := range targets {
		command := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", "./cmd/cambio")
		command.Dir, command.Env = root, buildEnv(os.Environ(), target)
		listed, err := command.Output()
		require.NoError(t, err)
		for path := range strings.FieldsSeq(string(listed)) {
			m := module{path: path}
			if !slices.ContainsFunc(found, func(other module) bool { return other.path == path }) {
				found = append(found, m)
			}
		}
	}
	return found
}

// licenses.txt is what somebody has looked at: a module that comes, or changes its
// license, changes the file.
func TestLicensesAreReviewed(t *testing.T) {
	r := release{root: root}
	modules, err := r.licensed(t.Context(), linked(t))
	require.NoError(t, err)
	var text strings.Builder
	text.WriteString("# What a binary has of others, on any platform, and its license. go generate ./cmd/dist writes it.\n")
	for _, m := range modules {
		fmt.Fprintf(&text, "%s %s\n", m.path, m.license)
	}
	file := filepath.Join(root, "licenses.txt")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o644))
	}
	committed, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(committed), text.String(), "look at the licenses, then run go generate ./cmd/dist")
}

func TestClassify(t *testing.T) {
	mit := "Permission is hereby granted, free of charge, to any person obtaining a copy\nof this software and associated documentation files (the \"Software\")"
	bsd2 := "Redistribution and use in source and binary forms, with or without\n// modification, are permitted provided that"
	for name, tc := range map[string]struct{ text, want string }{
		"MIT":                   {mit, "MIT"},
		"BSD, two clauses":      {bsd2, "BSD-2-Clause"},
		"BSD, three clauses":    {bsd2 + " … may be used to\n endorse or promote products derived from", "BSD-3-Clause"},
		"two in one file":       {mit + "\n\nApache License\nVersion 2.0, January 2004", "Apache-2.0 AND MIT"},
		"none":                  {"All rights reserved.", ""},
		"copyleft":              {"GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007", ""},
		"copyleft of a network": {"GNU AFFERO GENERAL PUBLIC LICENSE\n Version 3, 19 November 2007", ""},
		"one that was narrowed": {mit + "\n\"Commons Clause\" License Condition v1.0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			license, err := classify(tc.text)
			require.Equal(t, tc.want, license)
			require.Equal(t, tc.want == "", err != nil)
		})
	}
}

func TestModuleWithoutALicense(t *testing.T) {
	dir := t.TempDir()
	_, err := readModule(module{path: "example.com/m"}, dir)
	require.EqualError(t, err, "example.com/m has no license")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "NOTICE"), []byte("made by us"), 0o600))
	_, err = readModule(module{path: "example.com/m"}, dir)
	require.EqualError(t, err, "example.com/m has no license")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "LICENCE.md"), []byte("do what you like"), 0o600))
	_, err = readModule(module{path: "example.com/m"}, dir)
	require.EqualError(t, err, "license LICENCE.md of example.com/m: it is none that is known")
}
