package soak

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// fault is something that goes wrong, and what ends it.
type fault struct {
	name string
	// long is of those that take seconds by themselves; a rehearsal leaves them out.
	long bool
	do   func(t *testing.T, r *rig)
}

func allFaults() []fault {
	return []fault{
		{"Redis is paused for 1.2 s", false, paused},
		{"connections to Redis are cut for 0.3 s", false, cut},
		{"5 ms on each answer of Redis, for 3 s", true, slowed},
		{"a process is restarted by SIGTERM", false, func(_ *testing.T, r *rig) { r.replicas[restarted].again(false) }},
		{"a process is killed and started", false, func(_ *testing.T, r *rig) { r.replicas[killed].again(true) }},
		{"the primary is killed, comes back as a replica", true, promoted},
		{"20 clients hold half a request for 6 s", true, halves},
		{"500 wrong secrets", false, guessed},
		{"all Redis servers rewrite their files", false, rewritten},
		{"the signing key is rotated", false, rotated},
		{"SIGHUP", false, hungUp},
	}
}

// during waits until d has passed, in which load goes on.
func during(d time.Duration) { <-time.After(d) }

func paused(_ *testing.T, r *rig) {
	primary := r.redis.Primary()
	primary.Pause()
	during(1200 * time.Millisecond)
	primary.Resume()
}

func cut(_ *testing.T, r *rig) {
	proxy := r.redis.Primary().Proxy
	proxy.Set(testenv.Clients, testenv.Cut)
	during(300 * time.Millisecond)
	proxy.Set(testenv.Clients, testenv.Pass)
}

func slowed(_ *testing.T, r *rig) {
	proxy := r.redis.Primary().Proxy
	proxy.Delay(5 * time.Millisecond)
	during(3 * time.Second)
	proxy.Delay(0)
}

func promoted(_ *testing.T, r *rig) {
	primary := r.redis.Primary()
	primary.Kill()
	r.redis.Rejoin(primary, r.redis.Promoted(primary))
}

// halves are clients that announce more than they send; the server gives them up.
func halves(t *testing.T, r *rig) {
	t.Helper()
	var open []net.Conn
	for i := range 20 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.replicas[i%len(r.replicas)].addr)
		require.NoError(t, err)
		open = append(open, conn)
		half := "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
		if i%2 == 0 {
			half += "Content-Length: 1000\r\n\r\ngrant_type="
		}
		_, err = io.WriteString(conn, half)
		require.NoError(t, err)
	}
	during(6 * time.Second)
	for _, conn := range open {
		_ = conn.Close() // the server may have
	}
}

// guessed are wrong secrets of the very token that the load uses.
func guessed(t *testing.T, r *rig) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: patience}
	defer client.CloseIdleConnections()
	wrong := make(chan string, 500)
	var all sync.WaitGroup
	for i := range 4 {
		at := &replica{addr: r.replicas[i%len(r.replicas)].addr, client: client}
		all.Go(func() {
			for range cap(wrong) / 4 {
				token := r.used.Token[:len(r.used.Token)-len(r.used.Secret)] + random(21) + "a"
				if status, err := exchange(t.Context(), at, token); err == nil && (status == http.StatusOK || status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable) {
					wrong <- fmt.Sprintf("a wrong secret is answered %d", status)
				}
			}
		})
	}
	all.Wait()
	close(wrong)
	for text := range wrong {
		t.Error(text)
	}
}

func rewritten(_ *testing.T, r *rig) {
	for _, node := range r.redis.Nodes {
		node.MustDo("BGREWRITEAOF")
	}
}

func rotated(t *testing.T, r *rig) {
	t.Helper()
	c := &clerk{rig: r}
	testenv.Wait(t, patience, func() bool {
		status, err := c.call(t.Context(), r.replicas[steady], "/api/v1/keys/rotate", "", nil)
		return err == nil && status == http.StatusOK
	})
}

func hungUp(_ *testing.T, r *rig) {
	for _, replica := range r.replicas {
		replica.Signal(syscall.SIGHUP)
	}
}

// episode is a fault that was, and what it did.
type episode struct {
	Fault     string        `json:"fault"`
	At        time.Duration `json:"at_ns"`        // of the run
	Took      time.Duration `json:"took_ns"`      // until all is there again
	Recovered time.Duration `json:"recovered_ns"` // from its begin until the end of the last answer that it spoiled; 0: none
}

// inject has faults happen one after the other until ctx ends.
func inject(ctx context.Context, t *testing.T, r *rig, p plan, began time.Time, w *window, report func(any)) []episode {
	t.Helper()
	var all []episode
	due := time.Now().Add(p.interval)
	for i := 0; ; i++ {
		kind := i % len(p.faults)
		select {
		case <-ctx.Done():
			return all
		case <-time.After(time.Until(due)):
		}
		if ends, ok := ctx.Deadline(); ok && time.Until(ends) < p.settle { // its window would not close
			<-ctx.Done()
			return all
		}
		due = due.Add(p.interval)
		if now := time.Now(); due.Before(now) {
			due = now
		}
		w.failure.Store(0)
		begin := time.Now()
		w.kind.Store(int32(kind))
		p.faults[kind].do(t, r)
		e := episode{Fault: p.faults[kind].name, At: begin.Sub(began), Took: time.Since(begin)}
		during(p.settle)
		w.kind.Store(outside)
		if last := w.failure.Load(); last != 0 {
			e.Recovered = time.Unix(0, last).Sub(begin)
		}
		all = append(all, e)
		report(e)
		if due.Before(time.Now().Add(p.settle)) {
			due = time.Now().Add(p.settle) // some time without
		}
	}
}
