package redis_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/storage/redis"
	"github.com/cambio-sts/cambio/storage/storagetest"
)

// open connects to server as the product does.
func open(tb testing.TB, server *testenv.RedisServer) *redis.DB {
	tb.Helper()
	return openAs(tb, redis.Config{Addrs: []string{server.Addr()}, Durability: redis.Verified, Now: time.Now})
}

func openAs(tb testing.TB, config redis.Config) *redis.DB {
	tb.Helper()
	var db *redis.DB
	testenv.Wait(tb, 10*time.Second, func() (ok bool) { // other tests may hold the processors
		var err error
		db, err = redis.Open(tb.Context(), config)
		return err == nil
	})
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// admin is a client of the test's own, for what no port does.
func admin(tb testing.TB, server *testenv.RedisServer) *goredis.Client {
	tb.Helper()
	options, err := goredis.ParseURL(server.URL())
	require.NoError(tb, err)
	client := goredis.NewClient(options)
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

func stores(db *redis.DB) storagetest.Stores {
	return storagetest.Stores{
		PATs: db.PATs(), Uses: db.Uses(), Identities: db.Identities(),
		Catalog: db.Catalog(), Keys: db.Keys(), Outbox: db.Outbox(), Ended: db.Ended(),
	}
}

func TestStore(t *testing.T) {
	for _, program := range testenv.RedisPrograms(t) {
		t.Run(filepath.Base(program), func(t *testing.T) {
			options := documentedUser(t)
			options.Program = program
			server := testenv.Redis(t, options)
			run(t, redis.Config{Addrs: []string{server.Addr()}}, server)
		})
	}
}

func TestStoreOnSentinel(t *testing.T) {
	s := testenv.Sentinel(t, documentedUser(t))
	run(t, redis.Config{Topology: redis.Sentinel, Addrs: s.Addrs(), Master: testenv.SentinelMaster, Replicas: 1}, s.Nodes[0])
}

func TestStoreOnCluster(t *testing.T) {
	c := testenv.Cluster(t, documentedUser(t))
	run(t, redis.Config{Topology: redis.Cluster, Addrs: c.Addrs(), Replicas: 1}, c.Nodes[:3]...)
}

// documentedUser makes servers know the user of docs/operations.md, who may do
// what is written there and nothing else.
func documentedUser(t *testing.T) testenv.RedisOptions {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "user cambio "); ok {
			return testenv.RedisOptions{Args: append([]string{"--user", "cambio"}, strings.Fields(rest)...)}
		}
	}
	t.Fatal("docs/operations.md has no access list")
	return testenv.RedisOptions{}
}

// run runs the suite on servers that have these primaries.
func run(t *testing.T, config redis.Config, primaries ...*testenv.RedisServer) {
	t.Helper()
	config.Durability, config.Now = redis.Verified, time.Now
	config.Username, config.Password = "cambio", as("the-password")
	storagetest.Run(t, func(t *testing.T) storagetest.Stores {
		t.Helper()
		for _, primary := range primaries {
			primary.MustDo("FLUSHALL")
		}
		t.Cleanup(func() {
			for _, primary := range primaries {
				requireTagged(t, admin(t, primary))
			}
		})
		return stores(openAs(t, config))
	})
}

// requireTagged proves that every key is bound to a shard or to cfg and that
// nothing else in it looks like a hash tag.
func requireTagged(t *testing.T, client *goredis.Client) {
	t.Helper()
	ctx := context.Background()
	for keys := client.Scan(ctx, 0, "*", 1000).Iterator(); keys.Next(ctx); {
		require.Regexp(t, `^cambio:\{([0-9a-f]{2}|cfg)\}:[^{}]+$`, keys.Val())
		shard, rest, _ := strings.Cut(strings.TrimPrefix(keys.Val(), "cambio:{"), "}:")
		for _, kind := range []string{"pat:", "idn:", "names:", "live:", "owned:"} {
			if name, ok := strings.CutPrefix(rest, kind); ok {
				require.True(t, strings.HasPrefix(name, shard), keys.Val())
			}
		}
		if rest != "audit:lease" && rest != "ended" {
			require.Equal(t, time.Duration(-1), client.TTL(ctx, keys.Val()).Val(), "%s expires", keys.Val())
		}
	}
}
