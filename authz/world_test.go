package authz_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/throttle"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

const (
	issuer     = "https://sts.example.com"
	management = issuer + "/api/v1"
	api        = "https://api.example.com"
	orders     = "https://orders.example.com"

	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	typePAT       = "urn:ietf:params:oauth:token-type:pat"
	typeAT        = "urn:ietf:params:oauth:token-type:access_token"
	typeJWT       = "urn:ietf:params:oauth:token-type:jwt"

	home  = directory.ID("0a000000000000000000000000000001")
	other = directory.ID("0a000000000000000000000000000002")
	alice = directory.ID("aa000000000000000000000000000001")
	admin = directory.ID("aa000000000000000000000000000002")
	eve   = directory.ID("ee000000000000000000000000000001") // of the other organization
)

var start = time.Date(2026, 10, 5, 8, 30, 0, 250e6, time.UTC)

// world is an authorization server with all behind it but the store.
type world struct {
	handler http.Handler
	bare    http.Handler // without the shell and its log
	store   *store
	signer  exchange.Signer
	log     *observer.ObservedLogs
	now     time.Time
	events  []audit.Event
	dir     directoryFake
	format  pat.Format
	peppers *pat.Peppers
}

// option changes what a world is made of.
type option func(*exchange.Config, *authz.Config)

func newWorld(tb testing.TB, options ...option) *world {
	tb.Helper()
	w := &world{now: start}
	clock := func() time.Time { return w.now }
	var err error
	w.format, err = pat.NewFormat(pat.DefaultPrefix)
	require.NoError(tb, err)
	w.peppers, err = pat.NewPeppers(pat.Pepper{Version: 1, Key: make([]byte, 32)})
	require.NoError(tb, err)
	w.store = newStore(clock)
	w.people()
	tokens, err := pat.NewService(pat.Config{Store: w.store, Uses: w.store, Format: w.format, Peppers: w.peppers, Now: clock})
	require.NoError(tb, err)
	services, err := exchange.NewServices(
		issuer, api,
		exchange.Service{Audience: api, Name: "demo", AnyScope: true},
		exchange.Service{Audience: orders, Name: "orders", Scopes: map[string][]string{"orders:read": {directory.Everyone}, "orders:write": {"clerks"}}},
	)
	require.NoError(tb, err)
	limits, err := throttle.New(throttle.Config{Now: clock})
	require.NoError(tb, err)
	ring := newRing(tb, clock)
	config := exchange.Config{
		Issuer: issuer, Tokens: tokens, Directory: &w.dir, Signer: ring, Services: services, Audit: w, Throttle: limits, Now: clock, Alg: keys.ES256,
	}
	core, log := observer.New(zap.InfoLevel)
	w.log = log
	server := authz.Config{Keys: ring, Logger: zap.New(core), Revocations: "/revocations"}
	for _, change := range options {
		change(&config, &server)
	}
	w.signer = config.Signer
	server.Exchanger, err = exchange.New(config)
	require.NoError(tb, err)
	made, err := authz.New(server)
	require.NoError(tb, err)
	mux := http.NewServeMux()
	made.Register(mux)
	w.bare = mux
	w.handler = httpx.NewShell(httpx.ShellConfig{Next: mux, Logger: zap.New(core), Now: clock, Fault: made.ServeFault})
	return w
}

// Record implements exchange.Recorder.
func (w *world) Record(event audit.Event) error {
	w.events = append(w.events, event)
	return nil
}

func (w *world) reasons() (reasons []string) {
	for _, event := range w.events {
		if event.Outcome == audit.Failure {
			reasons = append(reasons, event.Reason)
		}
	}
	return reasons
}

