//go:build !unix

package cli

import "io/fs"

// ownedBy cannot tell here: the file system keeps others out of a user's own folder.
func ownedBy(fs.FileInfo, int) bool { return true }
