package console_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/console"
	"github.com/cambio-sts/cambio/console/session"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/throttle"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
)

const (
	issuer  = "http://127.0.0.1:8080"
	service = "https://api.example.com"
)

// world is a console over a real store, with people of one organization.
type world struct {
	testing.TB

	mu       sync.Mutex
	at       time.Time
	server   *httptest.Server
	kept     session.Store
	failures *throttle.Throttle
	people   *directory.Directory
	tokens   *pat.Service
	manager  *manage.Manager
	home     directory.Organization
	outbox   audit.Outbox
	trail    string
	written  *audit.Sink // of the trail
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// newWorld starts a console.
func newWorld(tb testing.TB) *world {
	tb.Helper()
	return newWorldWith(tb, nil)
}

// newWorldWith starts a console to which people log in by a provider, if there is one.
func newWorldWith(tb testing.TB, provider *console.Login) *world {
	tb.Helper()
	w := &world{TB: tb, at: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), trail: tb.TempDir()}
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(tb.TempDir(), "cambio.db"), Create: true, Now: w.now})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	w.kept, w.outbox = db.Kept(), db.Outbox()
	w.people, err = directory.New(directory.Config{Identities: db.Identities(), Catalog: db.Catalog(), Now: w.now})
	require.NoError(tb, err)
	peppers, err := pat.NewPeppers(pat.Pepper{Version: 1, Key: bytes.Repeat([]byte{7}, 32)})
	require.NoError(tb, err)
	format, err := pat.NewFormat(pat.DefaultPrefix)
	require.NoError(tb, err)
	w.tokens, err = pat.NewService(pat.Config{Store: db.PATs(), Uses: db.Uses(), Format: format, Peppers: peppers, Now: w.now})
	require.NoError(tb, err)
	services, err := exchange.NewServices(issuer, service,
		exchange.Service{Audience: service, Name: "Orders", Scopes: map[string][]string{"orders:read": {directory.Everyone}, "orders:write": {"clerks"}}})
	require.NoError(tb, err)
	w.manager, err = manage.New(manage.Config{
		Tokens: w.tokens, Directory: w.people, Keys: w.ring(db.Keys()), Services: services, Trail: audit.NewArchive(w.trail), Audit: w.sink(), Now: w.now,
	})
	require.NoError(tb, err)
	w.home, err = w.people.CreateOrganization(tb.Context(), directory.DefaultOrganizationName, directory.DefaultPolicy(), directory.Actor{})
	require.NoError(tb, err)
	w.failures, err = throttle.New(throttle.Config{Now: w.now})
	require.NoError(tb, err)
	pages, err := console.New(console.Config{
		Manager: w.manager, Words: api.NewWords(), Kept: w.kept, Issuer: issuer, Audience: service, Idle: 30 * time.Minute, Lifetime: 12 * time.Hour,
		Failures: w.failures, Login: provider, Now: w.now, Logger: zap.NewNop(), Dev: true,
	})
	require.NoError(tb, err)
	mux := http.NewServeMux()
	pages.Register(mux)
	trusted, err := httpx.ParseTrustedProxies(nil)
	require.NoError(tb, err)
	w.server = httptest.NewServer(httpx.NewShell(httpx.ShellConfig{Next: mux, Logger: w.logger(), Now: w.now, Trusted: trusted, Fault: pages.ServeFault}))
	tb.Cleanup(w.server.Close)
	return w
}

func (w *world) ring(store keys.Store) *keys.Ring {
	w.Helper()
	master, err := keys.ParseMaster([]byte(keys.GenerateMaster().Reveal()))
	require.NoError(w, err)
	ring, err := keys.NewRing(keys.Config{
		Store: store, Master: master, Algs: []keys.Alg{keys.ES256}, RotateEvery: 30 * 24 * time.Hour, JWKSMaxAge: 15 * time.Minute, Poll: 5 * time.Second,
		MaxTokenLife: pat.MaxAccessTokenLife, Now: w.now, Logger: zap.NewNop(),
	})
	require.NoError(w, err)
	require.NoError(w, ring.Prepare(w.Context()))
	require.NoError(w, ring.Open(w.Context()))
	return ring
}

