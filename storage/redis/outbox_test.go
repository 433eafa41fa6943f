package redis_test

import (
	"strconv"
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
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/redis"
)

// newest returns the time of the last event of a shard, in Unix milliseconds.
func newest(t *testing.T, client *goredis.Client, shard string) int64 {
	t.Helper()
	last, err := client.XRevRangeN(t.Context(), "cambio:{"+shard+"}:audit", "+", "-", 1).Result()
	require.NoError(t, err)
	at, _, _ := strings.Cut(last[0].ID, "-")
	millis, err := strconv.ParseInt(at, 10, 64)
	require.NoError(t, err)
	return millis
}

const leaseKey = "cambio:{cfg}:audit:lease"

func pending(t *testing.T, db *redis.DB, limit int) []audit.Stored {
	t.Helper()
	out, err := db.Outbox().Pending(t.Context(), limit)
	require.NoError(t, err)
	return out
}

// wait adds n events to the stream of a shard.
func wait(t *testing.T, client *goredis.Client, shard string, n int) {
	t.Helper()
	require.NoError(t, client.Eval(t.Context(),
		"for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'event', '{}') end return 1", []string{"cambio:{" + shard + "}:audit"}, n).Err())
}

// TestOneShips: of two processes one at a time sees the outbox.
func TestOneShips(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	first, second := open(t, server), open(t, server)
	token(t, first)
	for range 2 {
		pending, err := first.Outbox().Pending(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, pending, 2)
		none, err := second.Outbox().Pending(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, none)
	}
	require.NoError(t, first.Close())
	pending, err := second.Outbox().Pending(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, pending, 2)
}

// TestFailingSinkLosesLease: who ships nothing keeps the outbox for a term at
// most, and then leaves it to others for another.
func TestFailingSinkLosesLease(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	client, second := admin(t, server), open(t, server)
	ctx := t.Context()
	var ahead atomic.Int64
	first, err := redis.Open(ctx, redis.Config{
		Addrs: []string{server.Addr()}, Durability: redis.Verified, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	})
	require.NoError(t, err)
	defer func() { _ = first.Close() }()
	shorten := func() {
		t.Helper()
		require.True(t, client.PExpire(ctx, leaseKey, 5*time.Second).Val())
	}
	require.Empty(t, pending(t, first, 10))
	shorten()
	require.Empty(t, pending(t, first, 10))
	require.Greater(t, client.PTTL(ctx, leaseKey).Val(), 5*time.Second, "renewed: there was nothing to ship")

	token(t, first)
	events := pending(t, first, 10)
	require.Len(t, events, 2)
	shorten()
	require.Len(t, pending(t, first, 10), 2)
	require.LessOrEqual(t, client.PTTL(ctx, leaseKey).Val(), 5*time.Second, "not renewed: nothing was shipped")
	require.NoError(t, first.Outbox().Discard(ctx, events[:1]))
	require.Len(t, pending(t, first, 10), 1)
	require.Greater(t, client.PTTL(ctx, leaseKey).Val(), 5*time.Second, "renewed: something was shipped")

	require.EqualValues(t, 1, client.Del(ctx, leaseKey).Val()) // it ran out
	require.Empty(t, pending(t, first, 10))
	require.Empty(t, pending(t, first, 10), "left to others")
	require.Len(t, pending(t, second, 10), 1)
	require.NoError(t, second.Close())
	require.Empty(t, pending(t, first, 10))
	ahead.Store(int64(11 * time.Second))
	require.Len(t, pending(t, first, 10), 1, "nobody else shipped")
}

// TestPendingIsFull: a shard in which few events wait leaves its share to the
// others, and none is passed over.
func TestPendingIsFull(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db, client := open(t, server), admin(t, server)
	wait(t, client, "a0", 300)
	wait(t, client, "cfg", 30)
	testenv.Wait(t, time.Second, func() bool { // the others are younger
		at, err := client.Time(t.Context()).Result()
		return err == nil && at.UnixMilli() > newest(t, client, "cfg")
	})
	for n := range 50 {
		wait(t, client, id.ShardName(n), 1)
	}
	for limit, want := range map[int]map[string]int{
		500: {"a0": 300, "cfg": 30, "others": 50},
		200: {"a0": 120, "cfg": 30, "others": 50},
		100: {"a0": 25, "cfg": 25, "others": 50},
		52:  {"a0": 1, "cfg": 1, "others": 50},
		2:   {"a0": 1, "cfg": 1}, // the oldest
	} {
		got := map[string]int{}
		for _, event := range pending(t, db, limit) {
			shard, _, _ := strings.Cut(event.Position, ":")
			if shard != "a0" && shard != "cfg" {
				shard = "others"
			}
			got[shard]++
		}
		require.Equal(t, want, got, limit)
	}
}

