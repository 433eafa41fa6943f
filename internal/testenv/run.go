package testenv

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// Run runs the product to its end, which must come within the timeout.
func Run(tb testing.TB, timeout time.Duration, args ...string) (code int, stdout, stderr string) {
	tb.Helper()
	var out, complaint strings.Builder
	binary := Binary(tb)
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	command := exec.CommandContext(ctx, binary, args...) //nolint:gosec // tests choose what they run
	command.Env = slices.DeleteFunc(command.Environ(), isProductVariable)
	command.Stdout, command.Stderr = &out, &complaint
	err := command.Run()
	if ctx.Err() != nil {
		tb.Fatalf("cambio %v does not end within %v", args, timeout)
	}
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		tb.Fatalf("run cambio %v: %v", args, err)
	}
	return command.ProcessState.ExitCode(), out.String(), complaint.String()
}
