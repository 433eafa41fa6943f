package api_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/internal/throttle"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/redis"
	"github.com/cambio-sts/cambio/storage/storagetest"
)

const issuer = "https://sts.example.com"

// clock is a time that a test moves, or the real one, which goes by itself.
type clock struct {
	mu sync.Mutex
	at time.Time // zero: the real time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() {
		return time.Now()
	}
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// recorder keeps the events of uses.
type recorder struct {
	mu     sync.Mutex
	events []audit.Event
}

func (r *recorder) Record(event audit.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, event)
	return nil
}

func (r *recorder) last() audit.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[len(r.events)-1]
}

// world is the API over a real store and real keys, behind the real shell, with
// an organization in which alice and bob may use tokens.
type world struct {
	*testing.T
	clock        *clock
	stores       storagetest.Stores
	people       *directory.Directory
	organization directory.Organization
	alice, bob   directory.Identity
	tokens       *pat.Service
	ring         *keys.Ring
	exchanger    *exchange.Exchanger
	uses         *recorder
	trail        string // the folder of the audit trail
	api          *api.API
	url          string
}

// newWorld is a world over a file, where time stands still.
func newWorld(t *testing.T, change ...func(*api.Config)) *world {
	t.Helper()
	still := &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 123_000_000, time.UTC)}
	return newWorldOver(t, still, boltStores(t, still), change...)
}

func boltStores(t *testing.T, clock *clock) storagetest.Stores {
	t.Helper()
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: clock.now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return storagetest.Stores{
		PATs: db.PATs(), Uses: db.Uses(), Identities: db.Identities(), Catalog: db.Catalog(), Keys: db.Keys(), Outbox: db.Outbox(),
	}
}

// redisStores are on a server of their own, whose clock is the real one.
func redisStores(t *testing.T) storagetest.Stores {
	t.Helper()
	server := testenv.Redis(t, testenv.RedisOptions{})
	var db *redis.DB
	testenv.Wait(t, 10*time.Second, func() (ok bool) { // other tests may hold the processors
		var err error
		db, err = redis.Open(t.Context(), redis.Config{Addrs: []string{server.Addr()}, Durability: redis.Verified, Now: time.Now})
		return err == nil
	})
	t.Cleanup(func() { _ = db.Close() })
	return storagetest.Stores{
		PATs: db.PATs(), Uses: db.Uses(), Identities: db.Identities(), Catalog: db.Catalog(), Keys: db.Keys(), Outbox: db.Outbox(),
	}
}

// onBothStores runs a test over a file, where time stands still, and over a Redis.
func onBothStores(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("bolt", func(t *testing.T) { test(t, newWorld(t)) })
	t.Run("redis", func(t *testing.T) { test(t, newWorldOver(t, &clock{}, redisStores(t))) })
}

func newWorldOver(t *testing.T, clock *clock, stores storagetest.Stores, change ...func(*api.Config)) *world {
	t.Helper()
	w := &world{T: t, clock: clock, stores: stores, uses: &recorder{}, trail: t.TempDir()}
	var err error
	w.people, err = directory.New(directory.Config{Identities: stores.Identities, Catalog: stores.Catalog, Now: w.clock.now})
	require.NoError(t, err)
	w.organization = w.newOrganization("acme")
	w.alice, w.bob = w.newIdentity(w.organization.ID, "alice"), w.newIdentity(w.organization.ID, "bob")
	for _, holder := range []directory.Identity{w.alice, w.bob} {
		w.assign(&holder, directory.AccessAsNonInteractiveUser)
	}
	w.openKeys()
	w.openPipeline()
	w.build(change...)
	return w
}

func limiter(w *world, window throttle.Window) *throttle.Limiter {
	w.Helper()
	made, err := throttle.NewLimiter(throttle.LimiterConfig{Window: window, Now: w.clock.now})
	require.NoError(w, err)
	return made
}

// build makes the API over what there is, and serves it.
func (w *world) build(change ...func(*api.Config)) {
	w.Helper()
	config := api.Config{
		Exchanger: w.exchanger, Manager: w.manager(w.tokens), Issuer: issuer,
		Requests: limiter(w, throttle.Window{Most: 10_000, Length: time.Second}), Now: w.clock.now, Logger: zap.NewNop(),
	}
	for _, change := range change {
		change(&config)
	}
	var err error
	w.api, err = api.New(config)
	require.NoError(w, err)
	w.serve()
}

// manager is the use cases over a tokens' service.
func (w *world) manager(tokens *pat.Service) *manage.Manager {
	w.Helper()
	manager, err := manage.New(manage.Config{
		Tokens: tokens, Directory: w.people, Keys: w.ring, Services: w.exchanger.Services, Trail: audit.NewArchive(w.trail), Now: w.clock.now,
	})
	require.NoError(w, err)
	return manager
}

// rebuild makes the tokens' service, and the API over it, anew.
func (w *world) rebuild(tokens func(*pat.Config), change ...func(*api.Config)) {
	w.Helper()
	config := w.tokenConfig()
	tokens(&config)
	service, err := pat.NewService(config)
	require.NoError(w, err)
	w.build(append(change, func(c *api.Config) { c.Manager = w.manager(service) })...)
}

func (w *world) tokenConfig() pat.Config {
	w.Helper()
	peppers, err := pat.NewPeppers(pat.Pepper{Version: 1, Key: bytes.Repeat([]byte{7}, 32)})
	require.NoError(w, err)
	format, err := pat.NewFormat(pat.DefaultPrefix)
	require.NoError(w, err)
	return pat.Config{Store: w.stores.PATs, Uses: w.stores.Uses, Format: format, Peppers: peppers, Now: w.clock.now}
}

