// Package behind writes to a stream behind those who write to it: whoever logs leaves a
// line, and one goroutine writes many with one call. A system call under a lock would have
// every request of a busy process wait for it, and for the processor after it.
package behind
