//go:build !unix

package config

import "io/fs"

// ownedByRoot cannot tell here.
func ownedByRoot(fs.FileInfo) bool { return false }
