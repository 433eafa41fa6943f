package conformance

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// outageCases are what is answered while the store does not.
func outageCases() []Case {
	oauth := Want{
		Status: http.StatusServiceUnavailable, Header: map[string]string{"Retry-After": `~^[1-9]\d*$`},
		JSON: map[string]any{"error": "temporarily_unavailable", "active": matcher(absent)},
	}
	management := Want{Status: http.StatusServiceUnavailable, Header: map[string]string{"Retry-After": `~^[1-9]\d*$`}, JSON: map[string]any{"detailCode": like("^503")}}
	outage := func(id, name string, run func(t *testing.T, w *world)) Case {
		return Case{ID: id, Name: name, On: onOutage, Run: run}
	}
	return []Case{
		outage("C096", "a PAT", func(t *testing.T, w *world) {
			t.Helper()
			w.expect(t, introspect(), active())
			w.stopped(t, func() { w.expect(t, introspect(), oauth) })
			w.expect(t, introspect(), active())
		}),
		outage("C096", "a JWT", func(t *testing.T, w *world) {
			t.Helper()
			request := introspect(set("token", w.mint(t)))
			w.expect(t, request, active())
			w.stopped(t, func() { w.expect(t, request, oauth) })
			w.expect(t, request, active())
		}),
		outage("C106", "a PAT", func(t *testing.T, w *world) {
			t.Helper()
			w.create(t, draft{name: "kept"})
			w.stopped(t, func() { w.expect(t, revoke("${kept.token}"), oauth) })
			w.expect(t, revoke("${kept.token}"), Want{Status: http.StatusOK})
			w.expect(t, exchange(set("subject_token", "${kept.token}")), denied("revoked"))
		}),
		outage("C106", "a JWT", func(t *testing.T, w *world) {
			t.Helper()
			jwt := w.mint(t)
			w.stopped(t, func() { w.expect(t, revoke(jwt), oauth) })
			w.expect(t, revoke(jwt), Want{Status: http.StatusOK})
			w.expect(t, introspect(set("token", jwt)), inactive())
		}),
		outage("C106", "a write that is not durable", func(t *testing.T, w *world) {
			t.Helper()
			w.create(t, draft{name: "kept"})
			w.configure(t, "min-replicas-to-write", "1") // and there is none
			w.expect(t, revoke("${kept.token}"), oauth)
			w.configure(t, "min-replicas-to-write", "0")
			w.expect(t, revoke("${kept.token}"), Want{Status: http.StatusOK})
			w.expect(t, exchange(set("subject_token", "${kept.token}")), denied("revoked"))
		}),
		outage("C143", "a fault tells nothing of the inside", func(t *testing.T, w *world) {
			t.Helper()
			const id = "c1430000000000000000000000000001"
			w.stopped(t, func() {
				got := w.expect(t, call("GET", pathMine, traced(id)), management)
				require.Equal(t, id, got.text(t, "trackingId"))
				problem := w.expect(t, call("GET", pathMine, traced(id), head("Accept", "application/problem+json")), Want{Status: http.StatusServiceUnavailable})
				require.Contains(t, problem.text(t, "instance"), id)
				for _, got := range []answer{got, problem, w.send(t, exchange()), w.send(t, introspect()), w.send(t, revoke("${alice.token}"))} {
					for _, inside := range []string{"127.0.0.1", "redis", "cambio:", ".go", "goroutine", "dial", "refused", "lua"} {
						require.NotContains(t, strings.ToLower(got.Body), inside)
					}
				}
			})
		}),
		outage("C165", "a store that is gone", func(t *testing.T, w *world) {
			t.Helper()
			w.create(t, draft{name: "revoked"})
			w.expect(t, revoke("${revoked.token}"), Want{Status: http.StatusOK})
			w.stopped(t, func() {
				w.expect(t, exchange(), oauth)
				w.expect(t, credentials(), oauth)
				w.expect(t, call("GET", pathMine), management)
				w.expect(t, call("POST", pathTokens, jsonBody(`{"name":"never made"}`)), management)
				w.expect(t, exchange(set("subject_token", "${revoked.token}")), oauth)
				w.expect(t, get(pathJWKS), Want{Status: http.StatusOK})
				w.expect(t, get("/livez"), Want{Status: http.StatusOK})
				require.Equal(t, http.StatusServiceUnavailable, w.send(t, get("/readyz")).Status)
			})
			w.expect(t, exchange(), minted(nil))
			w.expect(t, exchange(set("subject_token", "${revoked.token}")), denied("revoked"))
		}),
		outage("C166", "a store that hangs", func(t *testing.T, w *world) {
			t.Helper()
			w.expect(t, exchange(), minted(nil))
			w.redis.Pause()
			start := now()
			w.expect(t, exchange(), oauth)
			require.Less(t, now().Sub(start), 2*time.Second)
			start = now()
			w.atOnce(t, 200, http.StatusServiceUnavailable, func(int) Request { return exchange() })
			require.Less(t, now().Sub(start), 5*time.Second)
			w.redis.Resume()
			w.recovered(t)
		}),
	}
}

// stopped runs during while the store is down, and then waits until it is back.
func (w *world) stopped(t *testing.T, during func()) {
	t.Helper()
	w.redis.Stop()
	defer func() {
		w.redis.Start()
		w.recovered(t)
	}()
	during()
}

// recovered waits until the server works again.
func (w *world) recovered(t *testing.T) {
	t.Helper()
	testenv.Wait(t, 20*time.Second, func() bool {
		return w.send(t, get("/readyz")).Status == http.StatusOK && w.send(t, exchange()).Status == http.StatusOK
	})
}

// configure sets an option of the Redis server.
func (w *world) configure(t *testing.T, name, value string) {
	t.Helper()
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(t.Context(), "tcp", w.redis.Addr())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Second)))
	_, err = conn.Write([]byte("CONFIG SET " + name + " " + value + "\r\n"))
	require.NoError(t, err)
	said, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "+OK\r\n", said)
}
