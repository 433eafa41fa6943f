package faults

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// fleet is several processes of the product on one store, with one issuer.
type fleet struct {
	replicas []*served
	token    string // of the administrator, who may use tokens
}

// adminAddr is where only one process can listen.
var adminAddr = regexp.MustCompile(`adminAddr: "[0-9.:]+"`)

func startFleet(t *testing.T, n int, store string) *fleet {
	t.Helper()
	first := serve(t, t.TempDir(), store, "")
	f := &fleet{replicas: []*served{first}, token: first.token}
	text, err := os.ReadFile(first.ConfigFile)
	require.NoError(t, err)
	for range n - 1 {
		dir, addr := t.TempDir(), "127.0.0.1:"+strconv.Itoa(testenv.FreePort(t))
		own := strings.NewReplacer(
			`listen: {addr: "`+strings.TrimPrefix(first.URL, "http://")+`"`, `listen: {addr: "`+addr+`"`,
			`audit: {dir: "`+first.dir, `audit: {dir: "`+dir,
		).Replace(string(text))
		own = adminAddr.ReplaceAllString(own, `adminAddr: ""`)
		server := testenv.Serve(t, testenv.ServeOptions{Config: own, URL: "http://" + addr})
		f.replicas = append(f.replicas, &served{ServeServer: server, door: door{"http://" + addr, server.Client()}, dir: dir, token: f.token})
	}
	return f
}

// exchanging is load of exchanges of one token, spread over the processes.
func (f *fleet) exchanging(t *testing.T, n int) *load {
	t.Helper()
	return startLoad(n, func(worker int) (answer, error) {
		return f.replicas[worker%len(f.replicas)].tryExchange(t, f.token)
	})
}

// ledger is what the product has acknowledged: tokens that were created, and
// tokens that were revoked.
type ledger struct {
	mu               sync.Mutex
	created, revoked map[string]string // id → token
	wrong            []string
}

// keepBooks creates and revokes tokens until stop is called, at one process, and
// uses what was revoked at another.
func (f *fleet) keepBooks(t *testing.T) (books *ledger, stop func()) {
	t.Helper()
	books = &ledger{created: map[string]string{}, revoked: map[string]string{}}
	done := make(chan struct{})
	var workers sync.WaitGroup
	for worker, at := range f.replicas {
		elsewhere := f.replicas[(worker+1)%len(f.replicas)]
		workers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
					books.turn(t, at.door, elsewhere.door, f.token, fmt.Sprintf("%d %d", worker, n))
				}
			}
		})
	}
	return books, sync.OnceFunc(func() {
		close(done)
		workers.Wait()
	})
}

func (l *ledger) turn(t *testing.T, at, elsewhere door, as, name string) {
	t.Helper()
	got, err := at.try(t, http.MethodPost, pathTokens, draft(name), bearer(as), header("Content-Type", "application/json"))
	if err != nil || got.status != http.StatusOK {
		return
	}
	token := made(got)
	l.note(func() { l.created[token.ID] = token.Token })
	if strings.HasSuffix(name, "0") {
		return // some stay
	}
	got, err = at.try(t, http.MethodPost, pathRevoke, encode("token", token.Token), header("Content-Type", formType))
	if err != nil || got.status != http.StatusOK {
		l.note(func() { delete(l.created, token.ID) }) // nobody knows
		return
	}
	l.note(func() {
		delete(l.created, token.ID)
		l.revoked[token.ID] = token.Token
	})
	got, err = elsewhere.tryExchange(t, token.Token)
	if err == nil && got.status == http.StatusOK {
		l.note(func() { l.wrong = append(l.wrong, "accepted after its revocation was acknowledged: "+token.ID) })
	}
}

