//go:build linux || darwin

package doctor

import "syscall"

// ThisMachine is the one that this process runs on.
type ThisMachine struct{}

// OpenFiles implements Machine: the hard limit, up to which a Go process raises its own.
func (ThisMachine) OpenFiles() (uint64, bool) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return limit.Max, limit.Max < 1<<62
}

// Space implements Machine.
func (ThisMachine) Space(folder string) (free, all uint64, ok bool) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(folder, &stat); err != nil {
		return 0, 0, false
	}
	size := uint64(stat.Bsize) //nolint:gosec // positive
	return stat.Bavail * size, stat.Blocks * size, true
}
