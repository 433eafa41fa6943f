package redis_test

import (
	"context"
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
	var db *redis.DB
	testenv.Wait(tb, 10*time.Second, func() (ok bool) { // other tests may hold the processors
		var err error
		db, err = redis.Open(tb.Context(), redis.Config{URL: server.URL(), Durability: redis.Verified, Now: time.Now})
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
		Catalog: db.Catalog(), Keys: db.Keys(), Outbox: db.Outbox(),
	}
}

func TestStore(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	client := admin(t, server)
	storagetest.Run(t, func(t *testing.T) storagetest.Stores {
		t.Helper()
		require.NoError(t, client.FlushAll(t.Context()).Err())
		t.Cleanup(func() { requireTagged(t, client) })
		return stores(open(t, server))
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
		if rest != "audit:lease" {
			require.Equal(t, time.Duration(-1), client.TTL(ctx, keys.Val()).Val(), "%s expires", keys.Val())
		}
	}
}