// everyRole are those of dev's admin.
var everyRole = []directory.Role{
	directory.AccessAsNonInteractiveUser, directory.AdministerNonInteractiveUser, directory.ManageSystemSecurityRoles, directory.ManageSystemSecurityGroups,
	directory.OrganizationAdmin, directory.PlatformAdmin,
}

// person makes one who holds roles, and the rights that are named so.
func (w *world) person(username string, held ...directory.Role) directory.Identity {
	w.Helper()
	made, err := w.people.CreateIdentity(w.Context(), directory.Identity{
		Organization: w.home.ID, Type: directory.User, Username: username, DisplayName: strings.ToUpper(username[:1]) + username[1:], Enabled: true,
	}, directory.Actor{})
	require.NoError(w, err)
	for _, role := range held {
		assignment := directory.Assignment{Role: role, Scope: directory.OnOrganization, ScopeID: w.home.ID, Holder: made.ID}
		switch {
		case role == directory.PlatformAdmin:
			assignment.Scope, assignment.ScopeID = directory.OnPlatform, ""
		case !role.Known():
			assignment.Role, assignment.Rights = "", []directory.Right{directory.Right(role)}
		}
		require.NoError(w, w.people.Assign(w.Context(), w.home.ID, assignment, directory.Actor{}))
	}
	require.NoError(w, w.people.Refresh(w.Context()))
	return made
}

// browser is one person's, without script.
type browser struct {
	*world

	client *http.Client
}

// stranger is a browser in which nobody is signed in.
func (w *world) stranger() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(w, err)
	return &browser{w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// signIn is a browser in which somebody has signed in.
func (w *world) signIn(who *directory.Identity) *browser {
	w.Helper()
	token, err := session.NewLinks(w.kept).Make(w.Context(), console.LinkSignIn, string(who.ID), time.Hour)
	require.NoError(w, err)
	b := w.stranger()
	answer := b.post("/console/link", url.Values{"token": {token.Reveal()}})
	require.Equal(w, http.StatusSeeOther, answer.status, answer.body)
	return b
}

// answered is a page.
type answered struct {
	status   int
	header   http.Header
	body     string
	location string
}

func (b *browser) get(path string) answered {
	b.Helper()
	return b.send(http.MethodGet, path, nil, nil)
}

func (b *browser) post(path string, form url.Values) answered {
	b.Helper()
	return b.send(http.MethodPost, path, form, nil)
}

func (b *browser) send(method, path string, form url.Values, header http.Header) answered {
	b.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.Context(), method, b.server.URL+path, body)
	require.NoError(b, err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	maps.Copy(r.Header, header)
	response, err := b.client.Do(r)
	require.NoError(b, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(b, err)
	return answered{response.StatusCode, response.Header, string(text), response.Header.Get("Location")}
}

// see opens a page that there must be.
func (b *browser) see(path string) string {
	b.Helper()
	answer := b.get(path)
	require.Equal(b, http.StatusOK, answer.status, "%s: %s", path, answer.body)
	return answer.body
}

// sink writes the trail.
func (w *world) sink() *audit.Sink {
	w.Helper()
	sink, err := audit.OpenSink(audit.Config{Dir: w.trail, Retention: 90 * 24 * time.Hour, Now: w.now, Logger: zap.NewNop()})
	require.NoError(w, err)
	w.written = sink
	ctx, end := context.WithCancel(context.WithoutCancel(w.Context()))
	ended := make(chan error, 1)
	go func() { ended <- sink.Run(ctx) }()
	w.Cleanup(func() {
		end()
		require.NoError(w, <-ended)
	})
	return sink
}

// logger writes what the server logs to the test's own log.
func (w *world) logger() *zap.Logger { return zaptest.NewLogger(w) }
