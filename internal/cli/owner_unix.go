//go:build unix

package cli

import (
	"io/fs"
	"syscall"
)

// ownedBy reports whether a file belongs to the user of that id.
func ownedBy(info fs.FileInfo, user int) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int64(stat.Uid) == int64(user)
}
