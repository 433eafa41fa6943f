package pat_test

import (
	"encoding/json"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
)

var origin = audit.Origin{IP: "192.0.2.7", UserAgent: "ci/1", TrackingID: "0123456789abcdef0123456789abcdef"}

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

// world is an organization with one owner, over a real store.
type world struct {
	*testing.T
	clock   *clock
	db      *bolt.DB
	uses    *spy
	people  *directory.Directory
	policy  directory.Policy
	owner   directory.Identity
	service *pat.Service
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 123_000_000, time.UTC)}, policy: directory.DefaultPolicy()}
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: w.clock.now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	w.db, w.uses = db, &spy{UseStore: db.Uses()}
	w.people, err = directory.New(directory.Config{Identities: db.Identities(), Catalog: db.Catalog(), Now: w.clock.now})
	require.NoError(t, err)
	organization, err := w.people.CreateOrganization(t.Context(), "acme", w.policy, directory.Actor{})
	require.NoError(t, err)
	w.owner, err = w.people.CreateIdentity(t.Context(), directory.Identity{
		Organization: organization.ID, Type: directory.User, Username: "alice", DisplayName: "Alice", Enabled: true,
	}, directory.Actor{})
	require.NoError(t, err)
	w.service = w.over(pepper(1))
	return w
}

// over is the service of a process that has these peppers.
func (w *world) over(peppers ...pat.Pepper) *pat.Service {
	w.Helper()
	digester, err := pat.NewPeppers(peppers...)
	require.NoError(w, err)
	service, err := pat.NewService(pat.Config{Store: w.db.PATs(), Uses: w.uses, Format: newFormat(w), Peppers: digester, Now: w.clock.now})
	require.NoError(w, err)
	return service
}

func (w *world) actor() pat.Actor { return pat.Actor{Identity: w.owner.ID, Origin: origin} }

func (w *world) create(change ...func(*pat.Draft)) (pat.Token, pat.Record) {
	w.Helper()
	draft := pat.Draft{Name: "ci " + id.New(), Level: pat.Personal}
	for _, change := range change {
		change(&draft)
	}
	token, record, err := w.service.Create(w.Context(), &w.owner, &draft, &w.policy, w.actor())
	require.NoError(w, err)
	return token, record
}

func (w *world) use(token pat.Token) (pat.Use, error) {
	w.Helper()
	return w.service.Use(w.Context(), token, w.snapshot(), origin)
}

func (w *world) snapshot() *directory.Snapshot {
	w.Helper()
	organization := directory.Organization{ID: w.owner.Organization, Name: "acme", Policy: w.policy}
	return directory.NewSnapshot(&directory.Catalog{Organizations: []directory.Organization{organization}})
}

func (w *world) stored(id pat.ID) pat.Record {
	w.Helper()
	record, err := w.service.Find(w.Context(), id)
	require.NoError(w, err)
	return record
}

// events returns what was committed with changes, of one name.
func (w *world) events(name audit.Name) []audit.Event {
	w.Helper()
	pending, err := w.db.Outbox().Pending(w.Context(), 10_000)
	require.NoError(w, err)
	var events []audit.Event
	for _, stored := range pending {
		var event audit.Event
		require.NoError(w, json.Unmarshal(stored.Event, &event))
		if event.Name == name {
			events = append(events, event)
		}
	}
	return events
}

func (w *world) setOwner(change func(*directory.Identity)) {
	w.Helper()
	owner, err := w.people.Find(w.Context(), w.owner.ID)
	require.NoError(w, err)
	change(&owner)
	require.NoError(w, w.people.ReplaceIdentity(w.Context(), owner, directory.Actor{}))
}
