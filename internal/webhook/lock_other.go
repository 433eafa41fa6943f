//go:build !unix || solaris || illumos || aix || android

package webhook

import "os"

// lock takes no lock where there is none: processes that share an audit folder then
// send everything, each under the same ids.
func lock(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) }
