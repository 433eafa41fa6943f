package testenv

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

const (
	memoryRoot = "/dev/shm"
	// memoryRoom is how many bytes have to be free there.
	memoryRoom = 1 << 30
	tmpfsMagic = 0x01021994 // of statfs(2)
)

// MemoryDir is TempDir in memory, where there is room: a server that syncs each write to a
// busy disk may stand for longer than the product waits for it, and a test that is not
// about that would fail.
func MemoryDir(tb testing.TB) string {
	tb.Helper()
	var at syscall.Statfs_t
	if err := syscall.Statfs(memoryRoot, &at); err != nil || at.Type != tmpfsMagic || at.Bavail*uint64(at.Bsize) < memoryRoom { //nolint:gosec // a size
		return tb.TempDir()
	}
	dir, err := os.MkdirTemp(memoryRoot, filepath.Base(os.Args[0])+"-") //nolint:usetesting // it is on a disk
	if err != nil {
		tb.Fatalf("make a folder in memory: %v", err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
