package alerts

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const (
	serving   = "cambio_redis_session_serving"
	writable  = "cambio_redis_primaries_writable"
	sinkReady = "cambio_audit_sink_ready"
	ringReady = "cambio_key_ring_ready"
	failing   = `cambio_webhook_failing_since_timestamp_seconds{receiver="0"}`
)

// scenario is what one alert is for, in a world of its own.
type scenario struct {
	*world

	cause   func()   // strikes once
	traffic func()   // at each tick until it fires; nil: an exchange
	goesOn  bool     // the traffic does until it ends
	env     []string // of the runbook's commands, besides the world's
	mend    func()   // what the page says in words, before its commands
	mended  func()   // waits until that works
	tick    time.Duration
	within  time.Duration // of Prometheus' time, until it fires and until it ends; 0: an hour
}

// scenarios are those of every alert; after a slash stands a further cause of one.
func scenarios() map[string]func(t *testing.T) scenario {
	return map[string]func(t *testing.T) scenario{
		"CambioErrorBudgetFast":         budgetFast,
		"CambioErrorBudgetSlow":         budgetSlow,
		"CambioExchangesSlow":           exchangesSlow,
		"CambioDown":                    down,
		"CambioRestarts":                restarts,
		"CambioFilesRunOut":             filesRunOut,
		"CambioCertificateExpires":      certificateExpires,
		"CambioRedisNotServing":         redisEnds,
		"CambioRedisNotServing/replica": replicaEnds,
		"CambioRedisUnsafe":             redisUnsafe,
		"CambioRedisChanges":            redisChanges,
		"CambioChangesUnconfirmed":      unconfirmed,
		"CambioStoreFails":              storeFails,
		"CambioAuditNotWritten":         auditNotWritten,
		"CambioOutboxStuck":             outboxStuck,
		"CambioWebhookFails":            webhookFails,
		"CambioWebhookGivesUpSoon":      webhookGivesUpSoon,
		"CambioCannotSign":              cannotSign,
		"CambioRolloverOverdue":         rolloverOverdue,
		"CambioGuessing":                guessing,
		"CambioOldSecretUsed":           oldSecretUsed,
		"CambioUsesRefused":             usesRefused,
	}
}

// Each alert is silent before its cause, fires on it, and ends by what its page says.
func TestAlerts(t *testing.T) {
	t.Parallel()
	all := scenarios()
	for _, name := range inOrder(all) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alert, _, _ := strings.Cut(name, "/")
			look, mend := runbook(t, alert)
			s := all[name](t)
			exchange := func() { s.exchange(s.token) }
			for range 4 {
				exchange()
				s.pass()
			}
			for other := range s.alerts {
				require.False(t, s.firing(other), "%s fires where all is well", other)
			}

			if s.traffic == nil {
				s.traffic = exchange
			}
			if s.tick != 0 {
				s.world.tick = s.tick
			}
			s.cause()
			s.until("it fires", s.traffic, func() bool { return s.firing(alert) })
			for range 3 { // and does not end by itself
				s.traffic()
				s.pass()
				require.True(t, s.firing(alert))
			}
			s.look(look, s.env...)
			if s.mend != nil {
				s.mend()
			}
			s.shell(mend, s.env...)
			if s.mended != nil {
				s.mended()
			}
			if !s.goesOn {
				s.traffic = exchange
			}
			s.until("it ends", s.traffic, func() bool { return !s.firing(alert) })
			require.Equal(t, http.StatusOK, s.exchange(s.token))
		})
	}
}

// inOrder are the names, the one that takes a minute last: of parallel tests the last is
// begun first, as a rule.
func inOrder(all map[string]func(t *testing.T) scenario) []string {
	slow := func(name string) bool { return name == "CambioRedisUnsafe" }
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(all)), slow)
	return append(names, "CambioRedisUnsafe")
}

// until lets ticks pass until something is so.
func (s *scenario) until(what string, each func(), so func() bool) {
	s.t.Helper()
	for end := s.now.Add(max(s.within, time.Hour)); !so(); {
		require.True(s.t, s.now.Before(end), "%s does not come", what)
		each()
		s.pass()
	}
}

