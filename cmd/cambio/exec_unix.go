//go:build unix

package main

import (
	"context"
	"syscall"
)

// become replaces this process, so that signals and the exit code are the command's own.
func become(_ context.Context, path string, argv, env []string) error {
	return syscall.Exec(path, argv, env) //nolint:gosec // whoever runs cambio names the command
}
