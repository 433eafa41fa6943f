package redis_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/redis"
)

// eventually repeats do until it succeeds, as a client does that is told to.
func eventually(t *testing.T, do func() error) {
	t.Helper()
	var err error
	testenv.Wait(t, 10*time.Second, func() bool {
		err = do()
		return err == nil
	})
	require.NoError(t, err)
}

// requireUnavailable proves that every kind of operation says so, and soon.
func requireUnavailable(t *testing.T, db *redis.DB, record *pat.Record) {
	t.Helper()
	ctx := t.Context()
	for name, do := range map[string]func() error{
		"use": func() error { _, err := db.Uses().Use(ctx, presentation(record)); return err },
		"touch": func() error {
			_, err := db.Uses().Touch(ctx, pat.Touch{ID: record.ID, Now: time.Now(), Used: true})
			return err
		},
		"find":    func() error { _, err := db.PATs().Find(ctx, record.ID); return err },
		"delete":  func() error { return db.PATs().Delete(ctx, record.ID, change()) },
		"version": func() error { _, err := db.Catalog().Version(ctx); return err },
		"ping":    func() error { return db.Ping(ctx) },
		"list": func() error {
			for _, err := range db.PATs().List(ctx, pat.Query{Organization: record.Organization}) {
				return err
			}
			return nil
		},
	} {
		start := time.Now()
		require.ErrorIs(t, do(), fault.ErrUnavailable, name)
		require.Less(t, time.Since(start), 600*time.Millisecond, name)
	}
}

func TestStoppedServer(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--appendfsync", "always"}})
	db := open(t, server)
	record := token(t, db)
	server.Stop()
	requireUnavailable(t, db, &record)
	server.Start()
	_, err := db.Uses().Use(t.Context(), presentation(&record))
	require.NoError(t, err, "the next call recovers")
	server.Kill()
	requireUnavailable(t, db, &record)
	server.Start()
	got, err := db.PATs().Find(t.Context(), record.ID)
	require.NoError(t, err)
	require.Equal(t, record, got)
}

func TestPausedServer(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db := open(t, server)
	record := token(t, db)
	server.Pause()
	requireUnavailable(t, db, &record)
	server.Resume()
	eventually(t, func() error { return db.Ping(t.Context()) })
	// what the server received while it was paused it may still carry out: the
	// answer was "unknown", so both are right
	_, err := db.PATs().Find(t.Context(), record.ID)
	require.True(t, err == nil || errors.Is(err, pat.ErrNotFound), "%v", err)
}

// TestFullServer: at maxmemory only what creates is refused (A086).
func TestFullServer(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db, client := open(t, server), admin(t, server)
	ctx := t.Context()
	record, doomed := token(t, db), token(t, db)
	expired := doomed
	expired.ID, expired.Name, expired.Expiration = pat.NewID(doomed.Owner), "expired", time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond)
	require.NoError(t, db.PATs().Create(ctx, expired, 0, change()))
	require.NoError(t, client.ConfigSet(ctx, "maxmemory", "1").Err())

	another := record
	another.ID, another.Name = pat.NewID(record.Owner), "another"
	require.ErrorIs(t, db.PATs().Create(ctx, another, 0, change()), fault.ErrUnavailable)
	require.ErrorIs(t, db.Identities().Create(ctx, directory.Identity{
		ID: directory.ID(id.New()), Organization: record.Organization, Username: "new",
	}, change()), fault.ErrUnavailable)

	used, err := db.Uses().Use(ctx, presentation(&record))
	require.NoError(t, err)
	require.Equal(t, record.Owner, used.Owner.ID)
	ended, err := db.Uses().Use(ctx, presentation(&expired))
	require.NoError(t, err)
	require.True(t, ended.Transitioned)
	_, err = db.Uses().Touch(ctx, pat.Touch{ID: record.ID, Now: time.Now(), Used: true, Seen: true})
	require.NoError(t, err)
	live, err := db.Uses().Live(ctx, record.ID, "jti")
	require.NoError(t, err)
	require.False(t, live.Revoked)
	_, err = db.Uses().RevokeJTI(ctx, record.ID, "jti", time.Now().Add(time.Hour), change())
	require.NoError(t, err)
	owner, err := db.Identities().Find(ctx, record.Owner)
	require.NoError(t, err)
	owner.Enabled = false
	require.NoError(t, db.Identities().Replace(ctx, owner, change()))
	_, changed, err := db.PATs().Revoke(ctx, pat.Revocation{ID: record.ID, Generation: 1, To: pat.StateRevoked, At: time.Now()}, change())
	require.NoError(t, err)
	require.True(t, changed)
	require.NoError(t, db.PATs().Delete(ctx, doomed.ID, change()))
	require.NoError(t, db.Identities().Delete(ctx, doomed.Owner, change()))
	require.NoError(t, db.Catalog().Write(ctx, 0, nil, []audit.Event{change()}))
	_, err = db.Outbox().Pending(ctx, 10)
	require.NoError(t, err)
}

