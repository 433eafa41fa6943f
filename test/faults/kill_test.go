package faults

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// life is how far a token is known to have come.
type life int

const (
	created life = iota
	revoked
	deleted
)

// fate is what was acknowledged of one token. A change that was sent and not
// answered may have happened.
type fate struct {
	testenv.DevPAT

	known, sent life
	revoked     bool // was acknowledged, before it was deleted
}

// writers create, revoke and delete tokens by the management API.
type writers struct {
	server *served
	served atomic.Int64 // changes acknowledged
	mu     sync.Mutex
	fates  []*fate
}

// write makes one token after the other and takes two of three further, until a
// request fails because the server is gone. It returns what else went wrong.
func (w *writers) write(t *testing.T, name string) error {
	t.Helper()
	call := func(method, path, body string) (answer, error) {
		return w.server.try(t, method, pathTokens+path, body, bearer(w.server.token), header("Content-Type", "application/json"))
	}
	for i := 0; ; i++ {
		got, err := call(http.MethodPost, "", draft(fmt.Sprintf("%s-%d", name, i), `"scope":["sp:scopes:default"]`))
		if err != nil {
			return nil //nolint:nilerr // it was killed
		}
		if got.status != http.StatusOK {
			return fmt.Errorf("create: %d %s", got.status, got.body)
		}
		f := &fate{DevPAT: made(got)}
		w.mu.Lock()
		w.fates = append(w.fates, f)
		w.mu.Unlock()
		w.served.Add(1)
		for _, step := range []struct {
			to           life
			method, path string
		}{{revoked, http.MethodPost, "/" + f.ID + "/revoke"}, {deleted, http.MethodDelete, "/" + f.ID}}[:i%3] {
			f.sent = step.to
			got, err := call(step.method, step.path, "")
			if err != nil {
				return nil //nolint:nilerr // it was killed
			}
			if got.status >= http.StatusMultipleChoices {
				return fmt.Errorf("%s %s: %d %s", step.method, step.path, got.status, got.body)
			}
			f.known, f.revoked = step.to, true
			w.served.Add(1)
		}
	}
}

// untilKilled lets eight writers work until some changes were acknowledged, and
// kills the server.
func (w *writers) untilKilled(t *testing.T, round, changes int) {
	t.Helper()
	failures := make(chan error, 8)
	for i := range cap(failures) {
		go func() { failures <- w.write(t, fmt.Sprintf("%d-%d", round, i)) }()
	}
	from := w.served.Load()
	testenv.Wait(t, soon, func() bool { return len(failures) > 0 || w.served.Load() >= from+int64(changes) })
	w.server.Kill()
	for range cap(failures) {
		require.NoError(t, <-failures)
	}
}

// check proves that a server has all that was acknowledged.
func (f *fate) check(t *testing.T, d door) {
	t.Helper()
	got := d.exchange(t, f.Token)
	state := deleted
	switch {
	case got.status == http.StatusOK:
		state = created
	case got.status == http.StatusBadRequest && got.member("denial_id") != "":
		require.Contains(t, got.member("error_description"), "the token was revoked")
		state = revoked
	default:
		require.Equal(t, unproved, got.body)
	}
	require.GreaterOrEqual(t, state, f.known, "an acknowledged change is gone")
	require.LessOrEqual(t, state, max(f.known, f.sent), "something happened that nobody asked for")
}

// again starts the server again and looks at what the tokens from an index on
// have come to.
func (w *writers) again(t *testing.T, round, from int) {
	t.Helper()
	requireWholeTrail(t, w.server.auditDir())
	w.server.Restart()
	for _, f := range w.fates[from:] {
		f.check(t, w.server.door)
		if round%10 != 0 { // an owner has room for so many; some stay to the end
			f.remove(t, w.server)
		}
	}
}

// remove deletes a token that may be there.
func (f *fate) remove(t *testing.T, server *served) {
	t.Helper()
	f.sent = deleted
	got := server.json(t, http.MethodDelete, pathTokens+"/"+f.ID, server.token, "")
	require.Contains(t, []int{http.StatusNoContent, http.StatusNotFound}, got.status, got.body)
	f.known = deleted
}

