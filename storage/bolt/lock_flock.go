//go:build unix && !solaris && !illumos && !aix && !android

package bolt

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const lockRetry = 25 * time.Millisecond

// lockFile takes the lock that bbolt takes on this handle once more afterwards:
// what is checked in between, nobody else is writing. It waits up to timeout.
func lockFile(file *os.File, timeout time.Duration) error {
	for waited := time.Duration(0); ; waited += lockRetry {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("flock: %w", err)
		}
		if waited >= timeout {
			return fmt.Errorf("flock: %w", err)
		}
		time.Sleep(lockRetry)
	}
}