// people fills the directory: alice, who may use tokens; admin, who may
// introspect besides; eve likewise, elsewhere.
func (w *world) people() {
	catalog := directory.Catalog{Version: 1}
	for _, organization := range []directory.ID{home, other} {
		name := directory.DefaultOrganizationName
		if organization == other {
			name = "other"
		}
		catalog.Organizations = append(catalog.Organizations, directory.Organization{ID: organization, Name: name, Policy: directory.DefaultPolicy()})
	}
	for _, person := range []directory.Identity{
		{ID: alice, Organization: home, Username: "alice", DisplayName: "Alice Liddell", Email: "alice@example.com"},
		{ID: admin, Organization: home, Username: "admin", DisplayName: "Ada Admin"},
		{ID: eve, Organization: other, Username: "eve", DisplayName: "Eve"},
	} {
		person.Type, person.Enabled, person.Created = directory.User, true, start
		w.store.owners[person.ID] = person
		assignment := directory.Assignment{
			ID: person.ID, Role: directory.AccessAsNonInteractiveUser, Scope: directory.OnOrganization, ScopeID: person.Organization, Holder: person.ID,
		}
		if person.ID != alice {
			assignment.Rights = []directory.Right{directory.Introspect}
		}
		catalog.Assignments = append(catalog.Assignments, assignment)
	}
	w.dir.snapshot = directory.NewSnapshot(&catalog)
}

// token makes a token of an owner and returns its text, after change.
func (w *world) token(owner directory.ID, change func(*pat.Record)) pat.Token {
	record := pat.Record{
		ID: pat.NewID(owner), Organization: w.store.owners[owner].Organization, Owner: owner, Name: "test", Level: pat.Personal,
		Scope: []string{pat.ScopeAll, pat.ScopeOpenID, pat.ScopeProfile}, Created: start, State: pat.StateActive, Generation: 1, Revision: 1,
	}
	if change != nil {
		change(&record)
	}
	token := w.format.New(record.ID)
	record.Verifier.Current = w.peppers.Newest(token)
	w.store.records[record.ID] = record
	return token
}

// do sends a request; form values make it a POST of a form.
func (w *world) do(method, path string, form url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	for _, apply := range change {
		apply(r)
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	return recorder
}

func (w *world) post(path string, form url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
	return w.do(http.MethodPost, path, form, change...)
}

func withHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func bearer(token string) func(*http.Request) { return withHeader("Authorization", "Bearer "+token) }

func basic(user, password string) func(*http.Request) {
	return withHeader("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

func basicOf(token pat.Token) func(*http.Request) {
	return basic(string(token.ID()), token.Secret().Reveal())
}

// exchangeForm is an exchange that passes, but for the token.
func exchangeForm(token pat.Token) url.Values {
	return url.Values{"grant_type": {grantExchange}, "subject_token": {token.Reveal().Reveal()}, "subject_token_type": {typePAT}}
}

// with returns form with one parameter changed; no values take it out.
func with(form url.Values, name string, values ...string) url.Values {
	if len(values) == 0 {
		form.Del(name)
		return form
	}
	form[name] = values
	return form
}

// jwt exchanges a token for an audience and scope.
func (w *world) jwt(tb testing.TB, token pat.Token, audience, scope string) string {
	tb.Helper()
	form := with(exchangeForm(token), "audience", audience)
	if scope != "" {
		form.Set("scope", scope)
	}
	answer := w.post(authz.PathToken, form)
	require.Equal(tb, http.StatusOK, answer.Code, answer.Body)
	text, ok := members(tb, answer)["access_token"].(string)
	require.True(tb, ok)
	return text
}

func members(tb testing.TB, answer *httptest.ResponseRecorder) map[string]any {
	tb.Helper()
	require.Equal(tb, "application/json", answer.Header().Get("Content-Type"))
	var found map[string]any
	require.NoError(tb, json.Unmarshal(answer.Body.Bytes(), &found), answer.Body)
	return found
}

func requireError(tb testing.TB, answer *httptest.ResponseRecorder, status int, code, description string) {
	tb.Helper()
	require.Equal(tb, status, answer.Code, answer.Body)
	found := members(tb, answer)
	require.Equal(tb, code, found["error"])
	require.Equal(tb, description, found["error_description"])
	require.Equal(tb, "no-store", answer.Header().Get("Cache-Control"))
	require.NotContains(tb, found, "access_token")
}

func prefixes(texts ...string) (networks []netip.Prefix) {
	for _, text := range texts {
		networks = append(networks, netip.MustParsePrefix(text))
	}
	return networks
}
