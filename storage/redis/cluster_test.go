package redis_test

import (
	"context"
	"encoding/hex"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/redis"
)

func shardKey(record *pat.Record) string { return "cambio:{" + string(record.ID[:2]) + "}:epoch" }

// tokenOn stores a token in a shard that one server of a cluster holds, or does not.
func tokenOn(t *testing.T, db *redis.DB, c *testenv.RedisCluster, server *testenv.RedisServer, want bool) pat.Record {
	t.Helper()
	for {
		record := token(t, db)
		if (c.Primary(shardKey(&record)) == server) == want {
			return record
		}
	}
}

// TestStalePromotionInACluster is TestStalePromotion for one shard of many: the
// others go on meanwhile.
func TestStalePromotionInACluster(t *testing.T) {
	t.Parallel()
	c := testenv.Cluster(t, testenv.RedisOptions{Proxied: true})
	db, other := process(t, onCluster(c)), process(t, onCluster(c))
	config := c.Primary("cambio:{cfg}:epoch")
	var primary *testenv.RedisServer
	for _, node := range c.Nodes[:3] {
		if node != config {
			primary = node
		}
	}
	record, elsewhere := tokenOn(t, db, c, primary, true), tokenOn(t, db, c, primary, false)
	mine, others := watchUses(t, db, &record), watchUses(t, other, &record)
	testenv.Wait(t, 10*time.Second, func() bool { return mine.since(time.Time{}) > 0 && others.since(time.Time{}) > 0 })
	primary.Proxy.Set(testenv.Replicas, testenv.Stall)
	requireUnconfirmed(t, db, &record)
	ended := time.Now()
	primary.Kill()
	require.ErrorIs(t, second(db.Uses().Use(t.Context(), presentation(&record))), fault.ErrUnavailable)
	require.NoError(t, second(db.Uses().Use(t.Context(), presentation(&elsewhere))), "a shard of another server")
	require.NoError(t, db.Ping(t.Context()), "and what belongs to no shard")
	c.Promoted(shardKey(&record), primary)
	promoted := time.Now()
	testenv.Wait(t, 15*time.Second, func() bool {
		used, err := db.Uses().Use(t.Context(), presentation(&record))
		return err == nil && used.Record.State == pat.StateRevoked
	})
	require.Less(t, time.Since(promoted), 5*time.Second)
	require.Zero(t, mine.since(ended), "accepted after the revocation was sent")
	require.Zero(t, others.since(ended), "accepted by another process")
}

func second[T any](_ T, err error) error { return err }

// TestShardOfCfgIsDown (A091): without the server of what belongs to no shard the
// process is not ready, and tokens of other shards are still read.
func TestShardOfCfgIsDown(t *testing.T) {
	t.Parallel()
	c := testenv.Cluster(t, testenv.RedisOptions{})
	db := process(t, onCluster(c))
	config := c.Primary("cambio:{cfg}:epoch")
	elsewhere := tokenOn(t, db, c, config, false)
	config.Pause()
	require.ErrorIs(t, db.Ping(t.Context()), fault.ErrUnavailable)
	require.NoError(t, second(db.Uses().Use(t.Context(), presentation(&elsewhere))))
	config.Resume()
	testenv.Wait(t, 15*time.Second, func() bool { return db.Ping(t.Context()) == nil })
}

// TestSlotsMoveUnderLoad (A090): while slots are on their way, what is answered is
// right, what is not is fault.ErrUnavailable, and nothing is done by halves.
func TestSlotsMoveUnderLoad(t *testing.T) {
	c := testenv.Cluster(t, testenv.RedisOptions{})
	db := process(t, onCluster(c))
	var records []pat.Record
	for range 8 {
		records = append(records, token(t, db))
	}
	ctx, stop := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	var uses, changes, refused atomic.Int64
	trouble := make(chan error, 1)
	note := func(err error) {
		if err != nil && ctx.Err() == nil {
			refused.Add(1)
			if !isUnavailable(err) {
				select {
				case trouble <- err:
				default:
				}
			}
		}
	}
	for i := range records {
		workers.Go(func() {
			record := records[i]
			for ctx.Err() == nil {
				used, err := db.Uses().Use(ctx, presentation(&record))
				note(err)
				if err == nil {
					uses.Add(1)
					next := used.Record
					next.Name += "x"
					next.Name = next.Name[max(0, len(next.Name)-40):]
					if err = db.PATs().Replace(ctx, next, 0, change()); err == nil {
						changes.Add(1)
					}
					note(err)
				}
			}
		})
	}
	for round := range 3 {
		for i := range records {
			from := c.Primary(shardKey(&records[i]))
			for j, node := range c.Nodes[:3] {
				if node == from {
					c.MoveSlot(shardKey(&records[i]), c.Nodes[(j+1+round%2)%3])
					break
				}
			}
		}
	}
	stop()
	workers.Wait()
	select {
	case err := <-trouble:
		require.NoError(t, err)
	default:
	}
	require.Greater(t, uses.Load(), int64(100))
	require.Greater(t, changes.Load(), int64(100))
	t.Logf("%d uses, %d changes, %d refused", uses.Load(), changes.Load(), refused.Load())
	for i := range records {
		found, err := db.PATs().Find(t.Context(), records[i].ID)
		require.NoError(t, err)
		server := c.Primary(shardKey(&records[i]))
		names := server.MustDo("HGETALL", strings.Replace(shardKey(&records[i]), "epoch", "names:"+string(records[i].Owner), 1))
		member, err := hex.DecodeString(string(found.ID))
		require.NoError(t, err)
		require.Equal(t, found.Name+" "+string(member), names, "the index says what the record says")
	}
}

func isUnavailable(err error) bool {
	found, _ := is(err, fault.ErrUnavailable)
	return found
}

// TestExpiryOverThreeProcesses (A010): a thousand uses of one expired token, by
// three processes, end it once and tell of it once.
func TestExpiryOverThreeProcesses(t *testing.T) {
	s := testenv.Sentinel(t, testenv.RedisOptions{})
	processes := []*redis.DB{process(t, onSentinel(s)), process(t, onSentinel(s)), process(t, onSentinel(s))}
	record := token(t, processes[0])
	record.ID, record.Name, record.Expiration = pat.NewID(record.Owner), "expired", time.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond)
	require.NoError(t, processes[0].PATs().Create(t.Context(), record, 0, change()))
	client := admin(t, s.Primary())
	before := events(t, client)
	var transitions, answered atomic.Int64
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			for {
				used, err := processes[i%3].Uses().Use(t.Context(), presentation(&record))
				if isUnavailable(err) {
					continue // a thousand at once on two processors
				}
				if !assert.NoError(t, err) {
					return
				}
				if used.Record.State == pat.StateAutoRevoked {
					answered.Add(1)
				}
				if used.Transitioned {
					transitions.Add(1)
				}
				return
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1000, answered.Load())
	require.EqualValues(t, 1, transitions.Load())
	require.Equal(t, before+1, events(t, client))
}
