package conformance

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// world is a running server and what the cases know of it.
type world struct {
	issuer    string
	addr      string // scheme, host and port; replica's if there is a second server
	replica   string
	auditDir  string
	dataFiles []string // where the store keeps its data
	client    *http.Client
	vars      map[string]string
	keys      []signingKey
	redis     *testenv.RedisServer // nil on bolt
	edit      func(t *testing.T, change func(*domain))
	stderr    func() string
	turn      *atomic.Int64 // of manage
	site      *site         // nil where there is no login
}

// users that a token of cambio dev is known of.
func devVars(info *testenv.DevInfo) map[string]string {
	vars := map[string]string{"issuer": info.Issuer, "audience": info.Audience, "api": info.APIAudience}
	for name, user := range map[string]testenv.DevUser{"alice": info.Users.Alice, "bob": info.Users.Bob, "admin": info.Users.Admin} {
		vars[name+".user"] = user.ID
		addToken(vars, name, user.PAT.ID, user.PAT.Secret, user.PAT.Token)
	}
	return vars
}

func addToken(vars map[string]string, name, id, secret, token string) {
	vars[name+".id"], vars[name+".secret"], vars[name+".token"] = id, secret, token
}

// newBolt is cambio dev on its embedded store. It is stopped once, for people to
// be put into the store that no API can make.
func newBolt(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	server := testenv.Dev(t, "--data-dir", dir)
	server.Stop()
	people, keys := populate(t, dir, "")
	server.Restart()
	w := newDevWorld(server, keys, people)
	w.dataFiles = []string{filepath.Join(dir, "cambio.db")}
	return w
}

// newRedis is two replicas of cambio dev on a Redis server.
func newRedis(t *testing.T) *world {
	t.Helper()
	redis := testenv.Redis(t, testenv.RedisOptions{})
	dir := t.TempDir()
	server := testenv.Dev(t, "--data-dir", dir, "--redis", redis.URL())
	people, keys := populate(t, dir, redis.URL())
	second := testenv.Dev(t, "--data-dir", dir, "--redis", redis.URL())
	w := newDevWorld(server, keys, people)
	w.replica = second.Info.Addr
	w.stderr = func() string { return server.Stderr() + second.Stderr() }
	w.redis = redis
	w.dataFiles, _ = filepath.Glob(filepath.Join(redis.Dir(), "appendonlydir", "*"))
	w.edit = func(t *testing.T, change func(*domain)) {
		t.Helper()
		d := openDomain(t, dir, redis.URL())
		defer d.close(t)
		change(d)
	}
	return w
}

func newDevWorld(server *testenv.DevServer, keys []signingKey, people map[string]string) *world {
	vars := devVars(&server.Info)
	maps.Copy(vars, people)
	return &world{
		issuer: server.Info.Issuer, addr: server.Info.Addr, replica: server.Info.Addr, auditDir: filepath.Join(server.Info.DataDir, "audit"),
		client: server.Client(), vars: vars, keys: keys, stderr: server.Stderr, turn: new(atomic.Int64),
	}
}

// The services of the served world.
const (
	ordersAudience = "https://orders.example.com"
	rsAudience     = "https://rs.example.com"
	edAudience     = "https://ed.example.com"
	esAudience     = "https://es384.example.com"
)

const servedConfig = `issuer: %[1]s
listen: {addr: "%[2]s", adminAddr: ""}
store: {url: "bolt:%[3]s/cambio.db"}
masterKey: {file: "%[3]s/master.key"}
keys: {alg: RS256}
audit: {dir: "%[3]s/audit"}
services:
  - audience: ` + ordersAudience + `
    alg: ES256
    scopes: {"orders:read": [Everyone], "orders:write": [order-clerks], "orders:audit": [auditors]}
    claims: {roles: true, groups: {match: "order-*"}}
  - {audience: ` + rsAudience + `, scopes: "*"}
  - {audience: ` + edAudience + `, alg: EdDSA, scopes: "*"}
  - {audience: ` + esAudience + `, alg: ES384, scopes: "*", maxLifetimeSeconds: 60}
`

