package testenv

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// postgresTimeout bounds the start of a server, recovery included.
	postgresTimeout = 30 * time.Second
	// PostgresPassword is that of the superuser postgres.
	PostgresPassword = "superuser0password"
)

// PostgresServer is a PostgreSQL server with an empty cluster, which asks everybody for a
// password by SCRAM-SHA-256. The methods of the running Process are its own, but for
// Stop; Start begins another one.
type PostgresServer struct {
	*Process

	tb   testing.TB
	bin  string
	dir  string
	port int
	args []string
	log  []*Process
}

// Postgres starts a server and waits until it answers. settings are added to its
// command line, such as "log_statement=all". The test is skipped without the programs,
// see Lack. The server and its data end with the test.
func Postgres(tb testing.TB, settings ...string) *PostgresServer {
	tb.Helper()
	s := &PostgresServer{tb: tb, bin: postgresPrograms(tb), port: FreePort(tb)}
	s.dir = s.newFolder()
	for _, setting := range settings {
		s.args = append(s.args, "-c", setting)
	}
	file := filepath.Join(s.dir, "password")
	s.Put("password", PostgresPassword)
	s.own(s.dir)
	initdb := s.as(filepath.Join(s.bin, "initdb"), "--pgdata", s.data(), "--username", "postgres", "--pwfile", file,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	command := exec.CommandContext(tb.Context(), initdb[0], initdb[1:]...) //nolint:gosec // the arguments are our own
	command.Dir = s.dir
	if output, err := command.CombinedOutput(); err != nil {
		tb.Fatalf("initdb: %v\n%s", err, output)
	}
	s.Start()
	return s
}

// postgresPrograms returns the folder of the programs of the server: PATH's, or the
// newest where Debian has them.
func postgresPrograms(tb testing.TB) string {
	tb.Helper()
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil { // its neighbours may have no link
			return filepath.Dir(path)
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		Lack(tb, "postgresql is not installed; make test installs it where it can")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1])
}

// newFolder makes a folder whose path another user may enter, and that leaves room for
// the name of a socket.
func (s *PostgresServer) newFolder() string {
	s.tb.Helper()
	dir, err := os.MkdirTemp("", "postgres-") // TempDir lets no other user in
	if err != nil {
		s.tb.Fatalf("make a folder: %v", err)
	}
	s.tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Put writes a file into the server's folder, which it may read and nobody else, and returns its path.
func (s *PostgresServer) Put(name, content string) string {
	s.tb.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.tb.Fatalf("write a file of the server: %v", err)
	}
	s.own(path)
	return path
}

// own gives a file to who runs the server.
func (s *PostgresServer) own(path string) {
	s.tb.Helper()
	if os.Getuid() != 0 {
		return
	}
	account := s.account()
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		s.tb.Fatalf("read an id: %v", err)
	}
	if err := os.Chown(path, uid, -1); err != nil {
		s.tb.Fatalf("give a file to the server: %v", err)
	}
}

// account is who runs the server where we are root, as which it refuses to run.
func (s *PostgresServer) account() *user.User {
	s.tb.Helper()
	for _, name := range []string{"postgres", "nobody"} {
		if account, err := user.Lookup(name); err == nil {
			return account
		}
	}
	Lack(s.tb, "there is neither a user postgres nor nobody to run the server as")
	return nil
}

// as is a command line, as another user where we are root.
func (s *PostgresServer) as(line ...string) []string {
	s.tb.Helper()
	if os.Getuid() != 0 {
		return line
	}
	account := s.account()
	return append([]string{Need(s.tb, "setpriv"), "--reuid", account.Uid, "--regid", account.Gid, "--clear-groups", "--"}, line...)
}

func (s *PostgresServer) data() string { return filepath.Join(s.dir, "data") }

// Start starts the server, again after Stop or Kill with the same port and data, and
// waits until it answers.
func (s *PostgresServer) Start() {
	s.tb.Helper()
	line := s.as(append([]string{
		filepath.Join(s.bin, "postgres"), "-D", s.data(), "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=" + s.dir, "-c", "fsync=off",
	}, s.args...)...)
	s.Process = Start(s.tb, []string{"LC_ALL=C"}, line[0], line[1:]...)
	s.log = append(s.log, s.Process)
	process := s.Process
	s.tb.Cleanup(func() { // before it is killed, which would leave its children for a moment
		_ = process.cmd.Process.Signal(syscall.SIGQUIT)
		<-process.exited
	})
	var err error
	if !poll(postgresTimeout, s.exited, func() bool { _, err = s.Query("postgres", "SELECT 1"); return err == nil }) {
		s.tb.Fatalf("postgres does not answer: %v\n%s", err, s.report())
	}
}

// Stop ends the server at once, with every session.
func (s *PostgresServer) Stop() {
	s.tb.Helper()
	s.Signal(syscall.SIGINT)
	<-s.exited
}

// Port returns the port of 127.0.0.1 that the server listens on.
func (s *PostgresServer) Port() int { return s.port }

// Dir returns the folder of the server's socket.
func (s *PostgresServer) Dir() string { return s.dir }

// Log returns all that the server has written.
func (s *PostgresServer) Log() string {
	var all strings.Builder
	for _, process := range s.log {
		all.WriteString(process.Stderr())
	}
	return all.String()
}

// Major returns the version of the server: 15.
func (s *PostgresServer) Major() int {
	s.tb.Helper()
	major, err := strconv.Atoi(s.MustQuery("postgres", "SELECT current_setting('server_version_num')::int / 10000"))
	if err != nil {
		s.tb.Fatalf("read the version: %v", err)
	}
	return major
}

// PostgresError is what psql complained about.
type PostgresError struct{ Output string }

func (e *PostgresError) Error() string { return e.Output }

// Query runs SQL by psql as the superuser, and returns what it prints: the bare values.
func (s *PostgresServer) Query(database, sql string) (string, error) {
	return s.QueryAs("postgres", PostgresPassword, database, sql)
}

// MustQuery is Query, and fails the test for an error.
func (s *PostgresServer) MustQuery(database, sql string) string {
	s.tb.Helper()
	got, err := s.Query(database, sql)
	if err != nil {
		s.tb.Fatalf("%s: %v", sql, err)
	}
	return got
}

// QueryAs runs SQL by psql as anybody, with nothing but what it is given. An error of the
// server or of the connection is a *PostgresError.
func (s *PostgresServer) QueryAs(name, password, database, sql string) (string, error) {
	s.tb.Helper()
	return s.Psql([]string{
		"PGHOST=127.0.0.1", "PGPORT=" + strconv.Itoa(s.port), "PGUSER=" + name, "PGPASSWORD=" + password, "PGDATABASE=" + database,
	}, sql)
}

// Psql runs SQL by psql with an environment of variables such as PGHOST.
func (s *PostgresServer) Psql(env []string, sql string) (string, error) {
	s.tb.Helper()
	command := exec.CommandContext(context.WithoutCancel(s.tb.Context()), filepath.Join(s.bin, "psql"), //nolint:gosec // a test chooses what it runs
		"--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", "-")
	command.Env = append([]string{"PGCONNECT_TIMEOUT=5", "LC_ALL=C"}, env...)
	command.Stdin = strings.NewReader(sql)
	var out, complaints bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaints
	if err := command.Run(); err != nil {
		return "", &PostgresError{strings.TrimSpace(complaints.String() + err.Error())}
	}
	return strings.TrimSpace(out.String()), nil
}
