//go:build unix

package config

import (
	"io/fs"
	"syscall"
)

// ownedByRoot reports whether a file belongs to the system's administrator.
func ownedByRoot(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == 0
}
