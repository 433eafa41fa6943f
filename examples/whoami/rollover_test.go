package main

import (
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// enough is how many requests show that nothing failed between two steps.
const enough = 200

// load calls the service until it is stopped: by a JWT minted for each request,
// and by a personal access token. Nothing of it may fail.
type load struct {
	w        *world
	url      string
	inFlight sync.RWMutex // held for writing, no JWT is on its way
	accepted atomic.Int64
	refused  atomic.Int64
	kid      atomic.Value // of the last JWT
	over     atomic.Bool
	workers  sync.WaitGroup
}

func (w *world) load(t *testing.T, url string) *load {
	t.Helper()
	l := &load{w: w, url: url}
	for range 4 {
		l.workers.Go(func() {
			for !l.over.Load() {
				l.round(t)
			}
		})
	}
	t.Cleanup(l.stop)
	return l
}

func (l *load) stop() {
	l.over.Store(true)
	l.workers.Wait()
}

func (l *load) round(t *testing.T) {
	t.Helper()
	l.inFlight.RLock()
	defer l.inFlight.RUnlock()
	minted := l.w.mint(t, l.w.server.Info.Audience, scope)
	for _, token := range []string{minted, l.w.server.Info.Users.Alice.PAT.Token} {
		if got := l.w.call(t, l.url+"/whoami", bearer(token)); got.status != http.StatusOK {
			t.Errorf("%d %s %s", got.status, got.challenge, got.body)
			l.refused.Add(1)
		}
		l.accepted.Add(1)
	}
	l.kid.Store(decode(t, minted, 0)["kid"])
}

// settle waits until enough requests went through since now.
func (l *load) settle(t *testing.T) {
	t.Helper()
	goal := l.accepted.Load() + enough
	testenv.Wait(t, time.Minute, func() bool { return l.accepted.Load() >= goal })
}

// signing waits until JWTs are signed by another key than the one named.
func (l *load) signing(t *testing.T, timeout time.Duration, other string) string {
	t.Helper()
	testenv.Wait(t, timeout, func() bool { return l.kid.Load() != nil && l.kid.Load() != other })
	kid, ok := l.kid.Load().(string)
	require.True(t, ok)
	return kid
}

// keys posts to the keys of the management API.
func (w *world) keys(t *testing.T, path string) {
	t.Helper()
	got := w.do(t, http.MethodPost, w.server.Info.Issuer+"/api/v1/keys/"+path, "", bearer(w.server.Info.Users.Admin.PAT.Token))
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.True(t, json.Valid([]byte(got.body)))
}

// TestRollover: under load, a rotation is asked for; then the key that signs is
// revoked, so that the published one signs at once; then that one is revoked, too,
// and one signs that the service has never seen. Not one request fails.
func TestRollover(t *testing.T) {
	w := newWorld(t)
	url := w.serve(t, w.client)
	l := w.load(t, url)
	first := l.signing(t, time.Minute, "")
	w.keys(t, "rotate")
	l.settle(t)
	require.Equal(t, first, l.signing(t, time.Minute, ""), "a key signs only once all may know it")

	w.keys(t, first+"/revoke")
	second := l.signing(t, time.Minute, first)
	l.settle(t)

	// What a revoked key signed is lost: none of it is on its way.
	l.inFlight.Lock()
	w.keys(t, second+"/revoke")
	l.inFlight.Unlock()
	l.signing(t, time.Minute, second)
	l.settle(t)
	l.stop()
	require.Zero(t, l.refused.Load())
	require.GreaterOrEqual(t, l.accepted.Load(), int64(3*enough))
}

// TestPlannedRollover waits for a rotation to come into force, as long as copies
// of the JWKS live and a little more.
func TestPlannedRollover(t *testing.T) {
	if !testenv.Full() {
		t.Skip("takes two minutes: CAMBIO_FULL=1")
	}
	w := newRestarted(t)
	l := w.load(t, w.serve(t, w.client))
	first := l.signing(t, time.Minute, "")
	w.keys(t, "rotate")
	l.signing(t, 3*time.Minute, first)
	l.settle(t)
	l.stop()
	require.Zero(t, l.refused.Load())
}

// newRestarted is cambio serve with the data of cambio dev and the shortest life
// of a JWKS copy that there may be.
func newRestarted(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	server := testenv.Dev(t, "--data-dir", dir)
	server.Stop()
	w := &world{server: server, client: server.Client()}
	testenv.Serve(t, testenv.ServeOptions{URL: server.Info.Issuer, Config: text(map[string]any{
		"issuer": server.Info.Issuer, "listen": map[string]any{"addr": server.Info.Issuer[len("http://"):]},
		"store":    map[string]any{"url": "bolt://" + dir + "/cambio.db"},
		"keys":     map[string]any{"jwksMaxAge": "1m"},
		"audit":    map[string]any{"dir": dir + "/audit"},
		"services": []any{map[string]any{"audience": server.Info.Audience, "name": "Demo", "scopes": "*"}},
	}), Env: []string{"CAMBIO_MASTER_KEY_FILE=" + dir + "/master.key"}})
	return w
}
