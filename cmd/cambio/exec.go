package main

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// execute runs a command with variables added to its environment. It does not get the
// token: what it gets is short-lived.
func execute(ctx context.Context, argv, variables []string) error {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return name == "CAMBIO_TOKEN" || slices.ContainsFunc(variables, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	})
	return become(ctx, path, argv, append(env, variables...))
}
