package testenv

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// pollInterval is the time between two looks at a condition that is waited for.
const pollInterval = 5 * time.Millisecond

// Need returns the path of a program, looked up in PATH and in the folders of
// system programs. Without it the test is skipped, or fails where the
// environment has CI=true.
func Need(tb testing.TB, program string) string {
	tb.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	Lack(tb, program+" is not installed; make test installs it where it can")
	return ""
}

// Lack ends a test that the system does not allow: it is skipped for the reason,
// or fails where the environment has CI=true.
func Lack(tb testing.TB, reason string) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatalf("%s, and CI=true", reason)
	}
	tb.Skipf("%s", reason)
}

// The ports that FreePort returns, and those 10,000 above them that a node of a Redis
// Cluster takes too, lie below the ones that systems give to outgoing connections:
// such a connection may take any of these a moment later.
const (
	firstFreePort = 10_000
	lastFreePort  = 22_000
)

// FreePort returns a TCP port of 127.0.0.1 that nothing listened on a moment ago
// and that no other test, of any process, is given before this one has ended: the
// UDP port of its number stays taken until then. A program that can pick its own
// port (:0) should.
func FreePort(tb testing.TB) int {
	tb.Helper()
	var config net.ListenConfig
	for range 100 {
		port := firstFreePort + rand.IntN(lastFreePort-firstFreePort) //nolint:gosec // any of them will do
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		mark, err := config.ListenPacket(tb.Context(), "udp", address)
		if err != nil {
			continue
		}
		if listener, err := config.Listen(tb.Context(), "tcp", address); err == nil {
			_ = listener.Close()
			tb.Cleanup(func() { _ = mark.Close() })
			return port
		}
		_ = mark.Close()
	}
	tb.Fatal("find a free port: a hundred are taken")
	return 0
}

// Wait polls condition until it is true and fails the test after timeout.
func Wait(tb testing.TB, timeout time.Duration, condition func() bool) {
	tb.Helper()
	if !poll(timeout, nil, condition) {
		tb.Fatalf("the condition is still false after %v", timeout)
	}
}

// poll reports whether condition became true before the timeout and before
// ended was closed.
func poll(timeout time.Duration, ended <-chan struct{}, condition func() bool) bool {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			return condition()
		case <-ended:
			return false
		}
	}
	return true
}

// Full reports whether every count is to be at its full size, and not at the one
// that a run on each change has time for.
func Full() bool { return os.Getenv("CAMBIO_FULL") == "1" || os.Getenv("CAMBIO_MARATHON") == "1" }
