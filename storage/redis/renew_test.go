package redis

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/pat"
)

// errNotTaken is what a repetition meets whose server got it and did not take it.
var errNotTaken = errors.New("not taken")

func openHere(t *testing.T) *DB {
	t.Helper()
	server := testenv.Redis(t, testenv.RedisOptions{})
	db, err := Open(t.Context(), Config{Addrs: []string{server.Addr()}, Durability: Verified, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	require.NoError(t, db.Ping(t.Context()))
	return db
}

// TestNothingIsServedUnrepeated: while a server does not get, or does not take, what
// was sent before, nothing is read from it, on whatever connection.
func TestNothingIsServedUnrepeated(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"not taken":     errNotTaken,
		"no connection": &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded},
		"a full pool":   goredis.ErrPoolTimeout,
		"a replica":     errReplica,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openHere(t)
			var taken atomic.Bool
			db.sent.add(time.Now(), "00", func(context.Context, *session) error {
				if taken.Load() {
					return nil
				}
				return failure
			})
			db.session.Load().spoiled.Store(true)
			for range 10 {
				require.ErrorIs(t, db.Ping(t.Context()), fault.ErrUnavailable)
				_, err := db.Catalog().Version(t.Context())
				require.ErrorIs(t, err, fault.ErrUnavailable)
			}
			taken.Store(true)
			testenv.Wait(t, 10*time.Second, func() bool { return db.Ping(t.Context()) == nil })
		})
	}
}

// TestNotMet: who was not met is not asked, and what a session finds out by is not kept.
func TestNotMet(t *testing.T) {
	t.Parallel()
	db := openHere(t)
	s := newSession(&db.config, db.scripts.beat, lives{"elsewhere": {run: "another"}})
	defer func() { require.NoError(t, s.Close()) }()
	_, err := db.ask(t.Context(), s, &call{what: "ask", script: db.scripts.confirm, keys: []string{epochKey(cfg), epochKey(cfg)}})
	require.ErrorIs(t, err, errStranger)
	require.True(t, s.spoiled.Load())
}

// TestAShardIsAway: while a primary of a cluster does not answer, or takes no writes, and
// this process has something to repeat there, the others are served, also in a new session.
func TestAShardIsAway(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*testenv.RedisServer) (mend func()){
		"it stands": func(s *testenv.RedisServer) func() {
			s.Pause()
			return s.Resume
		},
		"it restarts": func(s *testenv.RedisServer) func() {
			s.Kill()
			return s.Start
		},
		"it takes no writes": func(s *testenv.RedisServer) func() {
			s.MustDo("CONFIG", "SET", "min-replicas-to-write", "3")
			return func() { s.MustDo("CONFIG", "SET", "min-replicas-to-write", "0") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := testenv.Cluster(t, testenv.RedisOptions{})
			for _, node := range c.Nodes {
				node.MustDo("CONFIG", "SET", "cluster-replica-no-failover", "yes")
			}
			here, shard := epochKey(cfg), ""
			for n := 0; shard == "" || c.Primary(epochKey(shard)) == c.Primary(here); n++ {
				shard = id.ShardName(n)
			}
			away := epochKey(shard)
			db, err := Open(t.Context(), Config{Topology: Cluster, Addrs: c.Addrs(), Durability: Verified, Now: time.Now})
			require.NoError(t, err)
			t.Cleanup(func() { _ = db.Close() })
			raise := func(key string) error {
				_, err := db.do(t.Context(), call{what: "raise", script: db.scripts.confirm, keys: []string{key, key}})
				return err
			}
			var repeated atomic.Int64
			db.sent.add(time.Now(), shard, func(ctx context.Context, s *session) error {
				repeated.Add(1)
				_, err := db.resend(ctx, s, call{what: "raise", script: db.scripts.confirm, keys: []string{away, away}})
				return err
			})
			mend := spoil(c.Primary(away))
			db.session.Load().spoiled.Store(true)
			testenv.Wait(t, 10*time.Second, func() bool { return raise(here) == nil })
			begun := db.begun.Load()
			for range 20 {
				require.ErrorIs(t, raise(away), fault.ErrUnavailable)
				require.NoError(t, raise(here))
			}
			require.Equal(t, begun, db.begun.Load(), "no new session for each that asks")
			require.Zero(t, repeated.Load())
			mend()
			testenv.Wait(t, 10*time.Second, func() bool {
				require.NoError(t, raise(here))
				return raise(away) == nil
			})
			require.Equal(t, int64(1), repeated.Load())
		})
	}
}

