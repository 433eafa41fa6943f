//go:build !unix || solaris || illumos || aix || android

package bolt

import (
	"os"
	"time"
)

// lockFile leaves the lock to bbolt, which takes it after the file was checked.
func lockFile(*os.File, time.Duration) error { return nil }
