package scim_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/throttle"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/scim"
	"github.com/cambio-sts/cambio/storage/bolt"
)

const issuer = "https://sts.example.com"

// clock is a time that a test moves.
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

// uses drops the events of uses.
type uses struct{}

func (uses) Record(audit.Event) error { return nil }

// world is the door over a real store and real keys, behind the real shell, with an
// organization that has a token for provisioning.
type world struct {
	testing.TB
	clock        *clock
	db           *bolt.DB
	people       *directory.Directory
	organization directory.Organization
	tokens       *pat.Service
	exchanger    *exchange.Exchanger
	ring         *keys.Ring
	manager      *manage.Manager
	technical    directory.Identity // whose token acts
	token        string
	url          string
}

func newWorld(tb testing.TB, change ...func(*scim.Config)) *world {
	tb.Helper()
	w := &world{TB: tb, clock: &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 123_000_000, time.UTC)}}
	var err error
	w.db, err = bolt.Open(bolt.Config{Path: filepath.Join(tb.TempDir(), "cambio.db"), Create: true, Now: w.clock.now})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, w.db.Close()) })
	w.people, err = directory.New(directory.Config{Identities: w.db.Identities(), Catalog: w.db.Catalog(), Now: w.clock.now})
	require.NoError(tb, err)
	w.organization = w.newOrganization("acme")
	w.openPipeline()
	w.technical, w.token = w.provisioner(&w.organization)
	w.serve(change...)
	return w
}

func (w *world) openPipeline() {
	w.Helper()
	master, err := keys.ParseMaster([]byte("1:" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))))
	require.NoError(w, err)
	w.ring, err = keys.NewRing(keys.Config{
		Store: w.db.Keys(), Master: master, Algs: []keys.Alg{keys.ES256}, RotateEvery: 720 * time.Hour, JWKSMaxAge: 15 * time.Minute,
		Poll: time.Minute, MaxTokenLife: 12 * time.Hour, Now: w.clock.now,
	})
	require.NoError(w, err)
	require.NoError(w, w.ring.Prepare(w.Context()))
	require.NoError(w, w.ring.Open(w.Context()))
	peppers, err := pat.NewPeppers(pat.Pepper{Version: 1, Key: bytes.Repeat([]byte{7}, 32)})
	require.NoError(w, err)
	format, err := pat.NewFormat(pat.DefaultPrefix)
	require.NoError(w, err)
	w.tokens, err = pat.NewService(pat.Config{Store: w.db.PATs(), Uses: w.db.Uses(), Format: format, Peppers: peppers, Now: w.clock.now})
	require.NoError(w, err)
	services, err := exchange.NewServices(issuer, "https://api.example.com", exchange.Service{Audience: "https://api.example.com", AnyScope: true})
	require.NoError(w, err)
	limits, err := throttle.New(throttle.Config{Now: w.clock.now})
	require.NoError(w, err)
	w.exchanger, err = exchange.New(exchange.Config{
		Issuer: issuer, Tokens: w.tokens, Directory: w.people, Signer: w.ring, Services: services, Audit: uses{}, Throttle: limits,
		Now: w.clock.now, Alg: keys.ES256,
	})
	require.NoError(w, err)
	w.manager, err = manage.New(manage.Config{
		Tokens: w.tokens, Directory: w.people, Keys: w.ring, Services: services, Trail: audit.NewArchive(w.TempDir()), Now: w.clock.now,
	})
	require.NoError(w, err)
}

func (w *world) serve(change ...func(*scim.Config)) {
	w.Helper()
	requests, err := throttle.NewLimiter(throttle.LimiterConfig{Window: throttle.Window{Most: 1_000_000, Length: time.Second}, Now: w.clock.now})
	require.NoError(w, err)
	config := scim.Config{Exchanger: w.exchanger, Manager: w.manager, Issuer: issuer, Requests: requests, Now: w.clock.now, Logger: zap.NewNop()}
	for _, change := range change {
		change(&config)
	}
	door, err := scim.New(config)
	require.NoError(w, err)
	mux := http.NewServeMux()
	door.Register(mux)
	server := httptest.NewServer(httpx.NewShell(httpx.ShellConfig{Next: mux, Logger: zap.NewNop(), Now: w.clock.now, Fault: door.ServeFault}))
	w.Cleanup(server.Close)
	w.url = server.URL
}

func (w *world) newOrganization(name string) directory.Organization {
	w.Helper()
	organization, err := w.people.CreateOrganization(w.Context(), name, directory.DefaultPolicy(), directory.Actor{})
	require.NoError(w, err)
	return organization
}

func (w *world) newIdentity(organization directory.ID, username string, change ...func(*directory.Identity)) directory.Identity {
	w.Helper()
	identity := directory.Identity{
		Organization: organization, Type: directory.User, Username: username, DisplayName: strings.ToUpper(username[:1]) + username[1:], Enabled: true,
	}
	for _, change := range change {
		change(&identity)
	}
	made, err := w.people.CreateIdentity(w.Context(), identity, directory.Actor{})
	require.NoError(w, err)
	return made
}

func (w *world) newGroup(organization directory.ID, name string) directory.Group {
	w.Helper()
	group, err := w.people.CreateGroup(w.Context(), directory.Group{Organization: organization, Name: name}, directory.Actor{})
	require.NoError(w, err)
	return group
}

