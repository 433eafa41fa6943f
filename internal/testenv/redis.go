package testenv

import (
	"bufio"
	"cmp"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	// redisTimeout bounds the start of a server, loading its data included.
	redisTimeout = 20 * time.Second
	// redisAttempts bounds how often a start is tried when another program
	// takes the port first.
	redisAttempts = 5
)

// RedisOptions says how a Redis server is started.
type RedisOptions struct {
	// Args are added to the command line and win over the defaults, for
	// instance "--maxmemory", "4mb".
	Args []string
	// Program is what is started; empty: redis-server.
	Program string
	// UnixSocket makes the server listen on a socket file and on no port.
	UnixSocket bool
	// Proxied puts a Proxy before the server, by whose address sentinels, the nodes
	// of a cluster and replicas know it.
	Proxied bool
	// OnDisk keeps the data on a disk, and not in a MemoryDir.
	OnDisk bool
}

const redisProgram = "redis-server"

// RedisPrograms are the programs that are Redis, or claim to be, as RedisOptions
// takes them: redis-server, and valkey-server where it is installed.
func RedisPrograms(tb testing.TB) []string {
	tb.Helper()
	programs := []string{Need(tb, redisProgram)}
	if valkey, err := exec.LookPath("valkey-server"); err == nil {
		programs = append(programs, valkey)
	}
	return programs
}

// RedisServer is a redis-server with an append-only file, no snapshots and
// noeviction. The methods of the running Process are its own; Start begins
// another one.
type RedisServer struct {
	*Process

	// Proxy stands before a server that is Proxied.
	Proxy *Proxy

	program string
	port    int
	socket  string
	dir     string
	args    []string
}

// Redis starts a redis-server and waits until it answers. The test is skipped
// without the program, see Need. The server and its data end with the test.
func Redis(tb testing.TB, options RedisOptions) *RedisServer {
	tb.Helper()
	r := &RedisServer{program: Need(tb, cmp.Or(options.Program, redisProgram)), dir: MemoryDir(tb), args: options.Args}
	if options.OnDisk {
		r.dir = tb.TempDir()
	}
	if options.UnixSocket {
		r.socket = filepath.Join(socketDir(tb), "redis.sock")
		if !r.start(tb) {
			tb.Fatalf("redis-server does not answer\n%s", r.report())
		}
		return r
	}
	if options.Proxied {
		r.Proxy = NewProxy(tb)
		_, port, _ := net.SplitHostPort(r.Proxy.Addr())
		r.args = append([]string{"--replica-announce-ip", "127.0.0.1", "--replica-announce-port", port}, r.args...)
		if slices.Contains(r.args, "--cluster-enabled") {
			r.args = append(r.args, "--cluster-announce-port", port)
		}
	}
	for range redisAttempts {
		r.port = FreePort(tb)
		if r.Proxy != nil {
			r.Proxy.Carry(r.Addr())
		}
		if r.start(tb) {
			return r
		}
		if !strings.Contains(r.Stdout(), "Address already in use") {
			break
		}
	}
	tb.Fatalf("redis-server does not answer\n%s", r.report())
	return nil
}

// Start starts the server again after Stop or Kill, with the same address and
// data, and waits until it answers.
func (r *RedisServer) Start() {
	r.tb.Helper()
	if !r.ended() {
		r.tb.Fatal("the redis-server is still running")
	}
	if !r.start(r.tb) {
		r.tb.Fatalf("redis-server does not answer\n%s", r.report())
	}
}

// URL returns the server's address as a client takes it:
// redis://127.0.0.1:<port> or unix://<file>.
func (r *RedisServer) URL() string {
	if r.socket != "" {
		return "unix://" + r.socket
	}
	return "redis://" + r.Addr()
}

// Addr returns host and port, or the socket file.
func (r *RedisServer) Addr() string {
	if r.socket != "" {
		return r.socket
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port))
}

// Announced returns host and port by which others know the server: its proxy's,
// if it has one.
func (r *RedisServer) Announced() string {
	if r.Proxy != nil {
		return r.Proxy.Addr()
	}
	return r.Addr()
}

// announcedPort is the port of Announced.
func (r *RedisServer) announcedPort() string {
	_, port, _ := net.SplitHostPort(r.Announced())
	return port
}

// Dir returns the folder of the server's data.
func (r *RedisServer) Dir() string { return r.dir }

func (r *RedisServer) start(tb testing.TB) bool {
	tb.Helper()
	args := []string{
		"--port", strconv.Itoa(r.port), // 0 with a socket: no port
		"--bind", "127.0.0.1",
		"--dir", r.dir,
		"--save", "",
		"--appendonly", "yes",
		"--maxmemory-policy", "noeviction",
		"--daemonize", "no",
	}
	if r.socket != "" {
		args = append(args, "--unixsocket", r.socket)
	}
	r.Process = Start(tb, nil, r.program, append(args, r.args...)...)
	return poll(redisTimeout, r.exited, r.answers)
}

// answers reports whether the server serves commands. One that asks for a
// password does, one that loads its data does not yet.
func (r *RedisServer) answers() bool {
	network := "tcp"
	if r.socket != "" {
		network = "unix"
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(r.tb.Context(), network, r.Addr())
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	if _, err := conn.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
		return false
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && (strings.HasPrefix(line, "+PONG") || strings.HasPrefix(line, "-NOAUTH"))
}

// socketDir returns a folder whose path leaves room for a socket's name, of
// which systems allow about a hundred bytes; TempDir's may not.
func socketDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "redis-") //nolint:usetesting // its path is too long for a socket
	if err != nil {
		tb.Fatalf("make a folder for the socket: %v", err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