func TestScriptsAreLoadedAgain(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db, client := open(t, server), admin(t, server)
	record := token(t, db)
	for range 2 {
		require.NoError(t, client.ScriptFlush(t.Context()).Err())
		used, err := db.Uses().Use(t.Context(), presentation(&record))
		require.NoError(t, err)
		require.Equal(t, record, used.Record)
	}
}

// TestEmptiedServer: nothing is made anew behind anybody's back (A088).
func TestEmptiedServer(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db, client := open(t, server), admin(t, server)
	ctx := t.Context()
	record := token(t, db)
	require.NoError(t, db.Catalog().Write(ctx, 0, nil, []audit.Event{change()}))
	require.NoError(t, db.Keys().SwapKeys(ctx, 0, keys.Stored{Version: 1, Canary: []byte("canary")}, change()))
	require.NoError(t, client.FlushAll(ctx).Err())
	used, err := db.Uses().Use(ctx, presentation(&record))
	require.NoError(t, err)
	require.Zero(t, used.Record)
	version, err := db.Catalog().Version(ctx)
	require.NoError(t, err)
	require.Zero(t, version)
	catalog, err := db.Catalog().Load(ctx)
	require.NoError(t, err)
	require.Zero(t, catalog)
	stored, err := db.Keys().LoadKeys(ctx)
	require.NoError(t, err)
	require.Zero(t, stored)
	require.Zero(t, client.DBSize(ctx).Val())
}

func TestSkew(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db := open(t, server)
	record := token(t, db)
	record.ID, record.Name, record.Expiration = pat.NewID(record.Owner), "expired", time.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond)
	require.NoError(t, db.PATs().Create(t.Context(), record, 0, change()))
	for _, off := range []time.Duration{pat.MaxSkew + 5*time.Second, -pat.MaxSkew - 5*time.Second} {
		p := presentation(&record)
		p.Now = p.Now.Add(off)
		elsewhere, err := redis.Open(t.Context(), redis.Config{
			Addrs: []string{server.Addr()}, Durability: redis.BestEffort, Now: func() time.Time { return time.Now().Add(off) },
		})
		require.NoError(t, err)
		require.ErrorIs(t, elsewhere.Ping(t.Context()), fault.ErrUnavailable, "a node whose clock is off is not ready")
		require.NoError(t, elsewhere.Close())
		_, err = db.Uses().Use(t.Context(), p)
		require.ErrorIs(t, err, fault.ErrUnavailable)
		_, err = db.Uses().Touch(t.Context(), pat.Touch{ID: record.ID, Now: p.Now, Used: true})
		require.ErrorIs(t, err, fault.ErrUnavailable)
		got, err := db.PATs().Find(t.Context(), record.ID)
		require.NoError(t, err)
		require.Equal(t, record, got)
	}
	ahead, err := redis.Open(t.Context(), redis.Config{
		Addrs: []string{server.Addr()}, Durability: redis.BestEffort, Now: func() time.Time { return time.Now().Add(time.Hour) },
	})
	require.NoError(t, err)
	defer func() { _ = ahead.Close() }()
	_, err = ahead.Uses().Live(t.Context(), record.ID, "jti")
	require.ErrorIs(t, err, fault.ErrUnavailable)
}

func TestPolicy(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	replica := testenv.Redis(t, testenv.RedisOptions{})
	host, port, err := net.SplitHostPort(server.Addr())
	require.NoError(t, err)
	client := admin(t, server)
	require.NoError(t, admin(t, replica).ReplicaOf(t.Context(), host, port).Err())
	for name, c := range map[string]struct {
		addr, setting, value string
		durability           redis.Durability
		want                 string // the setting that is refused
	}{
		"in order":               {server.Addr(), "maxmemory-policy", "noeviction", redis.Verified, ""},
		"evicting":               {server.Addr(), "maxmemory-policy", "allkeys-lru", redis.Verified, "maxmemory-policy"},
		"no log":                 {server.Addr(), "appendonly", "no", redis.Verified, "appendonly"},
		"evicting, declared":     {server.Addr(), "maxmemory-policy", "allkeys-lru", redis.Declared, ""},
		"no log, best effort":    {server.Addr(), "appendonly", "no", redis.BestEffort, ""},
		"a replica":              {replica.Addr(), "appendonly", "yes", redis.Verified, "role"},
		"a replica, declared":    {replica.Addr(), "appendonly", "yes", redis.Declared, "role"},
		"back in order, at last": {server.Addr(), "appendonly", "yes", redis.Verified, ""},
	} {
		before, err := client.ConfigGet(t.Context(), c.setting).Result()
		require.NoError(t, err)
		require.NoError(t, client.ConfigSet(t.Context(), c.setting, c.value).Err())
		db, err := redis.Open(t.Context(), redis.Config{Addrs: []string{c.addr}, Durability: c.durability, Now: time.Now})
		if c.want == "" {
			require.NoError(t, err, name)
			require.NoError(t, db.Close())
		} else {
			lacking, ok := errors.AsType[*redis.PolicyError](err)
			require.True(t, ok, "%s: %v", name, err)
			require.Equal(t, c.want, lacking.Setting, name)
			require.Contains(t, err.Error(), lacking.Fix, name)
		}
		require.NoError(t, client.ConfigSet(t.Context(), c.setting, before[c.setting]).Err())
	}
}

