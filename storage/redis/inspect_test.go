package redis_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/storage/redis"
)

func inspect(t *testing.T, config redis.Config) *redis.Inspection {
	t.Helper()
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Durability == "" {
		config.Durability = redis.Verified
	}
	seen, err := redis.Inspect(t.Context(), config)
	require.NoError(t, err)
	return seen
}

// TestInspectOne: what one server says of itself, and what lies there.
func TestInspectOne(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	config := redis.Config{Addrs: []string{server.Addr()}}
	seen := inspect(t, config)
	require.Len(t, seen.Servers, 1)
	require.NoError(t, seen.Servers[0].Fault)
	require.Empty(t, seen.Servers[0].Lacks)
	require.Equal(t, "noeviction", seen.Servers[0].Settings["maxmemory-policy"])
	require.Equal(t, "master", seen.Servers[0].Info["role"])
	require.Less(t, seen.Servers[0].Ahead.Abs(), time.Second)
	require.NoError(t, seen.KeysErr)
	require.Zero(t, seen.Keys.Version)
	require.Zero(t, seen.Waiting)
	require.Equal(t, "0", server.MustDo("DBSIZE"), "nothing is left behind")

	db := openAs(t, redis.Config{Addrs: config.Addrs, Durability: redis.Verified, Now: time.Now})
	next := keys.Stored{Version: 1, Canary: []byte("canary")}
	require.NoError(t, db.Keys().SwapKeys(t.Context(), 0, next, audit.Event{ID: "0123456789abcdef0123456789abcdef"}))
	config.Now = func() time.Time { return time.Now().Add(-time.Minute) }
	seen = inspect(t, config)
	require.Equal(t, next, seen.Keys)
	require.EqualValues(t, 1, seen.Waiting)
	require.InDelta(t, time.Minute, seen.Servers[0].Ahead, float64(time.Second))

	server.MustDo("CONFIG", "SET", "requirepass", "a-password")
	seen = inspect(t, config)
	require.Error(t, seen.Servers[0].Fault)
	require.True(t, seen.Servers[0].Refused)
	server.Stop()
	seen = inspect(t, config)
	require.Error(t, seen.Servers[0].Fault)
	require.False(t, seen.Servers[0].Refused)
	require.Error(t, seen.KeysErr)
}

// TestInspectPermissions: the user of the documentation lacks nothing, and each right
// that is taken from it is missed, by name, and nothing else.
func TestInspectPermissions(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	line := regexp.MustCompile(`(?m)^user cambio on .*$`).FindString(string(page))
	require.NotEmpty(t, line)
	rights := strings.Fields(line)[3:] // user cambio on
	server := testenv.Redis(t, testenv.RedisOptions{})
	server.MustDo(append([]string{"ACL", "SETUSER", "cambio", "on"}, rights...)...)
	config := redis.Config{Addrs: []string{server.Addr()}, Username: "cambio", Password: as("the-password")}
	seen := inspect(t, config)
	require.NoError(t, seen.Servers[0].Fault)
	require.Empty(t, seen.Servers[0].Lacks)
	require.NoError(t, seen.KeysErr)
	wrong := config
	wrong.Password = as("another-password")
	require.True(t, inspect(t, wrong).Servers[0].Refused)

	unneeded := []string{"+cluster|slots", "+command", "+select"} // by one server and its database 0
	for _, right := range rights {
		if !strings.HasPrefix(right, "+") || right == "+@scripting" || slices.Contains(unneeded, right) {
			continue
		}
		server.MustDo("ACL", "SETUSER", "cambio", "-"+right[1:])
		require.Equal(t, []string{right}, inspect(t, config).Servers[0].Lacks)
		server.MustDo("ACL", "SETUSER", "cambio", right)
	}
	server.MustDo("ACL", "SETUSER", "cambio", "-evalsha")
	require.Equal(t, []string{"+evalsha"}, inspect(t, config).Servers[0].Lacks)
	server.MustDo("ACL", "SETUSER", "cambio", "+evalsha", "resetkeys", "~others:*")
	require.Equal(t, []string{"~cambio:*"}, inspect(t, config).Servers[0].Lacks)
	server.MustDo("ACL", "SETUSER", "cambio", "~cambio:*", "-eval")
	require.Contains(t, inspect(t, config).Servers[0].Lacks, "+@scripting")
}

// TestInspectSentinels: each sentinel is asked whether it could promote a replica.
func TestInspectSentinels(t *testing.T) {
	t.Parallel()
	s := testenv.Sentinel(t, testenv.RedisOptions{})
	seen := inspect(t, onSentinel(s))
	require.Len(t, seen.Servers, 1)
	require.Len(t, seen.Servers[0].Replicas, 2)
	require.True(t, seen.Servers[0].Replicas[0].Online)
	require.Len(t, seen.Watchers, 3)
	for _, w := range seen.Watchers {
		require.NoError(t, w.Fault)
		require.Empty(t, w.NoQuorum)
		require.Equal(t, []int{2, 2}, []int{w.Quorum, w.Others})
		require.Equal(t, s.Nodes[0].Addr(), w.Primary)
	}
	other := onSentinel(s)
	other.Master = "another"
	seen = inspect(t, other)
	require.True(t, seen.Watchers[0].Unknown)
	require.Error(t, seen.Servers[0].Fault)
	s.Sentinels[1].Kill()
	s.Sentinels[2].Kill()
	testenv.Wait(t, 10*time.Second, func() bool { return inspect(t, onSentinel(s)).Watchers[0].NoQuorum != "" })
	require.Error(t, inspect(t, onSentinel(s)).Watchers[1].Fault)
}

// TestInspectCluster: every primary is asked, and the slots are counted.
func TestInspectCluster(t *testing.T) {
	t.Parallel()
	c := testenv.Cluster(t, testenv.RedisOptions{})
	config := redis.Config{Topology: redis.Cluster, Addrs: c.Addrs(), Replicas: 1}
	seen := inspect(t, config)
	require.Len(t, seen.Servers, 3)
	require.Equal(t, 16384, seen.Slots)
	require.NoError(t, seen.KeysErr)
	require.Zero(t, seen.Waiting)
	require.Equal(t, "no", seen.Servers[0].Settings["cluster-require-full-coverage"])
	require.Len(t, seen.Servers[0].Replicas, 1)
	c.Nodes[1].MustDo("CLUSTER", "DELSLOTS", "6000", "6001")
	c.Nodes[0].MustDo("CLUSTER", "DELSLOTS", "6000", "6001")
	c.Nodes[2].MustDo("CLUSTER", "DELSLOTS", "6000", "6001")
	require.Equal(t, 16382, inspect(t, config).Slots)
}