// lost waits until the server has noticed that it has no Redis to write to.
func (w *world) lost() {
	w.t.Helper()
	testenv.Wait(w.t, soon, func() bool { return w.figure(writable) == 0 || w.figure(serving) == 0 })
}

// back waits until Redis serves.
func (w *world) back() {
	w.t.Helper()
	w.wait(writable, is(1))
	w.wait(serving, is(1))
	testenv.Wait(w.t, soon, func() bool { return w.exchange(w.token) == http.StatusOK })
}

// pat makes a token by a command such as `cambio pat`.
func (w *world) pat(group ...string) (id, token string) {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "token")
	id = strings.TrimSpace(w.cambio(append(group, "create", "--name", "made "+strconv.Itoa(int(time.Now().UnixNano())), "--token-out", file, "-o", "id")...))
	text, err := os.ReadFile(file)
	require.NoError(w.t, err)
	return id, strings.TrimSpace(string(text))
}

// create tries to make a token, whatever comes of it.
func (w *world) create() {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+"/api/v1/personal-access-tokens", strings.NewReader(`{"name":"n`+strconv.Itoa(int(time.Now().UnixNano()))+`"}`))
	require.NoError(w.t, err)
	request.Header.Set("Authorization", "Bearer "+w.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := w.front.Do(request)
	require.NoError(w.t, err)
	_, _ = io.Copy(io.Discard, response.Body)
	require.NoError(w.t, response.Body.Close())
}

func redisOutage(t *testing.T) scenario {
	t.Helper()
	w := newWorld(t, deployment{})
	return scenario{world: w, cause: func() {
		w.redis.Kill()
		w.lost()
	}, mended: w.back}
}

func budgetFast(t *testing.T) scenario {
	t.Helper()
	return redisOutage(t)
}

func budgetSlow(t *testing.T) scenario {
	t.Helper()
	s := redisOutage(t)
	s.tick, s.within = time.Minute, 8*time.Hour
	return s
}

func redisEnds(t *testing.T) scenario {
	t.Helper()
	return redisOutage(t)
}

func exchangesSlow(t *testing.T) scenario {
	t.Helper()
	w := newWorld(t, deployment{redis: testenv.Redis(t, testenv.RedisOptions{Proxied: true})})
	return scenario{
		world: w, tick: 30 * time.Second,
		cause: func() { w.redis.Proxy.Delay(120 * time.Millisecond) },
		mend:  func() { w.redis.Proxy.Delay(0) },
	}
}

func down(t *testing.T) scenario {
	t.Helper()
	w := newWorld(t, deployment{})
	return scenario{world: w, cause: w.server.Kill}
}

func restarts(t *testing.T) scenario {
	t.Helper()
	w := newWorld(t, deployment{})
	return scenario{world: w, cause: func() {
		for range 3 {
			w.server.Kill()
			w.restart()
			w.pass()
		}
	}}
}

func filesRunOut(t *testing.T) scenario {
	t.Helper()
	testenv.Need(t, "prlimit")
	w := newWorld(t, deployment{})
	squeeze := func() { // a bound a little above what is open, which rises and falls
		limit := int(1.1*w.figure("process_open_fds")) + 1
		out, err := exec.CommandContext(t.Context(), "prlimit", "--pid", strconv.Itoa(w.server.PID()), "--nofile="+strconv.Itoa(limit)+":").CombinedOutput()
		require.NoError(t, err, string(out))
	}
	return scenario{world: w, cause: squeeze, traffic: func() {
		w.exchange(w.token)
		squeeze()
	}}
}

// replicated is a Redis server with a replica that has to be there for a write.
func replicated(t *testing.T, lag string) (primary, replica *testenv.RedisServer) {
	t.Helper()
	primary = testenv.Redis(t, testenv.RedisOptions{Args: []string{"--repl-diskless-sync-delay", "0", "--min-replicas-to-write", "1", "--min-replicas-max-lag", lag}})
	_, port, _ := strings.Cut(primary.Addr(), ":")
	replica = testenv.Redis(t, testenv.RedisOptions{Args: []string{"--replicaof", "127.0.0.1 " + port}})
	testenv.Wait(t, soon, func() bool {
		return strings.Contains(primary.MustDo("INFO", "replication"), "min_slaves_good_slaves:1")
	})
	return primary, replica
}

