//go:build !unix

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
)

// become runs the command and ends with its exit code.
func become(ctx context.Context, path string, argv, env []string) error {
	command := exec.CommandContext(ctx, path, argv[1:]...)
	command.Env, command.Stdin, command.Stdout, command.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	err := command.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(ended.ExitCode())
	}
	if err == nil {
		os.Exit(0)
	}
	return err
}
