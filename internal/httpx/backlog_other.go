//go:build !unix

package httpx

// shorten does nothing: the queue of a socket that listens is as it was made.
func shorten(uintptr) {}
