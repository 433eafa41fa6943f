package redis_test

import (
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/pat"
)

func endedKey(shard string) string { return "cambio:{" + shard + "}:ended" }

// told reads what a cursor tells, without the times; calmly, as other tests may hold the
// processors.
func told(tb testing.TB, cursor pat.EndedCursor) map[pat.Ended]int {
	tb.Helper()
	out := map[pat.Ended]int{}
	testenv.Wait(tb, 30*time.Second, func() bool {
		all, err := cursor.Next(tb.Context())
		if err != nil {
			require.ErrorIs(tb, err, fault.ErrUnavailable)
			return false
		}
		for _, one := range all {
			one.At = time.Time{}
			out[one]++
		}
		return true
	})
	return out
}

func endOf(record *pat.Record, generation int64) pat.Ended {
	return pat.Ended{Kind: pat.EndedToken, ID: string(record.ID), Generation: generation}
}

// ahead makes the stream of a shard one of a server whose clock is ahead, by an entry of
// an hour from now, and returns it.
func ahead(tb testing.TB, client *goredis.Client, shard string) pat.Ended {
	tb.Helper()
	identity := id.New()
	bytes, err := hex.DecodeString(identity)
	require.NoError(tb, err)
	at := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10)
	require.NoError(tb, client.XAdd(tb.Context(), &goredis.XAddArgs{
		Stream: endedKey(shard), ID: at + "-0", Values: []any{"e", "o" + string(bytes)},
	}).Err())
	return pat.Ended{Kind: pat.EndedOwner, ID: identity}
}

// TestEndedIsToldAgain: a server that takes over without what was told, and with a slower
// clock, tells all of it once what was sent has been repeated; a cursor that was ahead
// leaves nothing out.
func TestEndedIsToldAgain(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db, client, ctx := open(t, server), admin(t, server), t.Context()
	all := endings()
	for _, one := range all {
		one.prepare(t, db)
	}
	lost := shardOf{}
	for _, key := range client.Keys(ctx, "cambio:*").Val() {
		lost[key] = client.Dump(ctx, key).Val()
	}
	cursor := db.Ended().Follow()
	require.Empty(t, told(t, cursor))
	for name, one := range all {
		require.NoError(t, one.do(ctx, db), name)
	}
	before := told(t, cursor)
	kinds := map[pat.EndedKind]int{}
	for one, times := range before {
		require.Equal(t, 1, times)
		kinds[one.Kind]++
	}
	require.Equal(t, map[pat.EndedKind]int{pat.EndedToken: 4, pat.EndedJWT: 1, pat.EndedOwner: 1}, kinds)
	for _, key := range client.Keys(ctx, "cambio:*:ended").Val() {
		require.Equal(t, map[pat.Ended]int{ahead(t, client, key[len("cambio:{"):][:2]): 1}, told(t, cursor))
	}
	require.Empty(t, told(t, cursor))

	require.NoError(t, client.FlushAll(ctx).Err())
	for key, dumped := range lost {
		require.NoError(t, client.Restore(ctx, key, 0, dumped).Err())
	}
	promote(t, client)
	for _, each := range []pat.EndedCursor{cursor, db.Ended().Follow(), open(t, server).Ended().Follow()} {
		require.Equal(t, before, told(t, each))
		require.Empty(t, told(t, each))
	}

	promote(t, client) // nothing is lost: nothing ends once more
	require.Equal(t, before, told(t, cursor))
}

// TestEndedOfALostGeneration: a generation that a server has lost with its beginning is
// told of by the repetition of its end, also where an earlier one has ended.
func TestEndedOfALostGeneration(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db, other, client, ctx := open(t, server), open(t, server), admin(t, server), t.Context()
	record := token(t, db)
	first := revocation(&record)
	first.Reversible = true
	after, _, err := db.PATs().Revoke(ctx, first, change())
	require.NoError(t, err)
	lost := copyShard(t, client, &record)
	after.State, after.Reversible, after.Generation = pat.StateActive, false, 2
	require.NoError(t, db.PATs().Replace(ctx, after, 0, change()))
	again := revocation(&after)
	again.Reversible = true // else it would be made final, and told as any
	require.NoError(t, second2(other.PATs().Revoke(ctx, again, change())))
	lost.putBack(t, client, &record)
	promote(t, client)
	require.Equal(t, map[pat.Ended]int{endOf(&record, 1): 1, endOf(&record, 2): 1}, told(t, other.Ended().Follow()))
}

// TestEndedOutlivesItsPrimary: whatever was acknowledged is told after a promotion, and
// what was not, as it was sent; no pass ends well that lacks any of it.
func TestEndedOutlivesItsPrimary(t *testing.T) {
	t.Parallel()
	s := testenv.Sentinel(t, testenv.RedisOptions{Proxied: true})
	db, other := process(t, onSentinel(s)), process(t, onSentinel(s))
	acknowledged, unconfirmed, later := token(t, db), token(t, db), token(t, db)
	require.NoError(t, second2(db.PATs().Revoke(t.Context(), revocation(&acknowledged), change())))
	mine, others := db.Ended().Follow(), other.Ended().Follow()
	first, both := map[pat.Ended]int{endOf(&acknowledged, 1): 1}, map[pat.Ended]int{endOf(&acknowledged, 1): 1, endOf(&unconfirmed, 1): 1}
	require.Equal(t, first, told(t, mine))
	require.Equal(t, first, told(t, others))
	primary := s.Primary()
	primary.Proxy.Set(testenv.Replicas, testenv.Stall)
	requireUnconfirmed(t, db, &unconfirmed)
	ahead(t, admin(t, primary), string(later.ID[:2]))
	_, _ = mine.Next(t.Context()) // of a server that may not take writes any more
	primary.Kill()
	require.ErrorIs(t, second(mine.Next(t.Context())), fault.ErrUnavailable)
	s.Promoted(primary)
	require.Equal(t, both, told(t, mine))
	require.Equal(t, both, told(t, others))
	require.Equal(t, both, told(t, other.Ended().Follow()))
	v := revocation(&later)
	testenv.Wait(t, 15*time.Second, func() bool {
		_, _, err := db.PATs().Revoke(t.Context(), v, change())
		return err == nil
	})
	require.Contains(t, told(t, mine), endOf(&later, 1), "behind an entry of a clock that was ahead")
	require.Contains(t, told(t, others), endOf(&later, 1))
}

