package exchange_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
)

const (
	issuer = "https://sts.example.com"
	api    = "https://api.example.com" // takes every application scope
	orders = "https://orders.example.com"
	people = "https://people.example.com" // tells who the owner is
)

var origin = audit.Origin{IP: "192.0.2.7", UserAgent: "ci/1", TrackingID: "0123456789abcdef0123456789abcdef"}

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

// recorder keeps events, or refuses them.
type recorder struct {
	mu     sync.Mutex
	events []audit.Event
	err    error
}

func (r *recorder) Record(event audit.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.events = append(r.events, event)
	}
	return r.err
}

func (r *recorder) last() audit.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) == 0 {
		return audit.Event{}
	}
	return r.events[len(r.events)-1]
}

// limits throttles whom a test says.
type limits struct {
	failed  []string
	limited bool
}

func (l *limits) Failed(network netip.Addr, key string) (time.Duration, bool) {
	l.failed = append(l.failed, network.String()+" "+key)
	return 3 * time.Second, l.limited
}

// spy counts the calls of a store and may fail in its place.
type spy struct {
	pat.UseStore
	calls int
	err   error
}

func (s *spy) Use(ctx context.Context, p pat.Presentation) (*pat.Used, error) {
	s.calls++
	if s.err != nil {
		return nil, s.err
	}
	return s.UseStore.Use(ctx, p)
}

func (s *spy) Touch(ctx context.Context, t pat.Touch) (bool, error) {
	if s.err != nil {
		return false, s.err
	}
	return s.UseStore.Touch(ctx, t)
}

// signer is the ring, or what a test puts in its place.
type signer struct {
	exchange.Signer
	err error
}

func (s *signer) Mint(alg keys.Alg, claims keys.Claims) (string, error) {
	if s.err != nil {
		return "", s.err
	}
	return s.Signer.Mint(alg, claims)
}

func (s *signer) Verify(token string, want keys.Expected) (keys.Claims, error) {
	if s.err != nil {
		return keys.Claims{}, s.err
	}
	return s.Signer.Verify(token, want)
}

// world is an organization with one owner, over a real store and a real ring.
type world struct {
	*testing.T
	clock     *clock
	db        *bolt.DB
	uses      *spy
	directory *directory.Directory
	ring      *keys.Ring
	signer    *signer
	audit     *recorder
	throttle  *limits
	tokens    *pat.Service
	format    pat.Format
	owner     directory.Identity
	exchanger *exchange.Exchanger
	config    exchange.Config
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 123_000_000, time.UTC)}, audit: &recorder{}, throttle: &limits{}}
	var err error
	w.db, err = bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: w.clock.now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.db.Close()) })
	w.uses = &spy{UseStore: w.db.Uses()}
	w.directory, err = directory.New(directory.Config{Identities: w.db.Identities(), Catalog: w.db.Catalog(), Now: w.clock.now})
	require.NoError(t, err)
	w.openRing()
	w.seed()
	w.format, err = pat.NewFormat(pat.DefaultPrefix)
	require.NoError(t, err)
	peppers, err := pat.NewPeppers(pat.Pepper{Version: 1, Key: bytes.Repeat([]byte{7}, 32)})
	require.NoError(t, err)
	w.tokens, err = pat.NewService(pat.Config{Store: w.db.PATs(), Uses: w.uses, Format: w.format, Peppers: peppers, Now: w.clock.now})
	require.NoError(t, err)
	w.config = exchange.Config{
		Issuer: issuer, Tokens: w.tokens, Directory: w.directory, Signer: w.signer, Services: w.services(), Audit: w.audit,
		Throttle: w.throttle, Now: w.clock.now, Alg: keys.ES256,
	}
	w.exchanger, err = exchange.New(w.config)
	require.NoError(t, err)
	return w
}

// services are those of the world, each as change leaves it.
func (w *world) services(change ...func(*exchange.Service)) *exchange.Services {
	w.Helper()
	all := []exchange.Service{
		{Audience: api, AnyScope: true},
		{Audience: orders, Scopes: map[string][]string{
			"orders:read": {directory.Everyone}, "orders:write": {"order-clerks"}, "orders:audit": {string(directory.OrganizationAdmin)},
		}, MaxLifetime: 2 * time.Minute},
		{Audience: people, AnyScope: true, Alg: keys.EdDSA, Claims: exchange.Claims{
			Groups: exchange.ClaimRule{Match: "order-*"}, Roles: exchange.ClaimRule{Match: "*"},
			Name: exchange.ClaimRule{Match: "*"}, Email: exchange.ClaimRule{Match: "*@example.com"},
		}},
	}
	for _, change := range change {
		for i := range all {
			change(&all[i])
		}
	}
	services, err := exchange.NewServices(issuer, api, all...)
	require.NoError(w, err)
	return services
}