// TestKilled kills a server on a bolt file while it writes, again and again
// (A101): the file opens, everything acknowledged is there, and the audit trail
// is whole and has the event of every change.
func TestKilled(t *testing.T) {
	server := serve(t, t.TempDir(), "", "")
	w := &writers{server: server}
	began := time.Now()
	for round := range times(10, 100) {
		before := len(w.fates)
		w.untilKilled(t, round, 20+rand.IntN(60))
		w.again(t, round, before)
		if !testenv.Full() && time.Since(began) > 10*time.Second {
			break
		}
	}
	for _, f := range w.fates {
		if f.known == created {
			f.check(t, server.door)
		}
	}
	w.checkEvents(t)
	server.Stop()
	requireWholeTrail(t, server.auditDir())
}

// checkEvents proves that the trail gets one event for each acknowledged change.
func (w *writers) checkEvents(t *testing.T) {
	t.Helper()
	var events map[string]int
	missing := func() bool {
		events = map[string]int{}
		for _, e := range trail(t, w.server.auditDir()) {
			events[fmt.Sprint(e["event"], " ", e["pat_id"])]++
		}
		for _, f := range w.fates {
			if events[f.event(f.known)] == 0 {
				return true
			}
		}
		return false
	}
	testenv.Wait(t, soon, func() bool { return !missing() })
	for _, f := range w.fates {
		for at := created; at <= deleted; at++ {
			switch got := events[f.event(at)]; {
			case at > f.sent:
				require.Zero(t, got, f.event(at))
			case at == revoked && f.known == deleted && !f.revoked:
				require.LessOrEqual(t, got, 1, f.event(at))
			case at <= f.known:
				require.Equal(t, 1, got, f.event(at))
			}
		}
	}
}

func (f *fate) event(at life) string {
	return "PERSONAL_ACCESS_TOKEN_" + []string{"CREATED", "REVOKED", "DELETED"}[at] + " " + f.ID
}

// TestKilledWhileItEnds (A109): what was acknowledged after the order to end is
// there, with its event.
func TestKilledWhileItEnds(t *testing.T) {
	server := serve(t, t.TempDir(), "", "")
	w := &writers{server: server}
	for round := range times(2, 30) {
		before := len(w.fates)
		failures := make(chan error, 8)
		for i := range cap(failures) {
			go func() { failures <- w.write(t, fmt.Sprintf("%d-%d", round, i)) }()
		}
		during(200 * time.Millisecond)
		server.Signal(syscall.SIGTERM)
		during(time.Duration(50+300*(round%2)+10*round) * time.Millisecond) // the last is after the doors have closed
		server.Kill()
		for range cap(failures) {
			require.NoError(t, <-failures)
		}
		w.again(t, round, before)
	}
	require.NotEmpty(t, w.fates)
	w.checkEvents(t)
	server.Stop()
	requireWholeTrail(t, server.auditDir())
}

// TestEndsUnderLoad (A109): no exchange fails because a server ends, and each
// has its event. Like a load balancer, the clients look away from a server that
// is not ready; one that does not may meet the closing listener.
func TestEndsUnderLoad(t *testing.T) {
	dir := t.TempDir()
	server := testenv.Dev(t, "--data-dir", dir)
	d, token := devDoor(server), server.Info.Users.Alice.PAT
	var away atomic.Bool
	ended := make(chan struct{})
	health := startLoad(1, func(int) (answer, error) {
		got, err := d.try(t, http.MethodGet, "/readyz", "")
		away.Store(err != nil || got.status != http.StatusOK)
		during(10 * time.Millisecond)
		return got, err
	})
	exchanges := startLoad(16, func(int) (answer, error) {
		if away.Load() {
			<-ended
			return answer{}, nil
		}
		return d.tryExchange(t, token.Token)
	})
	during(500 * time.Millisecond)
	told := time.Now()
	server.Stop()
	close(ended)
	samples := exchanges.stop()
	require.Equal(t, http.StatusServiceUnavailable, slices.MaxFunc(health.stop(), func(a, b sample) int { return cmp.Compare(a.status, b.status) }).status)
	succeeded := 0
	for _, s := range samples {
		require.NoError(t, s.err, "begun %v, answered %v after the order to end", s.start.Sub(told), s.end.Sub(told))
		if s.status == 0 {
			continue
		}
		require.Equal(t, http.StatusOK, s.status, s.body)
		succeeded++
	}
	require.Positive(t, succeeded)
	require.Equal(t, succeeded, count(t, filepath.Join(dir, "audit"), "USED", token.ID))
	requireWholeTrail(t, filepath.Join(dir, "audit"))
}
