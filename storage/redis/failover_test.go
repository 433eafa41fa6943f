package redis_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/redis"
)

// process is a process of the product as far as its store is concerned.
func process(t *testing.T, config redis.Config) *redis.DB {
	t.Helper()
	config.Durability, config.Now = redis.Verified, time.Now
	db := openAs(t, config)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = db.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return db
}

func onSentinel(s *testenv.RedisSentinel) redis.Config {
	return redis.Config{Topology: redis.Sentinel, Addrs: s.Addrs(), Master: testenv.SentinelMaster, Replicas: 1}
}

func onCluster(c *testenv.RedisCluster) redis.Config {
	return redis.Config{Topology: redis.Cluster, Addrs: c.Addrs(), Replicas: 1}
}

// revocation ends a record for good.
func revocation(record *pat.Record) pat.Revocation {
	return pat.Revocation{ID: record.ID, Generation: record.Generation, To: pat.StateRevoked, At: time.Now(), By: record.Owner, Reason: pat.Compromised}
}

// watched uses a token without a pause and remembers when it was accepted.
type watched struct {
	stop     context.CancelFunc
	done     chan struct{}
	mu       sync.Mutex
	accepted []time.Time // when the uses began
	refused  time.Time   // when the first one ended that found the token revoked
}

func watchUses(t *testing.T, db *redis.DB, record *pat.Record) *watched {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watched{stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for ctx.Err() == nil {
			began := time.Now()
			used, err := db.Uses().Use(ctx, presentation(record))
			w.mu.Lock()
			switch {
			case err != nil: // nobody was let in
			case used.Record.State == pat.StateActive:
				w.accepted = append(w.accepted, began)
			case w.refused.IsZero():
				w.refused = time.Now()
			}
			w.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-w.done
	})
	return w
}

func (w *watched) since(at time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, began := range w.accepted {
		if began.After(at) {
			n++
		}
	}
	return n
}

func (w *watched) refusedAt() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refused
}

// TestStalePromotion (A082): the primary takes a revocation with it that no
// replica has. It is not acknowledged; and on the replica that is promoted the
// token is not accepted once, by no process, and is denied within 5 s.
func TestStalePromotion(t *testing.T) {
	t.Parallel()
	for name, as := range map[string]promotion{
		"behind": {},            // the epoch of the shard tells of it
		"ahead":  {ahead: true}, // others have written to it since: only that it is another server does
		"alone":  {alone: true}, // nobody can repeat the revocation there for longer than a shard rests
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stalePromotion(t, as)
		})
	}
}

// promotion says what is special about one: that the replica was written to, or that it
// has no replica of its own for a while, without which it takes no writes.
type promotion struct{ ahead, alone bool }

func stalePromotion(t *testing.T, as promotion) {
	t.Helper()
	s := testenv.Sentinel(t, testenv.RedisOptions{Proxied: true})
	db, other := process(t, onSentinel(s)), process(t, onSentinel(s))
	record := token(t, db)
	mine, others := watchUses(t, db, &record), watchUses(t, other, &record)
	testenv.Wait(t, 10*time.Second, func() bool { return mine.since(time.Time{}) > 0 && others.since(time.Time{}) > 0 })
	primary := s.Primary()
	primary.Proxy.Set(testenv.Replicas, testenv.Stall)
	requireUnconfirmed(t, db, &record)
	ended := time.Now()
	if as.alone {
		for _, node := range s.Nodes[1:] {
			node.Proxy.Set(testenv.Replicas, testenv.Cut)
		}
	}
	if as.ahead {
		for _, node := range s.Nodes[1:] {
			node.MustDo("CONFIG", "SET", "replica-read-only", "no")
			node.MustDo("INCRBY", shardKey(&record), "1000")
		}
	}
	primary.Kill()
	next := s.Promoted(primary)
	promoted := time.Now()
	if as.alone {
		const longerThanItRests = 4 * time.Second
		testenv.Wait(t, 10*time.Second, func() bool { return time.Since(promoted) > longerThanItRests })
		next.Proxy.Set(testenv.Replicas, testenv.Pass)
	}
	accepted := func() bool { return mine.since(ended)+others.since(ended) > 0 }
	testenv.Wait(t, 30*time.Second, func() bool {
		return accepted() || !mine.refusedAt().IsZero() && !others.refusedAt().IsZero()
	})
	// the revocation was seen on the old primary, so look again
	testenv.Wait(t, 30*time.Second, func() bool {
		used, err := db.Uses().Use(t.Context(), presentation(&record))
		return accepted() || err == nil && used.Record.State == pat.StateRevoked
	})
	require.Zero(t, mine.since(ended), "accepted after the revocation was sent")
	require.Zero(t, others.since(ended), "accepted by another process")
	// A replica that was written to takes long to follow, and without one a primary
	// takes no writes; on a busy machine the sentinels may promote once more.
	if as == (promotion{}) && s.Primary() == next {
		require.Less(t, time.Since(promoted), 5*time.Second)
	}
}