// newServed is cambio init, bootstrap and serve. Its administrator is a clerk
// of orders and no auditor; the cases know it by the name alice, too.
func newServed(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	addr := "127.0.0.1:" + strconv.Itoa(testenv.FreePort(t))
	config := fmt.Sprintf(servedConfig, "http://"+addr, addr, dir)
	file := writeFile(t, dir, "cambio.yaml", config)
	command(t, "init", "--config", file)
	token := strings.TrimSpace(command(t, "bootstrap", "--config", file, "--who", "everyone"))
	d := openDomain(t, dir, "")
	d.makeClerk(t, "admin", "order-clerks", "order-staff", "visitors")
	keys := d.signingKeys(t)
	d.close(t)
	server := testenv.Serve(t, testenv.ServeOptions{Config: config, URL: "http://" + addr})

	parts := strings.Split(token, "_")
	vars := map[string]string{"issuer": "http://" + addr, "api": "http://" + addr + "/api/v1"}
	for _, name := range []string{"alice", "admin"} {
		addToken(vars, name, parts[len(parts)-2], parts[len(parts)-1], token)
	}
	return &world{
		issuer: "http://" + addr, addr: "http://" + addr, replica: "http://" + addr, auditDir: filepath.Join(dir, "audit"),
		client: server.Client(), vars: vars, keys: keys, stderr: server.Stderr, turn: new(atomic.Int64),
	}
}

// newOutage is cambio dev on a Redis server of its own.
func newOutage(t *testing.T) *world {
	t.Helper()
	redis := testenv.Redis(t, testenv.RedisOptions{})
	server := testenv.Dev(t, "--redis", redis.URL())
	w := newDevWorld(server, nil, nil)
	w.redis = redis
	return w
}

// product is a command of the product, without the variables of its tests.
func product(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(ctx, testenv.Binary(t), args...)
	command.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "CAMBIO_") })
	return command
}

// command runs the product and returns what it printed.
func command(t *testing.T, args ...string) string {
	t.Helper()
	output, err := product(t.Context(), t, args...).Output()
	if failed, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output returns it bare
		t.Fatalf("cambio %v: %v\n%s", args, err, failed.Stderr)
	}
	require.NoError(t, err)
	return string(output)
}

// fork is the world for one case: what it learns, others do not see.
func (w *world) fork() *world {
	forked := *w
	forked.vars = maps.Clone(w.vars)
	return &forked
}

var variable = regexp.MustCompile(`\$\{[a-z0-9.]+\}`)

// expand puts the variables into a text.
func (w *world) expand(t *testing.T, text string) string {
	t.Helper()
	return variable.ReplaceAllStringFunc(text, func(name string) string {
		value, known := w.vars[strings.Trim(name, "${}")]
		require.True(t, known, "no variable %s", name)
		return value
	})
}

// run runs a case.
func (w *world) run(t *testing.T, c Case) {
	t.Helper()
	w = w.fork()
	for _, draft := range c.PATs {
		w.create(t, draft)
	}
	if c.Run != nil {
		c.Run(t, w)
		return
	}
	for _, step := range c.Steps {
		w.step(t, step)
	}
}

// step sends one request and looks at its answer.
func (w *world) step(t *testing.T, step Step) answer {
	t.Helper()
	got := w.patiently(t, step)
	step.Want.check(t, w, step.Request, got)
	for name, member := range step.Save {
		w.vars[name] = got.text(t, member)
	}
	return got
}

// isSlow reports whether an answer is 503 and that is not what the case is about:
// on a busy machine a Redis server may be slower than the product waits for it.
// Whoever is told to retry does.
func (w *world) isSlow(status, want int) bool {
	return w.redis != nil && status == http.StatusServiceUnavailable && want != status
}

// patience is how long a store may be slow.
const patience = 3 * time.Second

