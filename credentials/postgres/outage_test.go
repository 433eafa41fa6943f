package postgres

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// Where the server is away nothing is issued, and nothing is there when it is back.
func TestDown(t *testing.T) {
	w := newWorld(t)
	p := w.provider(t)
	issue(t, p, grant(time.Minute))
	w.Stop()
	_, err := p.Issue(t.Context(), grant(time.Minute))
	require.Error(t, err)
	require.NotContains(t, err.Error(), operatorPassword)
	_, err = p.List(t.Context())
	require.Error(t, err)
	require.Error(t, p.Revoke(t.Context(), "cambio_x"), "it is not known to be gone")
	w.Start()
	require.Equal(t, "1", w.roles())
	issue(t, p, grant(time.Minute))
}

// A deadline that passes while the server waits leaves no role.
func TestDeadline(t *testing.T) {
	w := newWorld(t)
	p := w.provider(t)
	issue(t, p, grant(time.Minute)) // it is connected
	const locked = "SELECT count(*) FROM pg_locks WHERE relation = 'pg_auth_members'::regclass AND mode = 'ShareLock' AND granted"
	go func() {
		_, _ = w.Query("warehouse", "BEGIN; LOCK TABLE pg_auth_members IN SHARE MODE; SELECT pg_sleep(20)")
	}()
	testenv.Wait(t, 10*time.Second, func() bool { return w.admin(locked) != "0" })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := p.Issue(ctx, grant(time.Minute))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	w.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)%' AND pid <> pg_backend_pid()")
	testenv.Wait(t, 10*time.Second, func() bool { return w.admin(locked) == "0" })
	require.Equal(t, "1", w.roles())
}

// A role whose making was not answered is revoked, or ends by itself if that cannot be.
func TestUnanswered(t *testing.T) {
	w := newWorld(t)
	proxy := testenv.NewProxy(t)
	proxy.Carry(net.JoinHostPort("127.0.0.1", strconv.Itoa(w.Port())))
	_, port, err := net.SplitHostPort(proxy.Addr())
	require.NoError(t, err)
	p := w.provider(t, func(c *Config) { c.Server.Port, _ = strconv.Atoi(port) })
	require.NoError(t, p.Ping(t.Context()))
	comment, err := p.comment(grant(time.Minute))
	require.NoError(t, err)
	role := newRole()
	statements := []string{
		"CREATE ROLE " + identifier(role) + " VALID UNTIL " + timestamp(time.Now().Add(leaseTime)), "COMMENT ON ROLE " + identifier(role) + " IS " + literal(comment),
	}
	proxy.Set(testenv.Clients, testenv.Swallow)
	require.Error(t, p.create(t.Context(), role, statements))
	require.Equal(t, "1", w.roles(), "the server has done it")
	proxy.Set(testenv.Clients, testenv.Pass)
	require.NoError(t, sweeper(t, p, false).Sweep(t.Context()))
	require.Equal(t, "0", w.roles())

	dead, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	slow := append(statements[:2:2], "SELECT pg_sleep(1)")
	go func() { done <- p.create(dead, role, slow) }()
	testenv.Wait(t, 10*time.Second, func() bool {
		return w.admin("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1)' AND usename = 'cambio'") == "1"
	})
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	testenv.Wait(t, 10*time.Second, func() bool {
		return w.admin("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1)' AND usename = 'cambio' AND state = 'active'") == "0"
	})
	require.Equal(t, "0", w.roles())
}

// maker is set in the process that TestKilled kills: the port of the server.
const maker = "POSTGRES_TEST_MAKER"

func TestMain(m *testing.M) {
	if port := os.Getenv(maker); port != "" {
		if err := makeOne(port); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// makeOne is that process: it issues, says so, and would answer a moment later.
func makeOne(onPort string) error {
	port, err := strconv.Atoi(onPort)
	if err != nil {
		return err
	}
	p, err := New(Config{
		Server: Server{Host: "127.0.0.1", Port: port, Database: "warehouse", User: "cambio", Unencrypted: true, Password: operator},
		Issuer: "https://sts.example.com", Name: "warehouse", Roles: []string{"reader"}, Now: time.Now,
	})
	if err != nil {
		return err
	}
	go func() { _ = p.Run(context.Background()) }()
	if _, err := p.Issue(context.Background(), grant(5*time.Minute)); err != nil {
		return err
	}
	_, _ = fmt.Println("made")
	_, err = io.Copy(io.Discard, os.Stdin) // until it is killed
	return err
}

// However often a process is killed between the making of a role and its answer, no role
// is left after the first round that is half a minute later.
func TestKilled(t *testing.T) {
	w := newWorld(t)
	times := 5
	if testenv.Full() {
		times = 100
	}
	for range times {
		killAfterMade(t, w.Port())
	}
	require.Equal(t, strconv.Itoa(times), w.roles())
	p := w.provider(t)
	with := issue(t, p, grant(5*time.Minute))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, p.Run(ctx), "this one was answered")
	testenv.Wait(t, leaseTime+30*time.Second, func() bool {
		require.NoError(t, sweeper(t, p, true).Sweep(t.Context()))
		return w.roles() == "1"
	})
	_, err := w.psql(t, with, "SELECT 1")
	require.NoError(t, err)
}

// killAfterMade kills a process as soon as the role is made.
func killAfterMade(t *testing.T, port int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), maker+"="+strconv.Itoa(port))
	_, err := command.StdinPipe()
	require.NoError(t, err)
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	made := false
	for lines := bufio.NewScanner(out); !made && lines.Scan(); {
		made = lines.Text() == "made"
	}
	require.NoError(t, command.Process.Kill())
	_ = command.Wait()
	require.True(t, made)
}

// The server proves its name, and a password reaches no other.
func TestTLS(t *testing.T) {
	made := testenv.NewCertificate(t, "localhost")
	read := func(file string) string {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(text)
	}
	w := newWorld(t)
	w.Put("server.crt", read(made.CertFile))
	w.Put("server.key", read(made.KeyFile))
	secured := func(host string, roots *x509.CertPool) error {
		p := w.provider(t, func(c *Config) { c.Server.Host, c.Server.Unencrypted, c.Server.Roots = host, false, roots })
		return p.Ping(t.Context())
	}
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM([]byte(read(made.CertFile))))
	require.ErrorContains(t, secured("localhost", roots), "refused TLS", "the server has none yet")
	w.admin("ALTER SYSTEM SET ssl_cert_file = " + literal(w.Dir()+"/server.crt"))
	w.admin("ALTER SYSTEM SET ssl_key_file = " + literal(w.Dir()+"/server.key"))
	w.admin("ALTER SYSTEM SET ssl = on")
	w.Stop()
	w.Start()
	require.NoError(t, secured("localhost", roots))
	require.ErrorContains(t, secured("127.0.0.1", roots), "x509")
	require.ErrorContains(t, secured("localhost", nil), "x509")
}
