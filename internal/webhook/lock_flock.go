//go:build unix && !solaris && !illumos && !aix && !android

package webhook

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock takes the lock at path if no other process has it; nil if one has. Who closes
// the file, or ends, lets go of it.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // a name of our own in the audit folder
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		return nil, f.Close()
	default:
		return nil, errors.Join(fmt.Errorf("flock: %w", err), f.Close())
	}
}