// patiently sends a request, and again while the store is slow.
func (w *world) patiently(t *testing.T, step Step) (got answer) {
	t.Helper()
	begun := time.Now()
	testenv.Wait(t, 2*patience, func() bool {
		got = w.send(t, step.Request)
		slow := w.isSlow(got.Status, step.Want.Status)
		if slow {
			t.Logf("%s %s is sent again: %s", step.Method, step.Path, got.Body)
		}
		return !slow || time.Since(begun) > patience
	})
	return got
}

// expect is one step on the way of a function.
func (w *world) expect(t *testing.T, request Request, want Want) answer {
	t.Helper()
	return w.step(t, Step{Request: request, Want: want})
}

// manage does what a case needs and is not about, by an owner's token. It takes
// turns with the aliases of the management API, each of which has a rate limit of
// its own, and waits if all are used up or the store is slow.
func (w *world) manage(t *testing.T, owner, method, path string, changes ...change) answer {
	t.Helper()
	aliases := []string{"/v3", "/beta", "/v2024", "/v2025", "/v2026"}
	var got answer
	testenv.Wait(t, 20*time.Second, func() bool {
		alias := aliases[w.turn.Add(1)%int64(len(aliases))]
		request := Request{Method: method, Path: alias + "/personal-access-tokens" + path}
		got = w.sendBy(t, w.client, request.with(append([]change{bearer("${" + owner + ".token}")}, changes...)...))
		return got.Status != http.StatusTooManyRequests && got.Status != http.StatusServiceUnavailable
	})
	return got
}

// create makes a token, which is deleted at the end of the case.
func (w *world) create(t *testing.T, d draft) {
	t.Helper()
	owner := d.owner
	if owner == "" {
		owner = "alice"
	}
	members := ""
	if d.members != "" {
		members = "," + d.members
	}
	if d.expires != 0 {
		expires := time.Now().Add(d.expires).UTC().Format("2006-01-02T15:04:05.000Z")
		members += `,"expirationDate":"` + expires + `"`
		w.vars[d.name+".expires"] = expires
	}
	made := w.manage(t, owner, "POST", "", func(r *Request) { // once for each time it is sent
		jsonBody(`{"name":"` + d.name + " " + rand.Text() + `"` + members + "}")(r)
	})
	require.Equal(t, http.StatusOK, made.Status, made.Body)
	addToken(w.vars, d.name, made.text(t, "id"), made.text(t, "secret"), made.text(t, "token"))
	t.Cleanup(func() { w.manage(t, owner, "DELETE", "/"+made.text(t, "id")) })
}

// waitPast waits until the time in a variable has passed.
func (w *world) waitPast(t *testing.T, name string) {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, w.vars[name])
	require.NoError(t, err)
	testenv.Wait(t, time.Minute, func() bool { return time.Now().After(at) })
}

// mint exchanges a token and returns the JWT.
func (w *world) mint(t *testing.T, changes ...change) string {
	t.Helper()
	return w.expect(t, exchange(changes...), minted(nil)).text(t, "access_token")
}

// TestConformance runs every case in its places.
func TestConformance(t *testing.T) {
	t.Parallel()
	testenv.Binary(t) // once, and not on the time of one place
	all := cases()
	for _, place := range []struct {
		name string
		open func(t *testing.T) *world
		runs []place
	}{
		{"bolt", newBolt, []place{everyStore}},
		{"redis", newRedis, []place{everyStore, onRedis}},
		{"served", newServed, []place{onServed}},
		{"outage", newOutage, []place{onOutage}},
		{"console", newConsole, []place{onConsole}},
		{"alone", func(*testing.T) *world { return nil }, []place{onItsOwn}},
	} {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			w := place.open(t)
			for _, c := range all {
				for _, on := range place.runs {
					if c.On == on {
						t.Run(c.ID+"/"+c.Name, func(t *testing.T) { runIn(t, w, c) })
					}
				}
			}
		})
	}
}

func runIn(t *testing.T, w *world, c Case) {
	t.Helper()
	if w == nil {
		c.Run(t, nil)
		return
	}
	w.run(t, c)
}