func replicaEnds(t *testing.T) scenario {
	t.Helper()
	primary, replica := replicated(t, "2")
	w := newWorld(t, deployment{redis: primary, replica: replica, store: ", replicas: 1"})
	return scenario{world: w, cause: func() {
		replica.Kill()
		w.lost()
	}, mended: w.back}
}

func unconfirmed(t *testing.T) scenario {
	t.Helper()
	primary, replica := replicated(t, "10")
	w := newWorld(t, deployment{redis: primary, replica: replica, store: ", replicas: 1"})
	_, token := w.pat("pat")
	revoke := func() int { return w.post("/oauth2/revoke", url.Values{"token": {token}}) }
	return scenario{world: w, cause: func() {
		replica.Pause()
		testenv.Wait(t, soon, func() bool {
			require.Equal(t, http.StatusServiceUnavailable, revoke())
			return w.figure("cambio_redis_unconfirmed_changes_total") > 0
		})
	}, mended: func() {
		w.back()
		testenv.Wait(t, soon, func() bool { return revoke() == http.StatusOK }) // as soon as the replica follows
	}}
}

func redisUnsafe(t *testing.T) scenario {
	t.Helper()
	w := newWorld(t, deployment{})
	const accepted, look = "cambio_redis_policy_accepted", 90 * time.Second // it looks each minute
	return scenario{
		world: w,
		cause: func() {
			w.redis.MustDo("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
			w.waitFor(look, accepted, is(0))
		},
		mended: func() {
			if !testenv.Full() {
				w.restart() // looks at once
			}
			w.waitFor(look, accepted, is(1))
		},
	}
}

func redisChanges(t *testing.T) scenario {
	t.Helper()
	w := newWorld(t, deployment{})
	return scenario{world: w, cause: func() {
		for range 4 {
			before := w.figure("cambio_redis_sessions_total")
			again(w.redis)
			w.wait("cambio_redis_sessions_total", above(before))
			w.back()
			w.pass()
		}
	}}
}

func storeFails(t *testing.T) scenario {
	t.Helper()
	w := newWorld(t, deployment{})
	return scenario{world: w, cause: func() { w.redis.MustDo("CONFIG", "SET", "maxmemory", "1") }, traffic: w.create, goesOn: true}
}

// smallDisk is a folder on a file system of its own; fill takes all its room, and release
// gives it back.
func smallDisk(t *testing.T) (dir string, fill, release func()) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size=1m"); err != nil {
		testenv.Lack(t, "only root makes a small disk: "+err.Error())
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	filler := filepath.Join(dir, "filler")
	fill = func() {
		file, err := os.Create(filler)
		require.NoError(t, err)
		for err == nil {
			_, err = file.Write(make([]byte, 4096))
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.NoError(t, file.Close())
	}
	return dir, fill, func() { require.NoError(t, os.Remove(filler)) }
}

func auditNotWritten(t *testing.T) scenario {
	t.Helper()
	disk, fill, release := smallDisk(t)
	w := newWorld(t, deployment{auditDir: disk})
	return scenario{world: w, cause: func() {
		fill()
		testenv.Wait(t, soon, func() bool {
			w.exchange(w.token) // until the last page that it has is full
			return w.figure(sinkReady) == 0
		})
	}, mend: release, mended: func() { w.wait(sinkReady, is(1)) }}
}

func outboxStuck(t *testing.T) scenario {
	t.Helper()
	s := auditNotWritten(t)
	const oldest = "cambio_outbox_oldest_event_timestamp_seconds"
	full := s.cause
	s.cause = func() {
		full()
		s.create()
		s.wait(oldest, above(0))
	}
	s.mended = func() {
		s.wait(sinkReady, is(1))
		s.wait(oldest, is(0))
	}
	return s
}

func webhookFails(t *testing.T) scenario {
	t.Helper()
	var healthy atomic.Bool
	healthy.Store(true)
	receiver := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		if !healthy.Load() {
			out.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(receiver.Close)
	secret := filepath.Join(t.TempDir(), "webhook.secret")
	require.NoError(t, os.WriteFile(secret, []byte("whsec_"+strings.Repeat("QUJD", 8)+"\n"), 0o600))
	w := newWorld(t, deployment{more: "webhooks: [{url: \"" + receiver.URL + "\", secretFile: \"" + secret + "\", allowedNetworks: [127.0.0.0/8]}]\n"})
	return scenario{world: w, cause: func() {
		healthy.Store(false)
		w.create()
		w.wait(failing, above(0))
	}, mend: func() { healthy.Store(true) }, mended: func() { w.wait(failing, is(0)) }}
}

func webhookGivesUpSoon(t *testing.T) scenario {
	t.Helper()
	s := webhookFails(t)
	s.tick, s.within = 10*time.Minute, 72*time.Hour
	return s
}

func cannotSign(t *testing.T) scenario {
	t.Helper()
	w := newWorld(t, deployment{})
	return scenario{world: w, cause: func() {
		w.cambio("backup", "--config", w.file, filepath.Join(w.dir, "backup.db"))
		w.redis.MustDo("FLUSHALL")
		w.wait(ringReady, is(0))
	}}
}

func certificateExpires(t *testing.T) scenario {
	t.Helper()
	const expiry, day = `cambio_tls_certificate_expiry_timestamp_seconds{listener="public"}`, 24 * time.Hour
	certificate := testenv.NewCertificate(t, "127.0.0.1")
	w := newWorld(t, deployment{tls: certificate})
	lives := func(least, most time.Duration) func(float64) bool {
		return func(at float64) bool {
			left := time.Until(time.Unix(int64(at), 0))
			return least < left && left < most
		}
	}
	return scenario{world: w, cause: func() {
		certificate.Renew(t, 5*day)
		w.wait(expiry, lives(4*day, 6*day))
	}, mend: func() { certificate.Renew(t, 80*day) }, mended: func() { w.wait(expiry, lives(79*day, 81*day)) }}
}

// rolloverOverdue has the successor of the key lost, and a user of Redis that may write
// no event of a change of keys, and so no change of them.
func rolloverOverdue(t *testing.T) scenario {
	t.Helper()
	const next, ring = `cambio_signing_key_successor_published{alg="ES256"}`, "cambio:{cfg}:keys"
	w := newWorld(t, deployment{})
	return scenario{world: w, cause: func() {
		var state map[string]any
		require.NoError(t, json.Unmarshal([]byte(w.redis.MustDo("HGET", ring, "state")), &state))
		kept, ok := state["keys"].([]any)
		require.True(t, ok)
		state["keys"] = kept[:len(kept)-1]
		text, err := json.Marshal(state)
		require.NoError(t, err)
		w.redis.MustDo("ACL", "SETUSER", "default", "resetkeys", "~cambio:{??}:*", "~cambio:{cfg}:[^a]*")
		w.redis.MustDo("HSET", ring, "state", string(text))
		w.wait(next, is(0))
	}, mended: func() { w.wait(next, is(1)) }}
}

func guessing(t *testing.T) scenario {
	t.Helper()
	w := newWorld(t, deployment{})
	id, gone := w.pat("pat")
	w.cambio("pat", "delete", "--yes", id)
	return scenario{world: w, cause: func() {}, traffic: func() {
		for range 30 {
			w.exchange(gone)
		}
	}}
}

func oldSecretUsed(t *testing.T) scenario {
	t.Helper()
	w := newWorld(t, deployment{})
	id, old := w.pat("pat")
	w.cambio("pat", "rotate", id, "--grace", "0", "--token-out", filepath.Join(w.dir, "new.token"))
	return scenario{world: w, tick: time.Minute, within: 2 * time.Hour, cause: func() {
		require.Equal(t, http.StatusBadRequest, w.exchange(old))
		testenv.Wait(t, soon, func() bool { return strings.Contains(w.shell(`cat "$AUDIT_DIR"/*.jsonl`), "old_secret") })
	}}
}

func usesRefused(t *testing.T) scenario {
	t.Helper()
	w := newWorld(t, deployment{})
	w.cambio("role", "assign", "organization_admin", "--to", "admin")
	id, token := w.pat("org", "token")
	return scenario{world: w, env: []string{"PAT_ID=" + id}, cause: func() {
		w.cambio("org", "token", "revoke", id)
	}, traffic: func() { w.exchange(token) }, goesOn: true, mended: func() {
		require.Equal(t, http.StatusOK, w.exchange(token))
	}}
}
