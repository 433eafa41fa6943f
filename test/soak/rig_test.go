package soak

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const config = `issuer: http://%[1]s
listen: {addr: "%[2]s", adminAddr: "%[3]s"}
store: {url: "%[4]s"}
masterKey: {file: "%[5]s/master.key"}
audit: {dir: "%[6]s"}
token: {defaultAudience: "https://demo.example.com"}
services: [{audience: "https://demo.example.com", scopes: "*"}]
limits: {requestsPer10s: 1000000}
log: {requests: errors}
policy: {maxTokensPerOwner: 1000, defaultLifetimeSeconds: 604800, maxLifetimeSeconds: 31536000, allowedNetworks: [127.0.0.0/8]}
`

// The replicas, by what happens to them.
const (
	steady = iota
	restarted
	killed
)

// replica is one process of the product, and those that took its place.
type replica struct {
	*testenv.ServeServer

	name   string
	addr   string
	admin  string // URL of the admin listener
	audit  string
	client *http.Client
	lock   sync.Mutex // held while the process changes
	kills  []time.Time
}

// rig is all that runs.
type rig struct {
	redis    *testenv.RedisSentinel
	replicas []*replica
	owner    pat // of the administrator, with whose token tokens are made
	used     pat // with which the load exchanges
}

// pat is a personal access token.
type pat struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
	Token  string `json:"token"`
}

func newRig(t *testing.T) *rig {
	t.Helper()
	testenv.Need(t, "redis-server")
	r := &rig{redis: testenv.Sentinel(t, testenv.RedisOptions{Proxied: true, OnDisk: true})}
	dir, issuer := t.TempDir(), ""
	for _, name := range []string{steady: "steady", restarted: "restarted", killed: "killed"} {
		addr, admin := local(t), local(t)
		if issuer == "" {
			issuer = addr
		}
		audit := filepath.Join(dir, name)
		text := fmt.Sprintf(config, issuer, addr, admin, r.redis.URL(), dir, audit)
		if name == "steady" {
			file := filepath.Join(dir, "cambio.yaml")
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			run(t, "init", "--config", file)
			r.owner.Token = strings.TrimSpace(run(t, "bootstrap", "--config", file, "--who", "everyone"))
		}
		server := testenv.Serve(t, testenv.ServeOptions{Config: text, URL: "http://" + addr})
		r.replicas = append(r.replicas, &replica{ServeServer: server, name: name, addr: addr, admin: "http://" + admin, audit: audit, client: server.Client()})
	}
	c := &clerk{rig: r}
	status, err := c.create(t.Context(), r.replicas[steady], "load", time.Now().Add(7*24*time.Hour), &r.used)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	return r
}

func local(t *testing.T) string {
	t.Helper()
	return "127.0.0.1:" + strconv.Itoa(testenv.FreePort(t))
}

// run runs the product and returns what it printed; it must succeed.
func run(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := testenv.Run(t, 30*time.Second, args...)
	require.Zero(t, code, "cambio %v: %s", args, stderr)
	return stdout
}

// again replaces the process of a replica: one that is told to end, or is killed.
func (r *replica) again(kill bool) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if kill {
		r.kills = append(r.kills, time.Now())
		r.Kill()
	}
	r.Restart()
}

// random returns n random bytes in hex.
func random(n int) string {
	bytes := make([]byte, n)
	_, _ = rand.Read(bytes) // never fails
	return hex.EncodeToString(bytes)
}
