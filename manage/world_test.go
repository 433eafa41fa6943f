package manage_test

import (
	"bytes"
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
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
	*testing.T
	clock   *clock
	catalog directory.Catalogs
	people  *directory.Directory
	tokens  *pat.Service
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

func newWorld(t *testing.T, clock *clock, stores storagetest.Stores) *world {
	t.Helper()
	w := &world{T: t, clock: clock, catalog: stores.Catalog}
	var err error
	w.people, err = directory.New(directory.Config{Identities: stores.Identities, Catalog: stores.Catalog, Now: clock.now})
	require.NoError(t, err)
	peppers, err := pat.NewPeppers(pat.Pepper{Version: 1, Key: bytes.Repeat([]byte{7}, 32)})
	require.NoError(t, err)
	format, err := pat.NewFormat(pat.DefaultPrefix)
	require.NoError(t, err)
	w.tokens, err = pat.NewService(pat.Config{Store: stores.PATs, Uses: stores.Uses, Format: format, Peppers: peppers, Now: clock.now})
	require.NoError(t, err)
	services, err := exchange.NewServices(issuer, service, exchange.Service{Audience: service, AnyScope: true})
	require.NoError(t, err)
	w.manager, err = manage.New(manage.Config{
		Tokens: w.tokens, Directory: w.people, Keys: noKeys{}, Services: services, Trail: audit.NewArchive(t.TempDir()), Now: clock.now,
	})
	require.NoError(t, err)
	return w
}

func (w *world) snapshot() *directory.Snapshot {
	w.Helper()
	require.NoError(w, w.people.Refresh(w.Context()))
	snapshot, err := w.people.Snapshot(w.Context())
	require.NoError(w, err)
	return snapshot
}