// TestOutboxFull: while too many events of a shard wait, its changes are
// refused, but not what ends access.
func TestOutboxFull(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db, client := open(t, server), admin(t, server)
	ctx := t.Context()
	record := token(t, db)
	another := func(expiration time.Time) pat.Record {
		out := record
		out.ID, out.Name, out.Expiration = pat.NewID(record.Owner), id.New(), expiration
		return out
	}
	doomed, expired := another(time.Time{}), another(time.UnixMilli(1))
	require.NoError(t, db.PATs().Create(ctx, doomed, 0, change()))
	require.NoError(t, db.PATs().Create(ctx, expired, 0, change()))
	group := directory.Group{ID: directory.ID(id.New())}
	require.NoError(t, db.Catalog().Write(ctx, 0, []directory.Change{{Group: &group}}, []audit.Event{change()}))
	shard := id.Shard(string(record.ID))
	const most = 4 * 1_000_000 / id.Shards
	owner, err := db.Identities().Find(ctx, record.Owner)
	require.NoError(t, err)
	owner.Groups = []directory.ID{directory.ID(id.New())}
	require.NoError(t, db.Identities().Replace(ctx, owner, change()))
	owner.Revision++
	wait(t, client, shard, most)
	wait(t, client, "cfg", most)
	add := []directory.Change{{Group: &group, Remove: true}, {Group: &directory.Group{ID: directory.ID(id.New())}}}

	before := events(t, client)
	require.ErrorIs(t, db.PATs().Create(ctx, another(time.Time{}), 0, change()), fault.ErrUnavailable)
	require.ErrorIs(t, db.PATs().Replace(ctx, record, 0, change()), fault.ErrUnavailable)
	require.ErrorIs(t, db.Identities().Create(ctx, directory.Identity{
		ID: directory.ID(id.NewIn(string(record.ID))), Organization: record.Organization, Username: "new",
	}, change()), fault.ErrUnavailable)
	require.ErrorIs(t, db.Identities().Replace(ctx, owner, change()), fault.ErrUnavailable)
	require.ErrorIs(t, db.Catalog().Write(ctx, 1, add, []audit.Event{change()}), fault.ErrUnavailable)
	require.Equal(t, before, events(t, client))

	_, changed, err := db.PATs().Revoke(ctx, pat.Revocation{ID: record.ID, Generation: 1, To: pat.StateRevoked, At: time.Now()}, change())
	require.NoError(t, err)
	require.True(t, changed)
	used, err := db.Uses().Use(ctx, presentation(&expired))
	require.NoError(t, err)
	require.True(t, used.Transitioned)
	_, err = db.Uses().RevokeJTI(ctx, record.ID, "jti", time.Now().Add(time.Hour), change())
	require.NoError(t, err)
	require.NoError(t, db.PATs().Delete(ctx, doomed.ID, change()))
	owner.Groups = nil
	require.NoError(t, db.Identities().Replace(ctx, owner, change()), "it leaves its group")
	owner.Revision++
	owner.Enabled = false
	require.NoError(t, db.Identities().Replace(ctx, owner, change()))
	require.NoError(t, db.Catalog().Write(ctx, 1, add[:1], []audit.Event{change()}))
	require.NoError(t, db.Keys().SwapKeys(ctx, 0, keys.Stored{Version: 1}, change()))
	require.Equal(t, before+8, events(t, client))

	require.NoError(t, client.XTrimMaxLen(ctx, "cambio:{"+shard+"}:audit", 10).Err())
	require.NoError(t, db.PATs().Create(ctx, another(time.Time{}), 0, change()))
	require.NoError(t, db.Identities().Delete(ctx, record.Owner, change()))
}