// requireUnconfirmed revokes a token on a primary whose replicas hear nothing of it:
// it is carried out there, and not acknowledged. On a busy machine it may time out
// before it is, so it is said until it is heard.
func requireUnconfirmed(t *testing.T, db *redis.DB, record *pat.Record) {
	t.Helper()
	var err error
	testenv.Wait(t, 10*time.Second, func() bool {
		began := time.Now()
		_, _, err = db.PATs().Revoke(t.Context(), revocation(record), change())
		require.Less(t, time.Since(began), time.Second)
		return err == nil || strings.Contains(err.Error(), "too few replicas")
	})
	require.ErrorIs(t, err, fault.ErrUnavailable)
}

// TestCutOffWithTheOldPrimary (A084): a process that is left alone with the primary,
// while the others promote a replica, stops accepting once that primary has missed
// its replicas for too long, and goes on with the new one when it can reach it.
func TestCutOffWithTheOldPrimary(t *testing.T) {
	t.Parallel()
	s := testenv.Sentinel(t, testenv.RedisOptions{Proxied: true})
	db := process(t, onSentinel(s))
	record := token(t, db)
	uses := watchUses(t, db, &record)
	testenv.Wait(t, 10*time.Second, func() bool { return uses.since(time.Time{}) > 0 })
	primary := s.Primary()
	for _, door := range s.Doors {
		door.Set(testenv.Clients, testenv.Cut)
	}
	primary.Proxy.Set(testenv.Sentinels, testenv.Cut)
	primary.Proxy.Set(testenv.Replicas, testenv.Cut)
	cut := time.Now()
	s.Promoted(primary)
	const mostLag, heartbeat = 2 * time.Second, time.Second
	testenv.Wait(t, 10*time.Second, func() bool { return time.Since(cut) > mostLag+heartbeat+time.Second })
	require.Zero(t, uses.since(cut.Add(mostLag+heartbeat)))
	require.ErrorIs(t, db.Ping(t.Context()), fault.ErrUnavailable)
	for _, err := range db.PATs().List(t.Context(), pat.Query{Organization: record.Organization}) {
		require.ErrorIs(t, err, fault.ErrUnavailable, "what is only read is the past too")
	}
	require.ErrorIs(t, db.PATs().Delete(t.Context(), record.ID, change()), fault.ErrUnavailable)

	for _, door := range s.Doors {
		door.Set(testenv.Clients, testenv.Pass)
	}
	primary.Proxy.Set(testenv.Sentinels, testenv.Pass)
	primary.Proxy.Set(testenv.Replicas, testenv.Pass)
	testenv.Wait(t, 30*time.Second, func() bool { return db.Ping(t.Context()) == nil })
	require.ErrorIs(t, second(db.PATs().Find(t.Context(), record.ID)), pat.ErrNotFound, "the deletion that was sent is repeated")
}