// TestKnows: a server is the one that was met as long as it runs and was not promoted
// again.
func TestKnows(t *testing.T) {
	t.Parallel()
	const never = "0000000000000000000000000000000000000000 -1"
	s := &session{met: lives{"1": {"run", "history 7"}, "2": {"other", never}}}
	for who, known := range map[identity]bool{
		{"run", "history 7"}: true, {"other", never}: true,
		{"run", never}:       true, // for want of replicas it has forgotten that it was promoted
		{"run", "history 8"}: false, {"other", "history 7"}: false, {"new", never}: false, {"new", "history 7"}: false,
	} {
		require.Equal(t, known, s.knows(who), "%v", who)
	}
}

// TestRenumber: the revision that a repeated replacement makes is put into its field
// and nowhere else, whatever the token is called.
func TestRenumber(t *testing.T) {
	record := pat.Record{
		ID: "0123456789abcdef0123456789abcdef", Owner: "01000000000000000000000000000000", Organization: "02000000000000000000000000000000",
		Name: "rev", Level: pat.Personal, State: pat.StateActive, Generation: 1, Revision: 3,
	}
	before := replacementArgs(&record, &audit.Event{ID: "0123456789abcdef0123456789abcdee"}, 7, "", useFields())
	after := slices.Clone(before)
	renumber(after, 4, 9, 6)
	changed := map[int]any{}
	for i := range before {
		if before[i] != after[i] {
			changed[i] = after[i]
		}
	}
	rev := 0
	for i := setsAt + 1; i < len(before); i += 2 {
		if before[i] == "rev" {
			rev = i + 1
		}
	}
	require.Equal(t, "3", before[rev])
	require.Equal(t, map[int]any{replacedAt: "4", aheadAt: "6", rev: "9"}, changed)
}

// TestSentWhileASessionBegins: what is sent to the old server while all is repeated
// on the new one is repeated too, before the session serves; who waits for it gets
// the next one where that fails.
func TestSentWhileASessionBegins(t *testing.T) {
	t.Parallel()
	db := openHere(t)
	var began, late atomic.Int64
	db.sent.add(time.Now(), "00", func(context.Context, *session) error {
		if began.Add(1) == 1 {
			db.sent.add(time.Now(), "01", func(context.Context, *session) error {
				if late.Add(1) == 1 {
					return errNotTaken
				}
				return nil
			})
		}
		return nil
	})
	old := db.session.Load()
	old.spoiled.Store(true)
	var got *session
	testenv.Wait(t, 10*time.Second, func() bool {
		s, err := db.serving(t.Context())
		got = s
		return err == nil
	})
	require.NotSame(t, old, got)
	require.False(t, got.spoiled.Load())
	require.GreaterOrEqual(t, late.Load(), int64(2))
	require.GreaterOrEqual(t, began.Load(), int64(2), "another session, with both")
}

// TestPrimaryWithoutSlots: a primary that was added to a cluster and has no slots yet may
// tell which servers there are. It ends no session.
func TestPrimaryWithoutSlots(t *testing.T) {
	t.Parallel()
	c := testenv.Cluster(t, testenv.RedisOptions{})
	first, added := c.Nodes[0], c.Nodes[5]
	added.MustDo("CLUSTER", "RESET", "SOFT")
	_, port, err := net.SplitHostPort(first.Addr())
	require.NoError(t, err)
	bus := strings.Fields(first.MustDo("CONFIG", "GET", "cluster-port"))
	added.MustDo("CLUSTER", "MEET", "127.0.0.1", port, bus[len(bus)-1])
	testenv.Wait(t, 10*time.Second, func() bool { return strings.Contains(added.MustDo("CLUSTER", "SLOTS"), "16383") })
	for range 5 { // who is asked for the slots is drawn
		db, err := Open(t.Context(), Config{Topology: Cluster, Addrs: []string{added.Addr(), first.Addr()}, Durability: Verified, Now: time.Now})
		require.NoError(t, err)
		for range 20 {
			_, err := db.look(t.Context(), db.session.Load())
			require.NoError(t, err)
			require.NoError(t, db.Ping(t.Context()))
		}
		require.Equal(t, uint64(1), db.begun.Load())
		require.NoError(t, db.Close())
	}
}
