package testenv_test

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const soon = 10 * time.Second

func TestRedisKeepsItsDataOverAStop(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	url, pid := server.URL(), server.PID()
	require.True(t, strings.HasPrefix(url, "redis://127.0.0.1:"), url)
	require.Equal(t, "+OK", command(t, server, "SET k v"))

	server.Stop()
	require.Zero(t, server.ExitCode())
	server.Start()

	require.Equal(t, url, server.URL())
	require.NotEqual(t, pid, server.PID())
	require.Equal(t, "$1 v", command(t, server, "GET k"))
}

func TestRedisKeepsItsDataOverAKill(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--appendfsync", "always"}})
	require.Equal(t, "+OK", command(t, server, "SET k v"))
	server.Kill()
	require.Equal(t, -1, server.ExitCode())
	server.Start()
	require.Equal(t, "$1 v", command(t, server, "GET k"))
}

func TestRedisPaused(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	conn := dial(t, server)
	server.Pause()
	_, err := conn.Write([]byte("PING\r\n"))
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	_, err = conn.Read(make([]byte, 1))
	require.ErrorContains(t, err, "timeout", "a paused server answers")

	server.Resume()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(soon)))
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "+PONG\r\n", line)
}

func TestRedisStopsWhilePaused(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	server.Pause()
	server.Stop()
	require.Zero(t, server.ExitCode())
}

func TestRedisOnASocket(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{UnixSocket: true})
	require.Equal(t, "unix://"+server.Addr(), server.URL())
	require.Equal(t, "+OK", command(t, server, "SET k v"))
}

func TestRedisArgumentsWin(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--maxmemory", "4mb", "--requirepass", "open"}})
	require.Equal(t, "-NOAUTH Authentication required.", command(t, server, "GET k"))
}

func dial(t *testing.T, server *testenv.RedisServer) net.Conn {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(server.URL(), "unix:") {
		network = "unix"
	}
	conn, err := net.DialTimeout(network, server.Addr(), soon)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// command returns the answer to an inline command, the lines of a bulk string
// joined by a space.
func command(t *testing.T, server *testenv.RedisServer, line string) string {
	t.Helper()
	conn := dial(t, server)
	require.NoError(t, conn.SetDeadline(time.Now().Add(soon)))
	_, err := conn.Write([]byte(line + "\r\n"))
	require.NoError(t, err)
	reader := bufio.NewReader(conn)
	answer, err := reader.ReadString('\n')
	require.NoError(t, err)
	if strings.HasPrefix(answer, "$") {
		bulk, err := reader.ReadString('\n')
		require.NoError(t, err)
		answer = strings.TrimSpace(answer) + " " + bulk
	}
	return strings.TrimSpace(answer)
}