func (l *ledger) note(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// requireTrue proves that all that was acknowledged is so.
func (l *ledger) requireTrue(t *testing.T, d door) {
	t.Helper()
	require.Empty(t, l.wrong)
	for id, token := range l.created {
		got := d.exchange(t, token)
		require.Equal(t, http.StatusOK, got.status, "created %s: %s", id, got.body)
	}
	for _, token := range l.revoked {
		d.requireDenied(t, token, "revoked")
	}
	require.NotEmpty(t, l.created)
	require.NotEmpty(t, l.revoked)
}

// TestPrimaryIsKilledUnderLoad: each time the primary dies without a word, exchanges
// go on within ten seconds of the promotion, and whatever was acknowledged is so.
func TestPrimaryIsKilledUnderLoad(t *testing.T) {
	s := testenv.Sentinel(t, testenv.RedisOptions{})
	f := startFleet(t, 3, s.URL())
	books, stop := f.keepBooks(t)
	defer stop()
	for range times(2, 20) {
		exchanges := f.exchanging(t, 32)
		during(500 * time.Millisecond)
		primary := s.Primary()
		killed := time.Now()
		primary.Kill()
		next := s.Promoted(primary)
		promoted := time.Now()
		testenv.Wait(t, 15*time.Second, func() bool {
			for _, replica := range f.replicas {
				if got, err := replica.tryExchange(t, f.token); err != nil || got.status != http.StatusOK {
					return false
				}
			}
			return true
		})
		resumed := time.Now()
		require.Less(t, resumed.Sub(promoted), 10*time.Second)
		t.Logf("promoted after %v, served %v later", promoted.Sub(killed).Round(time.Millisecond), resumed.Sub(promoted).Round(time.Millisecond))
		during(500 * time.Millisecond)
		for _, one := range exchanges.stop() {
			require.NoError(t, one.err)
			require.True(t, one.status == http.StatusOK || one.unavailable(), "%d %s", one.status, one.body)
		}
		s.Rejoin(primary, next)
	}
	stop()
	for _, replica := range f.replicas {
		books.requireTrue(t, replica.door)
	}
	t.Logf("%d created, %d revoked", len(books.created), len(books.revoked))
}

// TestRollingRestart: three processes are restarted one after the other behind a
// real proxy, and no exchange fails.
func TestRollingRestart(t *testing.T) {
	nginx := testenv.Need(t, "nginx")
	redis := testenv.Redis(t, testenv.RedisOptions{})
	f := startFleet(t, 3, redis.URL())
	proxy := behindNginx(t, nginx, f)
	exchanges := exchanging(t, proxy, 32, f.token)
	for _, replica := range f.replicas {
		during(2500 * time.Millisecond) // nginx looks at a process again that was away
		replica.Restart()
	}
	during(500 * time.Millisecond)
	samples := exchanges.stop()
	for _, one := range samples {
		require.NoError(t, one.err)
	}
	require.Equal(t, map[int]int{http.StatusOK: len(samples)}, statuses(samples))
	t.Logf("%d exchanges", len(samples))
}

// behindNginx starts nginx before the processes of a fleet, as deploy/compose
// configures it.
func behindNginx(t *testing.T, program string, f *fleet) door {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "compose", "nginx.conf"))
	require.NoError(t, err)
	dir, addr := t.TempDir(), "127.0.0.1:"+strconv.Itoa(testenv.FreePort(t))
	config := string(text)
	third := "        server cambio-2:8080 max_fails=2 fail_timeout=2s;\n"
	require.Contains(t, config, third)
	config = strings.Replace(config, third, third+strings.Replace(third, "cambio-2", "cambio-3", 1), 1)
	for i, replica := range f.replicas {
		config = strings.ReplaceAll(config, fmt.Sprintf("cambio-%d:8080", i+1), strings.TrimPrefix(replica.URL, "http://"))
	}
	config = strings.NewReplacer("/run/nginx.pid", filepath.Join(dir, "nginx.pid"), "listen 8080;", "listen "+addr+";").Replace(config)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		config = strings.Replace(config, "http {", "http {\n    "+kind+"_temp_path "+filepath.Join(dir, kind)+";", 1)
	}
	file := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	process := testenv.Start(t, nil, program, "-c", file, "-g", "daemon off; user root;", "-p", dir)
	t.Cleanup(process.Stop) // a killed master leaves its workers
	d := door{"http://" + addr, f.replicas[0].Client()}
	testenv.Wait(t, soon, func() bool {
		got, err := d.try(t, http.MethodGet, "/readyz", "")
		return err == nil && got.status == http.StatusOK
	})
	return d
}