func TestHiddenConfig(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--rename-command", "CONFIG", ""}})
	_, err := redis.Open(t.Context(), redis.Config{Addrs: []string{server.Addr()}, Durability: redis.Verified, Now: time.Now})
	require.ErrorContains(t, err, "declared")
	db, err := redis.Open(t.Context(), redis.Config{Addrs: []string{server.Addr()}, Durability: redis.Declared, Now: time.Now})
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

func TestOpenRefuses(t *testing.T) {
	for name, c := range map[string]redis.Config{
		"no address":            {Durability: redis.Verified, Now: time.Now},
		"unknown topology":      {Topology: "ring", Addrs: []string{"127.0.0.1:1"}, Durability: redis.Verified, Now: time.Now},
		"sentinels of nothing":  {Topology: redis.Sentinel, Addrs: []string{"127.0.0.1:1"}, Durability: redis.Verified, Now: time.Now},
		"database of a cluster": {Topology: redis.Cluster, Addrs: []string{"127.0.0.1:1"}, DB: 1, Durability: redis.Verified, Now: time.Now},
		"fewer than no replica": {Addrs: []string{"127.0.0.1:1"}, Replicas: -1, Durability: redis.Verified, Now: time.Now},
		"no durability":         {Addrs: []string{"127.0.0.1:1"}, Now: time.Now},
		"no clock":              {Addrs: []string{"127.0.0.1:1"}, Durability: redis.Verified},
	} {
		_, err := redis.Open(t.Context(), c)
		require.Error(t, err, name)
		require.NotErrorIs(t, err, fault.ErrUnavailable, name)
	}
	_, err := redis.Open(t.Context(), redis.Config{Addrs: []string{"127.0.0.1:1"}, Durability: redis.Verified, Now: time.Now})
	require.ErrorIs(t, err, fault.ErrUnavailable)
}

func TestPassword(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--requirepass", "correct horse"}})
	for password, want := range map[string]error{"correct horse": nil, "battery staple": fault.ErrUnavailable, "": fault.ErrUnavailable} {
		db, err := redis.Open(t.Context(), redis.Config{Addrs: []string{server.Addr()}, Password: func() (secret.Text, error) { return secret.New(password), nil }, Durability: redis.Verified, Now: time.Now})
		if want == nil {
			require.NoError(t, err)
			require.NoError(t, db.Close())
			continue
		}
		require.ErrorIs(t, err, want)
		require.NotContains(t, err.Error(), "battery")
	}
}

// swallower is a proxy that, once armed, carries a command to the server and
// breaks the connection instead of bringing the reply back.
type swallower struct {
	listener net.Listener
	server   string
	skip     atomic.Int64 // replies to let pass; below 0: all of them
}

func swallow(t *testing.T, server *testenv.RedisServer) *swallower {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &swallower{listener: listener, server: server.Addr()}
	s.skip.Store(-1)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.carry(conn)
		}
	}()
	return s
}

func (s *swallower) carry(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", s.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() { _, _ = io.Copy(server, client) }()
	reply := make([]byte, 64<<10)
	for {
		n, err := server.Read(reply)
		if err != nil {
			return
		}
		if s.skip.Load() >= 0 && s.skip.Add(-1) < 0 {
			return
		}
		if _, err := client.Write(reply[:n]); err != nil {
			return
		}
	}
}

