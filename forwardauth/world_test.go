package forwardauth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/forwardauth"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/throttle"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
)

const (
	issuer = "https://sts.example.com"
	open   = "https://open.example.com" // takes every application scope
	orders = "https://orders.example.com"
)

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
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
	if len(r.events) == 0 {
		return audit.Event{}
	}
	return r.events[len(r.events)-1]
}

// failing is a store that may fail.
type failing struct {
	pat.UseStore
	err error
}

func (f *failing) Use(ctx context.Context, p pat.Presentation) (*pat.Used, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.UseStore.Use(ctx, p)
}

// world is the door over a real store and real keys, behind the real shell.
type world struct {
	testing.TB
	clock     *clock
	people    *directory.Directory
	uses      *failing
	audit     *recorder
	ring      *keys.Ring
	tokens    *pat.Service
	owner     directory.Identity
	exchanger *exchange.Exchanger
	url       string
}

func newWorld(tb testing.TB, change ...func(*forwardauth.Config)) *world {
	tb.Helper()
	w := &world{TB: tb, clock: &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 123_000_000, time.UTC)}, audit: &recorder{}}
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(tb.TempDir(), "cambio.db"), Create: true, Now: w.clock.now})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	w.people, err = directory.New(directory.Config{Identities: db.Identities(), Catalog: db.Catalog(), Now: w.clock.now})
	require.NoError(tb, err)
	w.seed()
	w.openRing(db)
	w.uses = &failing{UseStore: db.Uses()}
	format, err := pat.NewFormat(pat.DefaultPrefix)
	require.NoError(tb, err)
	peppers, err := pat.NewPeppers(pat.Pepper{Version: 1, Key: bytes.Repeat([]byte{7}, 32)})
	require.NoError(tb, err)
	w.tokens, err = pat.NewService(pat.Config{Store: db.PATs(), Uses: w.uses, Format: format, Peppers: peppers, Now: w.clock.now})
	require.NoError(tb, err)
	w.openPipeline()
	w.serve(change...)
	return w
}

func (w *world) seed() {
	w.Helper()
	organization, err := w.people.CreateOrganization(w.Context(), "acme", directory.DefaultPolicy(), directory.Actor{})
	require.NoError(w, err)
	w.owner, err = w.people.CreateIdentity(w.Context(), directory.Identity{
		Organization: organization.ID, Type: directory.User, Username: "alice", DisplayName: "Alice", Email: "alice@example.com", Enabled: true,
	}, directory.Actor{})
	require.NoError(w, err)
	require.NoError(w, w.people.Assign(w.Context(), organization.ID, directory.Assignment{
		Role: directory.AccessAsNonInteractiveUser, Scope: directory.OnOrganization, ScopeID: organization.ID, Holder: w.owner.ID,
	}, directory.Actor{}))
}

func (w *world) openRing(db *bolt.DB) {
	w.Helper()
	master, err := keys.ParseMaster([]byte(keys.GenerateMaster().Reveal()))
	require.NoError(w, err)
	w.ring, err = keys.NewRing(keys.Config{
		Store: db.Keys(), Master: master, Algs: []keys.Alg{keys.ES256}, RotateEvery: 720 * time.Hour, JWKSMaxAge: 15 * time.Minute,
		Poll: time.Minute, MaxTokenLife: 12 * time.Hour, Now: w.clock.now,
	})
	require.NoError(w, err)
	require.NoError(w, w.ring.Prepare(w.Context()))
	require.NoError(w, w.ring.Open(w.Context()))
}

func (w *world) openPipeline() {
	w.Helper()
	services, err := exchange.NewServices(issuer, open,
		exchange.Service{Audience: open, AnyScope: true},
		exchange.Service{Audience: orders, Scopes: map[string][]string{"orders:read": {directory.Everyone}, "orders:write": {"order-clerks"}}})
	require.NoError(w, err)
	failures, err := throttle.New(throttle.Config{Now: w.clock.now})
	require.NoError(w, err)
	w.exchanger, err = exchange.New(exchange.Config{
		Issuer: issuer, Tokens: w.tokens, Directory: w.people, Signer: w.ring, Services: services, Audit: w.audit, Throttle: failures,
		Now: w.clock.now, Alg: keys.ES256,
	})
	require.NoError(w, err)
}

// serve starts the door; whoever is on loopback is a proxy that is believed.
func (w *world) serve(change ...func(*forwardauth.Config)) {
	w.Helper()
	config := forwardauth.Config{Exchanger: w.exchanger, Trusted: netip.Addr.IsLoopback, Now: w.clock.now, Logger: zap.NewNop()}
	for _, change := range change {
		change(&config)
	}
	door, err := forwardauth.New(config)
	require.NoError(w, err)
	elsewhere := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	trusted, err := httpx.ParseTrustedProxies([]string{"127.0.0.0/8"})
	require.NoError(w, err)
	server := httptest.NewServer(httpx.NewShell(httpx.ShellConfig{
		Next: door.Before(elsewhere), Logger: zap.NewNop(), Now: w.clock.now, Fault: door.ServeFault, Trusted: trusted,
	}))
	w.Cleanup(server.Close)
	w.url = server.URL
}

func (w *world) create(change ...func(*pat.Draft)) (pat.Token, pat.Record) {
	w.Helper()
	draft := pat.Draft{Name: "t " + id.New(), Level: pat.Personal, Scope: []string{pat.ScopeAll}}
	for _, change := range change {
		change(&draft)
	}
	policy := directory.DefaultPolicy()
	policy.MaxTokensPerOwner = 0
	token, record, err := w.tokens.Create(w.Context(), &w.owner, &draft, &policy, pat.Actor{Identity: w.owner.ID})
	require.NoError(w, err)
	return token, record
}

// reveal returns a token as its owner sends it.
func reveal(token pat.Token) string { return token.Reveal().Reveal() }

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

func basic(user, password string) []string {
	return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}
}

// answer is what the door said.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a *answer) jwt() string { return a.header.Get("Authorization") }

// ask sends a request with headers, each a name and a value. One of the same name again
// is sent again.
func (w *world) ask(method, target string, headers ...string) *answer {
	w.Helper()
	request, err := http.NewRequestWithContext(w.Context(), method, w.url+target, http.NoBody)
	require.NoError(w, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
			continue
		}
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(w, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(w, err)
	return &answer{status: response.StatusCode, header: response.Header, body: string(body)}
}

func (w *world) get(target string, headers ...string) *answer {
	w.Helper()
	return w.ask(http.MethodGet, target, headers...)
}

// claims verifies the JWT of an answer.
func (w *world) claims(got *answer, audience string) keys.Claims {
	w.Helper()
	require.Equal(w, http.StatusOK, got.status, got.header)
	claims, err := w.ring.Verify(got.jwt()[len("Bearer "):], keys.Expected{Issuer: issuer, Audiences: []string{audience}})
	require.NoError(w, err)
	return claims
}
