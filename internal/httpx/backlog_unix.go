//go:build unix

package httpx

import "syscall"

// shorten sets the queue of a listening socket to the least the kernel has.
func shorten(fd uintptr) { _ = syscall.Listen(int(fd), 0) }