// TestSwallowedReply: a change whose reply is lost is done once, with one event
// (A081, A093).
func TestSwallowedReply(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	proxy := swallow(t, server)
	db, err := redis.Open(t.Context(), redis.Config{
		Addrs: []string{proxy.listener.Addr().String()}, Durability: redis.Verified, Now: time.Now, PoolSize: 1,
	})
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	ctx, client := t.Context(), admin(t, server)
	version := uint64(0)
	for name, c := range map[string]struct {
		replies int64 // before the one that is lost
		do      func(record pat.Record) error
		events  int64 // 0: one
	}{
		"create": {0, func(r pat.Record) error {
			r.ID, r.Name = pat.NewID(r.Owner), "another"
			return db.PATs().Create(ctx, r, 2, change())
		}, 0},
		"replace": {0, func(r pat.Record) error { return db.PATs().Replace(ctx, r, 0, change()) }, 0},
		"revoke": {0, func(r pat.Record) error {
			got, changed, err := db.PATs().Revoke(ctx, pat.Revocation{ID: r.ID, Generation: 1, To: pat.StateRevoked, At: r.Created}, change())
			require.True(t, changed)
			require.Equal(t, pat.StateRevoked, got.State)
			return err
		}, 0},
		"delete": {0, func(r pat.Record) error { return db.PATs().Delete(ctx, r.ID, change()) }, 0},
		"revoke a JWT": {0, func(r pat.Record) error {
			changed, err := db.Uses().RevokeJTI(ctx, r.ID, "jti", time.Now().Add(time.Hour), change())
			require.True(t, changed)
			return err
		}, 0},
		"create an identity": {2, func(r pat.Record) error {
			return db.Identities().Create(ctx, directory.Identity{ID: directory.ID(id.New()), Organization: r.Organization, Username: id.New()}, change())
		}, 0},
		"reserve a login": {1, func(r pat.Record) error {
			return db.Identities().Create(ctx, directory.Identity{ID: directory.ID(id.New()), Organization: r.Organization, Username: id.New()}, change())
		}, 0},
		"replace an identity": {1, func(r pat.Record) error {
			owner, err := db.Identities().Find(ctx, r.Owner)
			require.NoError(t, err)
			proxy.skip.Store(1)
			owner.Enabled = false
			return db.Identities().Replace(ctx, owner, change())
		}, 0},
		"delete an identity": {0, func(r pat.Record) error { return db.Identities().Delete(ctx, r.Owner, change()) }, 2},
		"write the catalog": {0, func(pat.Record) error {
			version++
			return db.Catalog().Write(ctx, version-1, nil, []audit.Event{change()})
		}, 0},
		"swap keys": {0, func(pat.Record) error { return db.Keys().SwapKeys(ctx, 0, keys.Stored{Version: 1}, change()) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			record := token(t, db)
			warm(t, db)
			before := events(t, client)
			proxy.skip.Store(c.replies)
			require.NoError(t, c.do(record))
			require.Negative(t, proxy.skip.Load(), "no reply was lost")
			require.Equal(t, before+max(c.events, 1), events(t, client))
		})
	}
}

// warm makes the server know every script, whose first call costs a reply more.
func warm(t *testing.T, db *redis.DB) {
	t.Helper()
	ctx, nobody := t.Context(), pat.ID(id.New())
	record := token(t, db)
	_ = db.PATs().Replace(ctx, pat.Record{}, 0, change())
	record.Revision = 9
	require.ErrorIs(t, db.PATs().Replace(ctx, record, 0, change()), pat.ErrConflict)
	_, _, err := db.PATs().Revoke(ctx, pat.Revocation{ID: nobody}, change())
	require.ErrorIs(t, err, pat.ErrNotFound)
	require.ErrorIs(t, db.PATs().Delete(ctx, nobody, change()), pat.ErrNotFound)
	_, err = db.Uses().RevokeJTI(ctx, nobody, "jti", time.Now(), change())
	require.ErrorIs(t, err, pat.ErrNotFound)
	require.ErrorIs(t, db.Identities().Delete(ctx, directory.ID(nobody), change()), directory.ErrNotFound)
	owner, err := db.Identities().Find(ctx, record.Owner)
	require.NoError(t, err)
	require.NoError(t, db.Identities().Replace(ctx, owner, change()))
	require.ErrorIs(t, db.Catalog().Write(ctx, 99, nil, nil), directory.ErrConflict)
	require.ErrorIs(t, db.Keys().SwapKeys(ctx, 99, keys.Stored{}, change()), keys.ErrSwapped)
}

// events counts the events in all streams.
func events(t *testing.T, client *goredis.Client) int64 {
	t.Helper()
	var n int64
	for streams := client.Scan(t.Context(), 0, "*", 1000).Iterator(); streams.Next(t.Context()); {
		if strings.HasSuffix(streams.Val(), "}:audit") {
			n += client.XLen(t.Context(), streams.Val()).Val()
		}
	}
	return n
}
