package manage_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/redis"
	"github.com/cambio-sts/cambio/storage/storagetest"
)

const (
	issuer  = "https://sts.example.com"
	service = "https://api.example.com"
)

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

// advance moves a time that stands still.
func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() {
		c.at = c.at.Add(d)
	}
}

// noKeys is a ring that has none: keys are the ring's own matter.
type noKeys struct{}

func (noKeys) List() []keys.Info                                { return nil }
func (noKeys) Rotate(context.Context, keys.Actor) error         { return nil }
func (noKeys) Revoke(context.Context, string, keys.Actor) error { return keys.ErrUnknownKey }

// world is the use cases over a real store.
type world struct {
	testing.TB
	clock   *clock
	catalog directory.Catalogs
	pats    pat.Store
	trail   string // folder of the audit trail
	people  *directory.Directory
	tokens  *pat.Service
	config  manage.Config
	manager *manage.Manager
}

// onBothStores runs a test over a file and over a Redis.
func onBothStores(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("bolt", func(t *testing.T) {
		still := &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
		db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: still.now})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		test(t, newWorld(t, still, storagetest.Stores{PATs: db.PATs(), Uses: db.Uses(), Identities: db.Identities(), Catalog: db.Catalog()}))
	})
	t.Run("redis", func(t *testing.T) {
		server := testenv.Redis(t, testenv.RedisOptions{})
		var db *redis.DB
		testenv.Wait(t, 10*time.Second, func() (ok bool) { // other tests may hold the processors
			var err error
			db, err = redis.Open(t.Context(), redis.Config{Addrs: []string{server.Addr()}, Durability: redis.BestEffort, Now: time.Now})
			return err == nil
		})
		t.Cleanup(func() { _ = db.Close() })
		test(t, newWorld(t, &clock{}, storagetest.Stores{PATs: db.PATs(), Uses: db.Uses(), Identities: db.Identities(), Catalog: db.Catalog()}))
	})
}

func newWorld(tb testing.TB, clock *clock, stores storagetest.Stores) *world {
	tb.Helper()
	w := &world{TB: tb, clock: clock, catalog: stores.Catalog, pats: stores.PATs, trail: tb.TempDir()}
	var err error
	w.people, err = directory.New(directory.Config{Identities: stores.Identities, Catalog: stores.Catalog, Now: clock.now})
	require.NoError(tb, err)
	peppers, err := pat.NewPeppers(pat.Pepper{Version: 1, Key: bytes.Repeat([]byte{7}, 32)})
	require.NoError(tb, err)
	format, err := pat.NewFormat(pat.DefaultPrefix)
	require.NoError(tb, err)
	w.tokens, err = pat.NewService(pat.Config{Store: stores.PATs, Uses: stores.Uses, Format: format, Peppers: peppers, Now: clock.now})
	require.NoError(tb, err)
	services, err := exchange.NewServices(issuer, service, exchange.Service{Audience: service, AnyScope: true})
	require.NoError(tb, err)
	w.config = manage.Config{
		Tokens: w.tokens, Directory: w.people, Keys: noKeys{}, Services: services, Trail: audit.NewArchive(w.trail), Now: clock.now,
	}
	w.manager, err = manage.New(w.config)
	require.NoError(tb, err)
	return w
}

// loginsTo makes an organization the one where people log in first.
func (w *world) loginsTo(organization string) {
	w.Helper()
	config := w.config
	config.LoginOrganization = organization
	var err error
	w.manager, err = manage.New(config)
	require.NoError(w, err)
}

func (w *world) snapshot() *directory.Snapshot {
	w.Helper()
	require.NoError(w, w.people.Refresh(w.Context()))
	snapshot, err := w.people.Snapshot(w.Context())
	require.NoError(w, err)
	return snapshot
}

// organization makes one.
func (w *world) organization(policy directory.Policy) directory.Organization {
	w.Helper()
	made, err := w.people.AddOrganization(w.Context(), "of "+id.New(), policy, directory.Actor{})
	require.NoError(w, err)
	return made
}

// person makes one who holds roles in the organization, and the rights that are named so.
func (w *world) person(organization directory.ID, held ...directory.Role) directory.Identity {
	w.Helper()
	made, err := w.people.CreateIdentity(w.Context(), directory.Identity{
		Organization: organization, Username: "user " + id.New(), DisplayName: "Some Body", Enabled: true,
	}, directory.Actor{})
	require.NoError(w, err)
	for _, role := range held {
		assignment := directory.Assignment{Role: role, Scope: directory.OnOrganization, ScopeID: organization, Holder: made.ID}
		if slices.Contains(directory.Rights(), directory.Right(role)) {
			assignment.Role, assignment.Rights = "", []directory.Right{directory.Right(role)}
		}
		require.NoError(w, w.people.Assign(w.Context(), organization, assignment, directory.Actor{}))
	}
	return made
}

// session is an identity at a door, by no token; all is covered, or only a scope.
func (w *world) session(identity *directory.Identity, scope ...string) *manage.Caller {
	w.Helper()
	if len(scope) == 0 {
		scope = []string{pat.ScopeAll}
	}
	snapshot := w.snapshot()
	organization, ok := snapshot.Organization(identity.Organization)
	require.True(w, ok)
	return &manage.Caller{Principal: &exchange.Principal{
		Identity: *identity, Access: snapshot.AccessOf(identity), Policy: &organization.Policy, Scope: scope,
	}}
}

// store stores a token as it is, with what every one has.
func (w *world) store(record *pat.Record) pat.ID {
	w.Helper()
	if record.ID == "" {
		record.ID = pat.NewID(record.Holder())
	}
	if record.Created.IsZero() {
		record.Created = pat.Milliseconds(w.clock.now())
	}
	if record.State == "" {
		record.State = pat.StateActive
	}
	record.Name, record.Generation, record.Revision = "token "+id.New(), 1, 1
	record.Verifier.Current = pat.Digest{Pepper: 1, Sum: sha256.Sum256([]byte(record.ID))}
	require.NoError(w, w.pats.Create(w.Context(), *record, 0, audit.Event{
		ID: id.New(), Time: record.Created, Name: audit.TokenCreated, Organization: string(record.Organization), Outcome: audit.Success,
	}))
	return record.ID
}

// technicalUser makes the owner of a token of a level.
func (w *world) technicalUser(organization, level directory.ID) directory.ID {
	w.Helper()
	made := directory.ID(id.NewIn(string(level)))
	_, err := w.people.CreateIdentity(w.Context(), directory.Identity{
		ID: made, Organization: organization, Type: directory.TechnicalUser, Username: "token-" + string(made), Enabled: true,
	}, directory.Actor{})
	require.NoError(w, err)
	return made
}

// record puts events into the trail, in their order.
func (w *world) record(events ...audit.Event) {
	w.Helper()
	sink, err := audit.OpenSink(audit.Config{Dir: w.trail, Now: time.Now})
	require.NoError(w, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	ended := make(chan error, 1)
	go func() { ended <- sink.Run(ctx) }()
	for _, event := range events {
		require.NoError(w, sink.Record(event))
	}
	cancel()
	require.NoError(w, <-ended)
}