// openKeys opens the keys, of which the first was made an hour ago.
func (w *world) openKeys() {
	w.Helper()
	w.ringAt(func() time.Time { return w.clock.now().Add(-time.Hour) })
	w.ring = w.ringAt(w.clock.now)
}

// ringAt opens the keys as a process does whose clock is now.
func (w *world) ringAt(now func() time.Time) *keys.Ring {
	w.Helper()
	master, err := keys.ParseMaster([]byte("1:" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))))
	require.NoError(w, err)
	ring, err := keys.NewRing(keys.Config{
		Store: w.stores.Keys, Master: master, Algs: []keys.Alg{keys.ES256}, RotateEvery: 720 * time.Hour, JWKSMaxAge: 15 * time.Minute,
		Poll: time.Minute, MaxTokenLife: 12 * time.Hour, Now: now,
	})
	require.NoError(w, err)
	require.NoError(w, ring.Prepare(w.Context()))
	require.NoError(w, ring.Open(w.Context()))
	return ring
}

func (w *world) openPipeline(more ...exchange.Service) {
	w.Helper()
	var err error
	w.tokens, err = pat.NewService(w.tokenConfig())
	require.NoError(w, err)
	more = append(more, exchange.Service{Audience: "https://api.example.com", AnyScope: true})
	services, err := exchange.NewServices(issuer, "https://api.example.com", more...)
	require.NoError(w, err)
	limits, err := throttle.New(throttle.Config{Now: w.clock.now})
	require.NoError(w, err)
	w.exchanger, err = exchange.New(exchange.Config{
		Issuer: issuer, Tokens: w.tokens, Directory: w.people, Signer: w.ring, Services: services, Audit: w.uses, Throttle: limits,
		Now: w.clock.now, Alg: keys.ES256,
	})
	require.NoError(w, err)
}

func (w *world) serve() {
	w.Helper()
	mux := http.NewServeMux()
	w.api.Register(mux)
	server := httptest.NewServer(httpx.NewShell(httpx.ShellConfig{
		Next: mux, Logger: zap.NewNop(), Now: w.clock.now, Fault: w.api.ServeFault,
	}))
	w.Cleanup(server.Close)
	w.url = server.URL
}

func (w *world) newOrganization(name string) directory.Organization {
	w.Helper()
	organization, err := w.people.CreateOrganization(w.Context(), name, directory.DefaultPolicy(), directory.Actor{})
	require.NoError(w, err)
	return organization
}

// steady does something again as long as the store is too slow to answer: other tests
// may hold the processors.
func (w *world) steady(do func() error) {
	w.Helper()
	err := do()
	for again := 0; errors.Is(err, fault.ErrUnavailable) && again < 5; again++ {
		err = do()
	}
	require.NoError(w, err)
}

func (w *world) newIdentity(organization directory.ID, username string) directory.Identity {
	w.Helper()
	var identity directory.Identity
	w.steady(func() (err error) {
		identity, err = w.people.CreateIdentity(w.Context(), directory.Identity{
			Organization: organization, Type: directory.User, Username: username, DisplayName: strings.ToUpper(username[:1]) + username[1:], Enabled: true,
		}, directory.Actor{})
		return err
	})
	return identity
}

// assign gives a role in the holder's organization, or on the platform.
func (w *world) assign(holder *directory.Identity, role directory.Role, rights ...directory.Right) {
	w.Helper()
	assignment := directory.Assignment{Role: role, Rights: rights, Scope: directory.OnOrganization, ScopeID: holder.Organization, Holder: holder.ID}
	if role == directory.PlatformAdmin {
		assignment.Scope, assignment.ScopeID = directory.OnPlatform, ""
	}
	w.steady(func() error { return w.people.Assign(w.Context(), holder.Organization, assignment, directory.Actor{}) })
}

func (w *world) setPolicy(change func(*directory.Policy)) {
	w.Helper()
	organization, err := w.people.UpdateOrganization(w.Context(), w.organization.ID, func(o *directory.Organization) error {
		change(&o.Policy)
		return nil
	}, directory.Actor{})
	require.NoError(w, err)
	w.organization = organization
}

// token makes a token of owner behind the API's back.
func (w *world) token(owner *directory.Identity, name string, change ...func(*pat.Draft)) (pat.Record, string) {
	w.Helper()
	draft := pat.Draft{Name: name, Level: pat.Personal}
	for _, change := range change {
		change(&draft)
	}
	policy := w.organization.Policy
	policy.MaxTokensPerOwner = 0
	var token pat.Token
	var record pat.Record
	w.steady(func() (err error) {
		token, record, err = w.tokens.Create(w.Context(), owner, &draft, &policy, pat.Actor{Identity: owner.ID})
		return err
	})
	return record, token.Reveal().Reveal()
}

// bearer makes a token of owner to act by, with these scopes.
func (w *world) bearer(owner *directory.Identity, scope ...string) string {
	w.Helper()
	_, token := w.token(owner, "acts "+string(pat.NewID(owner.ID)), func(d *pat.Draft) { d.Scope = scope })
	return token
}

// jwt exchanges a token for a JWT of the management API.
func (w *world) jwt(token, scope string) string {
	w.Helper()
	issued, err := w.exchanger.Exchange(w.Context(), &exchange.Request{
		Credential: exchange.TokenCredential(secret.New(token)), Audience: []string{issuer + "/api/v1"}, Scope: scope,
		Origin: audit.Origin{IP: "127.0.0.1"},
	})
	require.NoError(w, err)
	return issued.AccessToken
}