// assign gives a role in an organization.
func (w *world) assign(organization, holder directory.ID, role directory.Role) {
	w.Helper()
	assignment := directory.Assignment{Role: role, Scope: directory.OnOrganization, ScopeID: organization, Holder: holder}
	require.NoError(w, w.people.Assign(w.Context(), organization, assignment, directory.Actor{}))
}

// provisioner makes the technical user of an organization, and its token.
func (w *world) provisioner(organization *directory.Organization) (directory.Identity, string) {
	w.Helper()
	owner := w.newIdentity(organization.ID, "token-"+organization.Name, func(i *directory.Identity) { i.Type = directory.TechnicalUser })
	w.assign(organization.ID, owner.ID, directory.OrganizationAdmin)
	return owner, w.tokenOf(&owner, func(d *pat.Draft) { d.Level, d.LevelID, d.AdminRole = pat.Organization, organization.ID, true })
}

// tokenOf makes a token that covers everything.
func (w *world) tokenOf(owner *directory.Identity, change ...func(*pat.Draft)) string {
	w.Helper()
	draft := pat.Draft{Name: string(pat.NewID(owner.ID)), Level: pat.Personal, Scope: []string{pat.ScopeAll}}
	for _, change := range change {
		change(&draft)
	}
	token, _, err := w.tokens.Create(w.Context(), owner, &draft, &w.organization.Policy, pat.Actor{Identity: owner.ID})
	require.NoError(w, err)
	return token.Reveal().Reveal()
}

// jwt exchanges a token for a JWT of the management audience.
func (w *world) jwt(token string) string {
	w.Helper()
	issued, err := w.exchanger.Exchange(w.Context(), &exchange.Request{
		Credential: exchange.TokenCredential(secret.New(token)), Audience: []string{issuer + "/api/v1"}, Scope: pat.ScopeAdminister,
		Origin: audit.Origin{IP: "127.0.0.1"},
	})
	require.NoError(w, err)
	return issued.AccessToken
}

// answer is a response, read.
type answer struct {
	*http.Response

	tb   testing.TB
	body []byte
}

func (a *answer) is(status int) *answer {
	a.tb.Helper()
	require.Equal(a.tb, status, a.StatusCode, string(a.body))
	if len(a.body) > 0 {
		require.Equal(a.tb, "application/scim+json", a.Header.Get("Content-Type"))
	}
	return a
}

// fails requires the error of RFC 7644 §3.12.
func (a *answer) fails(status int, kind, detail string) {
	a.tb.Helper()
	a.is(status)
	require.Equal(a.tb, []any{"urn:ietf:params:scim:api:messages:2.0:Error"}, a.at("schemas"))
	require.Equal(a.tb, http.StatusText(status), http.StatusText(a.StatusCode))
	if kind == "" {
		require.Nil(a.tb, a.at("scimType"), string(a.body))
	} else {
		require.Equal(a.tb, kind, a.at("scimType"), string(a.body))
	}
	require.Contains(a.tb, a.at("detail"), detail)
}

// at returns what the answer has at a path of names and indexes.
func (a *answer) at(path ...any) any {
	a.tb.Helper()
	var have any
	require.NoError(a.tb, json.Unmarshal(a.body, &have), string(a.body))
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, ok := have.(map[string]any)
			require.True(a.tb, ok, "%v: %s", path, a.body)
			have = object[step]
		case int:
			list, ok := have.([]any)
			require.True(a.tb, ok && step < len(list), "%v: %s", path, a.body)
			have = list[step]
		}
	}
	return have
}

func (a *answer) text(path ...any) string {
	a.tb.Helper()
	text, ok := a.at(path...).(string)
	require.True(a.tb, ok, "%v: %s", path, a.body)
	return text
}

// each returns what each resource of a list has in an attribute.
func (a *answer) each(attribute string) []string {
	a.tb.Helper()
	a.is(http.StatusOK)
	list, ok := a.at("Resources").([]any)
	require.True(a.tb, ok, string(a.body))
	found := []string{}
	for i := range list {
		found = append(found, a.text("Resources", i, attribute))
	}
	return found
}

// members are the ids of a group's members.
func (a *answer) members() []string {
	a.tb.Helper()
	list, ok := a.at("members").([]any)
	require.True(a.tb, ok, string(a.body))
	found := []string{}
	for i := range list {
		found = append(found, a.text("members", i, "value"))
	}
	return found
}

// call sends a request below /scim/v2 with the token of the provisioner. header is
// names and values in turn.
func (w *world) call(method, path, body string, header ...string) *answer {
	w.Helper()
	return w.callAs(w.token, method, path, body, header...)
}

func (w *world) callAs(token, method, path, body string, header ...string) *answer {
	w.Helper()
	request, err := http.NewRequestWithContext(w.Context(), method, w.url+"/scim/v2"+path, strings.NewReader(body))
	require.NoError(w, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/scim+json")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := (&http.Client{Timeout: 30 * time.Second}).Do(request)
	require.NoError(w, err)
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	require.NoError(w, err)
	return &answer{Response: response, tb: w, body: read}
}

// find lists the resources that a filter finds.
func (w *world) find(kind, filter string) *answer {
	w.Helper()
	return w.call(http.MethodGet, "/"+kind+"?filter="+url.QueryEscape(filter), "")
}

// identity reads an identity from the store.
func (w *world) identity(id string) directory.Identity {
	w.Helper()
	identity, err := w.people.Find(w.Context(), directory.ID(id))
	require.NoError(w, err)
	return identity
}

// patch is a patch of these operations.
func patch(operations string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operations + `]}`
}
