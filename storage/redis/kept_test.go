package redis_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/storage/redis"
	"github.com/cambio-sts/cambio/storage/storagetest"
)

// TestKept: the documented user may do all of it.
func TestKept(t *testing.T) {
	server := testenv.Redis(t, documentedUser(t))
	runKept(t, redis.Config{Addrs: []string{server.Addr()}})
	keys := strings.Fields(server.MustDo("KEYS", "cambio:*:kept:mine"))
	require.Len(t, keys, 1)
	left, err := strconv.Atoi(server.MustDo("PTTL", keys[0]))
	require.NoError(t, err)
	require.Positive(t, left, "it expires in the server")
	require.LessOrEqual(t, left, 60_000)
}

func TestKeptOnCluster(t *testing.T) {
	c := testenv.Cluster(t, documentedUser(t))
	runKept(t, redis.Config{Topology: redis.Cluster, Addrs: c.Addrs(), Replicas: 1})
}

func runKept(t *testing.T, config redis.Config) {
	t.Helper()
	config.Durability, config.Now = redis.Verified, time.Now
	config.Username, config.Password = "cambio", as("the-password")
	storagetest.RunKept(t, openAs(t, config).Kept(), openAs(t, config).Kept())
}

// TestKeptSwallowedReply: whoever took a value gets it although the reply was lost, and
// nobody else does.
func TestKeptSwallowedReply(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	proxy := swallow(t, server)
	db := openAs(t, redis.Config{Addrs: []string{proxy.listener.Addr().String()}, Durability: redis.Verified, Now: time.Now, PoolSize: 1})
	kept, other, ctx := db.Kept(), open(t, server).Kept(), t.Context()
	require.NoError(t, kept.Put(ctx, "warm", []byte("x"), time.Minute))
	require.NoError(t, second2(kept.Take(ctx, "warm")))
	require.NoError(t, kept.Delete(ctx, "warm"))

	lose := func(do func() error) {
		t.Helper()
		proxy.skip.Store(0)
		require.NoError(t, do())
		require.Negative(t, proxy.skip.Load(), "no reply was lost")
	}
	lose(func() error { return kept.Put(ctx, "link", []byte("for alice"), time.Minute) })
	lose(func() error {
		value, found, err := kept.Take(ctx, "link")
		require.True(t, found)
		require.Equal(t, "for alice", string(value))
		return err
	})
	for _, read := range []func(context.Context, string) ([]byte, bool, error){other.Get, other.Take, kept.Get, kept.Take} {
		_, found, err := read(ctx, "link")
		require.NoError(t, err)
		require.False(t, found)
	}
	for key := range strings.FieldsSeq(server.MustDo("KEYS", "*kept:link")) {
		left, err := strconv.Atoi(server.MustDo("PTTL", key))
		require.NoError(t, err)
		require.LessOrEqual(t, left, 10_000, "what is left of it for the one who took it")
	}
	require.NoError(t, kept.Put(ctx, "session", []byte("x"), time.Minute))
	lose(func() error { return kept.Delete(ctx, "session") })
	require.Empty(t, server.MustDo("KEYS", "*kept:session"))
}

func second2[T, U any](_ T, _ U, err error) error { return err }

// TestKeptOnAFullServer: nobody signs in, and whoever is signed in stays so.
func TestKeptOnAFullServer(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	kept, ctx := open(t, server).Kept(), t.Context()
	require.NoError(t, kept.Put(ctx, "session", []byte("x"), time.Minute))
	server.MustDo("CONFIG", "SET", "maxmemory", "1")
	require.ErrorIs(t, kept.Put(ctx, "another", []byte("x"), time.Minute), fault.ErrUnavailable)
	require.NoError(t, kept.Put(ctx, "session", []byte("y"), time.Minute))
	value, found, err := kept.Take(ctx, "session")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "y", string(value))
	require.NoError(t, kept.Delete(ctx, "session"))
}

// TestKeptUnavailable: a server that is away, or holds what nobody put there.
func TestKeptUnavailable(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	kept, ctx := open(t, server).Kept(), t.Context()
	require.NoError(t, kept.Put(ctx, "session", []byte("x"), time.Minute))
	key := strings.Fields(server.MustDo("KEYS", "*kept:session"))[0]
	server.MustDo("DEL", key)
	server.MustDo("LPUSH", key, "strange")
	require.ErrorIs(t, second2(kept.Get(ctx, "session")), fault.ErrUnavailable)
	require.ErrorIs(t, second2(kept.Take(ctx, "session")), fault.ErrUnavailable)
	server.Stop()
	require.ErrorIs(t, second2(kept.Get(ctx, "session")), fault.ErrUnavailable)
	require.ErrorIs(t, second2(kept.Take(ctx, "session")), fault.ErrUnavailable)
	require.ErrorIs(t, kept.Put(ctx, "session", []byte("x"), time.Minute), fault.ErrUnavailable)
	require.ErrorIs(t, kept.Delete(ctx, "session"), fault.ErrUnavailable)
}
