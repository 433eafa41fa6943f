package faults

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// dial connects to a server.
func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	dialer := net.Dialer{Timeout: soon}
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(addr, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// talk sends bytes on a connection of its own and returns all that comes back
// until the server closes it or patience ends.
func talk(t *testing.T, addr, message string, patience time.Duration) string {
	t.Helper()
	conn := dial(t, addr)
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, _ = io.WriteString(conn, message) // the server may answer before it has read all
	text, _ := io.ReadAll(conn)          // and close at once
	return string(text)
}

// watched is what a Redis server was told since watch.
type watched struct {
	mu    sync.Mutex
	lines []string
}

// rested waits until the background work of the start is done: what it reads of tokens
// is not a request's.
func rested(t *testing.T, redis *testenv.RedisServer) {
	t.Helper()
	testenv.Wait(t, 30*time.Second, func() bool { return redis.MustDo("HLEN", "cambio:{cfg}:jobs") != "0" })
}

// watch lists the commands that reach a Redis server, and those that its
// scripts call.
func watch(t *testing.T, redis *testenv.RedisServer) *watched {
	t.Helper()
	conn := dial(t, redis.Addr())
	_, err := io.WriteString(conn, "MONITOR\r\n")
	require.NoError(t, err)
	lines := bufio.NewReader(conn)
	first, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "+OK\r\n", first)
	w := &watched{}
	go func() {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			w.mu.Lock()
			w.lines = append(w.lines, line)
			w.mu.Unlock()
		}
	}()
	return w
}

// count is how many commands have all the parts.
func (w *watched) count(parts ...string) int { return len(w.find(parts...)) }

func (w *watched) find(parts ...string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []string
next:
	for _, line := range w.lines {
		for _, part := range parts {
			if !strings.Contains(strings.ToUpper(line), strings.ToUpper(part)) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}

// settle waits until the monitor has shown everything up to now.
func (w *watched) settle(t *testing.T, redis *testenv.RedisServer) {
	t.Helper()
	marker := "marker-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	redis.MustDo("PING", marker)
	testenv.Wait(t, soon, func() bool { return w.count(marker) > 0 })
}