// bound gives the service of an audience to these organizations only; to every one if
// none is named.
func (w *world) bound(audience string, organizations ...string) {
	w.Helper()
	w.config.Services = w.services(func(s *exchange.Service) {
		if s.Audience == audience {
			s.Organizations = organizations
		}
	})
	var err error
	w.exchanger, err = exchange.New(w.config)
	require.NoError(w, err)
}

func (w *world) openRing() {
	master, err := keys.ParseMaster([]byte(keys.GenerateMaster().Reveal()))
	require.NoError(w, err)
	w.ring, err = keys.NewRing(keys.Config{
		Store: w.db.Keys(), Master: master, Algs: []keys.Alg{keys.ES256, keys.EdDSA}, RotateEvery: 720 * time.Hour, JWKSMaxAge: 15 * time.Minute,
		Poll: time.Minute, MaxTokenLife: 12 * time.Hour, Now: w.clock.now,
	})
	require.NoError(w, err)
	require.NoError(w, w.ring.Prepare(w.Context()))
	require.NoError(w, w.ring.Open(w.Context()))
	w.signer = &signer{Signer: w.ring}
}

// seed makes the organization, its groups, and an owner who may use tokens.
func (w *world) seed() {
	ctx, nobody := w.Context(), directory.Actor{}
	organization, err := w.directory.CreateOrganization(ctx, "acme", directory.DefaultPolicy(), nobody)
	require.NoError(w, err)
	clerks, err := w.directory.CreateGroup(ctx, directory.Group{Organization: organization.ID, Name: "order-clerks"}, nobody)
	require.NoError(w, err)
	_, err = w.directory.CreateGroup(ctx, directory.Group{Organization: organization.ID, Name: "staff", ChildGroups: []directory.ID{clerks.ID}}, nobody)
	require.NoError(w, err)
	w.owner = w.person("alice", organization.ID, clerks.ID)
}

// person makes an identity that may use personal tokens.
func (w *world) person(name string, organization directory.ID, groups ...directory.ID) directory.Identity {
	w.Helper()
	identity, err := w.directory.CreateIdentity(w.Context(), directory.Identity{
		Organization: organization, Type: directory.User, Username: name, DisplayName: strings.ToUpper(name[:1]) + name[1:],
		Email: name + "@example.com", ExternalID: "ext-" + name, Enabled: true, Groups: groups,
	}, directory.Actor{})
	require.NoError(w, err)
	w.assign(identity.ID, organization, directory.AccessAsNonInteractiveUser)
	return identity
}

func (w *world) assign(holder, organization directory.ID, role directory.Role, rights ...directory.Right) {
	w.Helper()
	require.NoError(w, w.directory.Assign(w.Context(), organization, directory.Assignment{
		Role: role, Rights: rights, Scope: directory.OnOrganization, ScopeID: organization, Holder: holder,
	}, directory.Actor{}))
}

func (w *world) create(owner *directory.Identity, change ...func(*pat.Draft)) (pat.Token, pat.Record) {
	w.Helper()
	draft := pat.Draft{Name: "t " + id.New(), Level: pat.Personal, Scope: []string{pat.ScopeAll}}
	for _, change := range change {
		change(&draft)
	}
	policy := directory.DefaultPolicy()
	policy.MaxTokensPerOwner = 0
	token, record, err := w.tokens.Create(w.Context(), owner, &draft, &policy, pat.Actor{Identity: owner.ID})
	require.NoError(w, err)
	return token, record
}

func whole(token pat.Token) exchange.Credential { return exchange.TokenCredential(token.Reveal()) }

func (w *world) exchange(token pat.Token, change ...func(*exchange.Request)) (*exchange.Issued, error) {
	w.Helper()
	request := exchange.Request{Credential: whole(token), Fallback: api, Origin: origin}
	for _, change := range change {
		change(&request)
	}
	return w.exchanger.Exchange(w.Context(), &request)
}

func (w *world) policy(change func(*directory.Policy)) {
	w.Helper()
	snapshot, err := w.directory.Snapshot(w.Context())
	require.NoError(w, err)
	organization, ok := snapshot.Organization(w.owner.Organization)
	require.True(w, ok)
	changed := *organization
	change(&changed.Policy)
	require.NoError(w, w.db.Catalog().Write(w.Context(), snapshot.Version(), []directory.Change{{Organization: &changed}}, nil))
	require.NoError(w, w.directory.Refresh(w.Context()))
}

// payload decodes what a JWT says without a look at the signature.
func payload(t require.TestingT, token string) map[string]any {
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var claims map[string]any
	require.NoError(t, json.Unmarshal(raw, &claims))
	return claims
}

func requireDenial(tb testing.TB, err error, cause pat.Cause, description string) {
	tb.Helper()
	denial, ok := errors.AsType[*exchange.DeniedError](err)
	require.True(tb, ok, "%v", err)
	require.Equal(tb, cause, denial.Cause)
	require.Equal(tb, description, denial.Description)
	require.Len(tb, denial.ID, 32)
}

var errDown = errors.Join(errors.New("connection refused"), fault.ErrUnavailable)
