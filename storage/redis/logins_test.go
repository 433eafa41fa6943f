package redis

import (
	"context"
	"fmt"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/testenv"
)

const tenant = directory.ID("0123456789abcdef0123456789abcdef")

func user(name string) directory.Identity {
	return directory.Identity{
		ID: directory.ID(id.New()), Organization: tenant, Type: directory.User, Username: name, Enabled: true,
		Created: time.Now().UTC().Truncate(time.Millisecond), Revision: 1,
	}
}

func happened() audit.Event { return audit.Event{ID: id.New(), Outcome: audit.Success} }

// TestCrashBetweenTwoWrites leaves behind what a process leaves that dies
// between the reservation of a login, the write of the identity and the release
// of the old login, and proves that nobody is locked out or found wrongly.
func TestCrashBetweenTwoWrites(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db, err := Open(t.Context(), Config{Addrs: []string{server.Addr()}, Durability: Verified, Now: time.Now})
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	store, ctx := identities{db}, t.Context()
	alice := user("alice")
	require.NoError(t, store.Create(ctx, alice, happened()))
	for name, c := range map[string]struct {
		login  string
		holder directory.ID
		age    time.Duration
		want   error
	}{
		"not written yet":           {"n1", directory.ID(id.New()), 0, directory.ErrNameTaken},
		"not written, in the grace": {"n2", directory.ID(id.New()), loginGrace - 5*time.Second, directory.ErrNameTaken},
		"never written":             {"n3", directory.ID(id.New()), loginGrace + time.Second, nil},
		"not renamed yet":           {"n4", alice.ID, 0, directory.ErrNameTaken},
		"never renamed":             {"n5", alice.ID, loginGrace + time.Second, nil},
		"in use for long":           {"alice", alice.ID, 1000 * loginGrace, directory.ErrNameTaken},
		"from the future":           {"n6", directory.ID(id.New()), -time.Hour, directory.ErrNameTaken},
	} {
		field := string(loginField(directory.ByUsername, c.login))
		entry := fmt.Sprintf("%s %d x", c.holder, time.Now().Add(-c.age).UnixMilli())
		require.NoError(t, primary(ctx, t, db).HSet(ctx, loginsKey(tenant), field, entry).Err())
		if c.login != "alice" {
			_, err := store.FindByLogin(ctx, tenant, directory.ByUsername, c.login)
			require.ErrorIs(t, err, directory.ErrNotFound, name)
		}
		heir := user(c.login)
		heir.ExternalID = "x " + c.login
		err := store.Create(ctx, heir, happened())
		if c.want != nil {
			require.ErrorIs(t, err, c.want, name)
			_, err := store.FindByLogin(ctx, tenant, directory.ByExternalID, heir.ExternalID)
			require.ErrorIs(t, err, directory.ErrNotFound, name)
			continue
		}
		require.NoError(t, err, name)
		got, err := store.FindByLogin(ctx, tenant, directory.ByUsername, c.login)
		require.NoError(t, err, name)
		require.Equal(t, heir, got, name)
	}
	got, err := store.FindByLogin(ctx, tenant, directory.ByUsername, "alice")
	require.NoError(t, err)
	require.Equal(t, alice, got)
}

// TestLateIdentity: an identity that arrives after the lease of its logins is
// refused, as they may be someone else's by then.
func TestLateIdentity(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db, err := Open(t.Context(), Config{Addrs: []string{server.Addr()}, Durability: Verified, Now: time.Now})
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	ctx, late := t.Context(), user("late")
	shard := id.Shard(string(late.ID))
	keys := []string{identityKey(late.ID), epochKey(shard), auditKey(shard), identitiesKey(shard, tenant)}
	args := []any{"op", "0", "{}", raw(late.ID), shardPrefix(shard), score(late.Created), time.Now().Add(-time.Second).UnixMilli()}
	_, err = db.do(ctx, call{what: "create", script: db.scripts.identityCreate, keys: keys, args: append(args, writeIdentity(&late)...), change: true})
	require.ErrorIs(t, err, fault.ErrUnavailable)
	_, err = identities{db}.Find(ctx, late.ID)
	require.ErrorIs(t, err, directory.ErrNotFound)

	require.NoError(t, identities{db}.Create(ctx, late, happened()))
	args = []any{"op", "0", "{}", raw(late.ID), shardPrefix(shard), score(late.Created), time.Now().Add(-time.Second).UnixMilli(), "1", ""}
	_, err = db.do(ctx, call{what: "replace", script: db.scripts.identityReplace, keys: keys, args: append(args, writeIdentity(&late)...), change: true})
	require.ErrorIs(t, err, fault.ErrUnavailable)
}

// primary is the client of the server that db stores in.
func primary(ctx context.Context, t *testing.T, db *DB) *goredis.Client {
	t.Helper()
	client, err := db.session.Load().primary(ctx, cfg)
	require.NoError(t, err)
	return client
}

// TestDriftingPolicy: a server that is reconfigured under a running process is
// not used until it is mended.
func TestDriftingPolicy(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db, err := Open(t.Context(), Config{Addrs: []string{server.Addr()}, Durability: Verified, Now: time.Now})
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	ctx := t.Context()
	set := func(value string) {
		require.NoError(t, primary(ctx, t, db).ConfigSet(ctx, "maxmemory-policy", value).Err())
		db.lookAgain(ctx)
	}
	set("allkeys-lru")
	_, err = catalog{db}.Version(ctx)
	require.ErrorIs(t, err, fault.ErrUnavailable)
	require.ErrorIs(t, db.Ping(ctx), fault.ErrUnavailable)
	lacking := &PolicyError{}
	require.ErrorAs(t, err, &lacking)
	set("noeviction")
	_, err = catalog{db}.Version(ctx)
	require.NoError(t, err)
	require.NoError(t, db.Ping(ctx))
}