// TestEndedOfAReplica: a server that is no primary any more is not believed that nothing
// ended.
func TestEndedOfAReplica(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db := open(t, server)
	cursor := db.Ended().Follow()
	require.Empty(t, told(t, cursor))
	server.MustDo("REPLICAOF", "127.0.0.1", "1")
	require.ErrorIs(t, second(cursor.Next(t.Context())), fault.ErrUnavailable)
	server.MustDo("REPLICAOF", "NO", "ONE")
	require.Empty(t, told(t, cursor))
}

// TestEndedWindow: a stream expires when nothing follows, what is too old is cleared
// away, and a full server takes what ends something.
func TestEndedWindow(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db, client, ctx := open(t, server), admin(t, server), t.Context()
	record := token(t, db)
	key := endedKey(string(record.ID[:2]))
	old := strconv.FormatInt(time.Now().Add(-pat.EndedWindow-time.Minute).UnixMilli(), 10)
	for range 1000 {
		require.NoError(t, client.XAdd(ctx, &goredis.XAddArgs{Stream: key, ID: old + "-*", Values: []any{"e", "j1000::old"}}).Err())
	}
	fresh := strconv.FormatInt(time.Now().Add(-pat.EndedWindow+time.Minute).UnixMilli(), 10)
	require.NoError(t, client.XAdd(ctx, &goredis.XAddArgs{Stream: key, ID: fresh + "-0", Values: []any{"e", "j1000::fresh"}}).Err())
	server.MustDo("CONFIG", "SET", "maxmemory", "1")
	require.NoError(t, db.PATs().Delete(ctx, record.ID, change()))
	require.Less(t, client.XLen(ctx, key).Val(), int64(110), "whole nodes of the stream, of 100 entries")
	left := client.PTTL(ctx, key).Val()
	require.Positive(t, left)
	require.LessOrEqual(t, left, pat.EndedWindow)
	require.Greater(t, left, pat.EndedWindow-time.Minute)
	got := told(t, db.Ended().Follow())
	require.Contains(t, got, pat.Ended{Kind: pat.EndedJWT, ID: "fresh", Expiry: time.UnixMilli(1000).UTC()})
	require.Contains(t, got, endOf(&record, pat.EveryGeneration))
}

// endAll adds n ends of JWTs to each of some shards.
func endAll(tb testing.TB, client *goredis.Client, n int, shards ...string) {
	tb.Helper()
	for _, shard := range shards {
		require.NoError(tb, client.Eval(tb.Context(),
			"for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'e', 'j1000::' .. i) end return 1", []string{endedKey(shard)}, n).Err())
	}
}

// TestEndedPages: a shard that has many does not hide those of others.
func TestEndedPages(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db, client := open(t, server), admin(t, server)
	cursor := db.Ended().Follow()
	for _, n := range []int{999, 1000, 1001, 2500} {
		endAll(t, client, n, "00", "ff")
		endAll(t, client, 1, "80")
		got := told(t, cursor)
		require.Len(t, got, n)
		require.Equal(t, 3, got[pat.Ended{Kind: pat.EndedJWT, ID: "1", Expiry: time.UnixMilli(1000).UTC()}])
		require.Equal(t, 2, got[pat.Ended{Kind: pat.EndedJWT, ID: strconv.Itoa(n), Expiry: time.UnixMilli(1000).UTC()}])
	}
	require.Empty(t, told(t, cursor))
}

// TestEndedDamaged: what no script wrote is not passed over in silence.
func TestEndedDamaged(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db := open(t, server)
	for _, text := range []string{"", "x", "p", "o12345678", "p" + strings.Repeat("x", 16) + "y", "q" + strings.Repeat("x", 16)} {
		server.MustDo("DEL", endedKey("00"))
		server.MustDo("XADD", endedKey("00"), "*", "e", text)
		require.ErrorIs(t, second(db.Ended().Follow().Next(t.Context())), fault.ErrUnavailable, text)
	}
}

// BenchmarkEndedPass reads what nobody added to, behind nothing and behind many.
func BenchmarkEndedPass(b *testing.B) {
	for _, n := range []int{0, 400} { // in each shard
		b.Run(strconv.Itoa(n*id.Shards), func(b *testing.B) {
			server := testenv.Redis(b, testenv.RedisOptions{})
			db, client := open(b, server), admin(b, server)
			for shard := range id.Shards {
				endAll(b, client, n, id.ShardName(shard))
			}
			cursor := db.Ended().Follow()
			began := time.Now()
			all, err := cursor.Next(b.Context())
			require.NoError(b, err)
			require.Len(b, all, n*id.Shards)
			first := time.Since(began)
			for b.Loop() {
				_, err := cursor.Next(b.Context())
				require.NoError(b, err)
			}
			b.ReportMetric(float64(first.Microseconds()), "us/first")
		})
	}
}
