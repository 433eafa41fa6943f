package redis_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/redis"
)

// ending is a change that takes access away, and how to tell that it is there.
type ending struct {
	prepare func(t *testing.T, db *redis.DB)
	do      func(ctx context.Context, db *redis.DB) error
	there   func(ctx context.Context, db *redis.DB) (bool, error)
}

// endings are all changes that a process remembers.
func endings() map[string]*ending {
	var record, rotated, gone, ended pat.Record
	var owner directory.Identity
	group, role := directory.Group{ID: directory.ID(id.New())}, directory.Assignment{ID: directory.ID(id.New())}
	find := func(ctx context.Context, db *redis.DB, of *pat.Record, holds func(pat.Record) bool) (bool, error) {
		found, err := db.PATs().Find(ctx, of.ID)
		return err == nil && holds(found), err
	}
	made := func(into *pat.Record) func(*testing.T, *redis.DB) {
		return func(t *testing.T, db *redis.DB) { t.Helper(); *into = token(t, db) }
	}
	return map[string]*ending{
		"revoke": {
			made(&record),
			func(ctx context.Context, db *redis.DB) error {
				_, _, err := db.PATs().Revoke(ctx, revocation(&record), change())
				return err
			},
			func(ctx context.Context, db *redis.DB) (bool, error) {
				return find(ctx, db, &record, func(r pat.Record) bool { return r.State == pat.StateRevoked })
			},
		},
		"rotate": {
			made(&rotated),
			func(ctx context.Context, db *redis.DB) error {
				next := rotated
				next.Generation, next.Verifier = 2, pat.Verifier{Current: pat.Digest{Pepper: 1, Sum: [32]byte{9}}, Previous: rotated.Verifier.Current}
				return db.PATs().Replace(ctx, next, 0, change())
			},
			func(ctx context.Context, db *redis.DB) (bool, error) {
				return find(ctx, db, &rotated, func(r pat.Record) bool { return r.Generation == 2 && r.Revision == 2 })
			},
		},
		"delete": {
			made(&gone),
			func(ctx context.Context, db *redis.DB) error { return db.PATs().Delete(ctx, gone.ID, change()) },
			func(ctx context.Context, db *redis.DB) (bool, error) { return missing(db.PATs().Find(ctx, gone.ID)) },
		},
		"revoke a JWT": {
			made(&ended),
			func(ctx context.Context, db *redis.DB) error {
				_, err := db.Uses().RevokeJTI(ctx, ended.ID, "jti", time.Now().Add(time.Hour), change())
				return err
			},
			func(ctx context.Context, db *redis.DB) (bool, error) {
				live, err := db.Uses().Live(ctx, ended.ID, "jti")
				return live.Revoked, err
			},
		},
		"disable": {
			func(t *testing.T, db *redis.DB) {
				t.Helper()
				of := token(t, db)
				var err error
				owner, err = db.Identities().Find(t.Context(), of.Owner)
				require.NoError(t, err)
			},
			func(ctx context.Context, db *redis.DB) error {
				disabled := owner
				disabled.Enabled = false
				return db.Identities().Replace(ctx, disabled, change())
			},
			func(ctx context.Context, db *redis.DB) (bool, error) {
				found, err := db.Identities().Find(ctx, owner.ID)
				return err == nil && !found.Enabled, err
			},
		},
		"delete an identity": deletedOwner(),
		"leave a group":      leftGroup(),
		"remove a role": {
			func(t *testing.T, db *redis.DB) {
				t.Helper()
				require.NoError(t, db.Catalog().Write(t.Context(), 0, []directory.Change{{Group: &group}, {Assignment: &role}}, []audit.Event{change()}))
			},
			func(ctx context.Context, db *redis.DB) error {
				return db.Catalog().Write(ctx, 1, []directory.Change{{Assignment: &role, Remove: true}}, []audit.Event{change()})
			},
			func(ctx context.Context, db *redis.DB) (bool, error) {
				loaded, err := db.Catalog().Load(ctx)
				return len(loaded.Assignments) == 0 && len(loaded.Groups) == 1, err
			},
		},
		"revoke a key": {
			func(t *testing.T, db *redis.DB) {
				t.Helper()
				require.NoError(t, db.Keys().SwapKeys(t.Context(), 0, keys.Stored{Version: 1, Canary: []byte("a")}, change()))
			},
			func(ctx context.Context, db *redis.DB) error {
				return db.Keys().SwapKeys(ctx, 1, keys.Stored{Version: 2, Canary: []byte("b")}, change())
			},
			func(ctx context.Context, db *redis.DB) (bool, error) {
				loaded, err := db.Keys().LoadKeys(ctx)
				return loaded.Version == 2, err
			},
		},
	}
}

func deletedOwner() *ending {
	var owned pat.Record
	return &ending{
		func(t *testing.T, db *redis.DB) { t.Helper(); owned = token(t, db) },
		func(ctx context.Context, db *redis.DB) error {
			return db.Identities().Delete(ctx, owned.Owner, change())
		},
		func(ctx context.Context, db *redis.DB) (bool, error) {
			_, err := db.Identities().Find(ctx, owned.Owner)
			if found, err := is(err, directory.ErrNotFound); !found {
				return false, err
			}
			return missing(db.PATs().Find(ctx, owned.ID))
		},
	}
}

func leftGroup() *ending {
	var member directory.Identity
	group := directory.ID(id.New())
	return &ending{
		func(t *testing.T, db *redis.DB) {
			t.Helper()
			of := token(t, db)
			found, err := db.Identities().Find(t.Context(), of.Owner)
			require.NoError(t, err)
			found.Groups = []directory.ID{group}
			require.NoError(t, db.Identities().Replace(t.Context(), found, change()))
			member, err = db.Identities().Find(t.Context(), of.Owner)
			require.NoError(t, err)
		},
		func(ctx context.Context, db *redis.DB) error {
			left := member
			left.Groups = nil
			return db.Identities().Replace(ctx, left, change())
		},
		func(ctx context.Context, db *redis.DB) (bool, error) {
			found, err := db.Identities().Find(ctx, member.ID)
			if err != nil || len(found.Groups) > 0 {
				return false, err
			}
			for _, err := range db.Identities().Members(ctx, group) {
				return false, err
			}
			return true, nil
		},
	}
}

func missing(_ pat.Record, err error) (bool, error) { return is(err, pat.ErrNotFound) }

// is tells a wanted error from trouble.
func is(err, wanted error) (bool, error) {
	if err == nil {
		return false, nil
	}
	if errors.Is(err, wanted) {
		return true, nil
	}
	return false, err
}

// TestEndingsOutliveTheirPrimary: whatever took access away is repeated on the
// replica that is promoted without it, before that one is asked anything.
func TestEndingsOutliveTheirPrimary(t *testing.T) {
	t.Parallel()
	s := testenv.Sentinel(t, testenv.RedisOptions{Proxied: true})
	db := process(t, onSentinel(s))
	all := endings()
	for _, one := range all {
		one.prepare(t, db)
	}
	primary := s.Primary()
	primary.Proxy.Set(testenv.Replicas, testenv.Stall)
	// At once: in two seconds the primary takes no more. What looks at the store first
	// may come too late on a busy machine, and then has not begun.
	var mu sync.Mutex
	carried := map[string]*ending{}
	var each sync.WaitGroup
	for name, one := range all {
		each.Go(func() {
			assert.ErrorIs(t, one.do(t.Context(), db), fault.ErrUnavailable, name)
			if there, err := one.there(t.Context(), db); err == nil && there {
				mu.Lock()
				defer mu.Unlock()
				carried[name] = one
			}
		})
	}
	each.Wait()
	require.Greater(t, len(carried), len(all)/2, "carried out by the primary alone")
	primary.Kill()
	s.Promoted(primary)
	for name, one := range carried {
		testenv.Wait(t, 15*time.Second, func() bool {
			there, err := one.there(t.Context(), db)
			if err == nil {
				require.True(t, there, "%s: the promoted replica was asked without it", name)
			}
			return err == nil
		})
	}
	for range 2 { // and each stays what it is
		for name, one := range carried {
			there, err := one.there(t.Context(), db)
			require.NoError(t, err, name)
			require.True(t, there, name)
		}
	}
	t.Logf("%d of %d", len(carried), len(all))
}

// TestShardGoesBack: a server that has lost writes without a restart is noticed by
// the epoch of the shard, and what was sent is repeated first.
func TestShardGoesBack(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db := open(t, server)
	record := token(t, db)
	_, _, err := db.PATs().Revoke(t.Context(), revocation(&record), change())
	require.NoError(t, err)
	shard := string(record.ID[:2])
	server.MustDo("HSET", "cambio:{"+shard+"}:pat:"+string(record.ID), "state", "ACTIVE", "op", "another")
	used, err := db.Uses().Use(t.Context(), presentation(&record))
	require.NoError(t, err)
	require.Equal(t, pat.StateActive, used.Record.State, "who can write to the server can")
	server.MustDo("DECR", "cambio:{"+shard+"}:epoch")
	used, err = db.Uses().Use(t.Context(), presentation(&record))
	require.NoError(t, err)
	require.Equal(t, pat.StateRevoked, used.Record.State)
}

// TestNothingComesBack: what is repeated never undoes what came after it, and a
// change that never left the process is none.
func TestNothingComesBack(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--appendfsync", "always"}})
	db := open(t, server)
	ctx := t.Context()
	record := token(t, db)
	owner, err := db.Identities().Find(ctx, record.Owner)
	require.NoError(t, err)
	reversible := revocation(&record)
	reversible.Reversible, reversible.Reason = true, pat.Other
	after, _, err := db.PATs().Revoke(ctx, reversible, change())
	require.NoError(t, err)
	after.State, after.Reversible, after.Generation = pat.StateActive, false, 2
	require.NoError(t, db.PATs().Replace(ctx, after, 0, change()))
	owner.Enabled = false
	require.NoError(t, db.Identities().Replace(ctx, owner, change()))
	owner.Enabled, owner.Revision = true, 2
	require.NoError(t, db.Identities().Replace(ctx, owner, change()))
	server.Stop()
	require.ErrorIs(t, db.PATs().Delete(ctx, record.ID, change()), fault.ErrUnavailable)
	server.Start()
	used, err := db.Uses().Use(ctx, presentation(&record))
	require.NoError(t, err)
	require.Equal(t, pat.StateActive, used.Record.State)
	require.EqualValues(t, 2, used.Record.Generation)
	require.True(t, used.Owner.Enabled)
}

// shardOf is all that a server keeps in the shard of a record.
type shardOf map[string]string

func copyShard(tb testing.TB, client *goredis.Client, record *pat.Record) shardOf {
	tb.Helper()
	all := shardOf{}
	for _, key := range client.Keys(tb.Context(), "cambio:{"+string(record.ID[:2])+"}:*").Val() {
		all[key] = client.Dump(tb.Context(), key).Val()
	}
	require.NotEmpty(tb, all)
	return all
}

func (s shardOf) putBack(tb testing.TB, client *goredis.Client, record *pat.Record) {
	tb.Helper()
	for _, key := range client.Keys(tb.Context(), "cambio:{"+string(record.ID[:2])+"}:*").Val() {
		require.NoError(tb, client.Del(tb.Context(), key).Err())
	}
	for key, dumped := range s {
		require.NoError(tb, client.Restore(tb.Context(), key, 0, dumped).Err())
	}
}

// promote makes a server one that every process takes for another.
func promote(tb testing.TB, client *goredis.Client) {
	tb.Helper()
	require.NoError(tb, client.Do(tb.Context(), "REPLICAOF", "127.0.0.1", "1").Err())
	require.NoError(tb, client.Do(tb.Context(), "REPLICAOF", "NO", "ONE").Err())
	require.NoError(tb, client.ClientKillByFilter(tb.Context(), "TYPE", "normal", "SKIPME", "yes").Err())
}

// findCalmly finds a token, although other tests may hold the processors.
func findCalmly(tb testing.TB, db *redis.DB, token pat.ID) (record pat.Record) {
	tb.Helper()
	testenv.Wait(tb, 10*time.Second, func() bool {
		var err error
		record, err = db.PATs().Find(tb.Context(), token)
		return err == nil
	})
	return record
}

// requireCounted proves that an organization is counted as it is listed.
func requireCounted(t require.TestingT, db *redis.DB, organization directory.ID) {
	q, all, managed := pat.Query{Organization: organization, Columns: pat.ColumnManaged}, 0, 0
	for record, err := range db.PATs().List(context.Background(), q) {
		require.NoError(t, err)
		all++
		if record.Managed {
			managed++
		}
	}
	n, err := db.PATs().Count(context.Background(), q, true)
	require.NoError(t, err)
	require.Equal(t, all, n)
	n, err = db.PATs().Count(context.Background(), q, false)
	require.NoError(t, err)
	require.Equal(t, all-managed, n)
}

// TestCountedOnce: a change that is repeated under its name is counted once.
func TestCountedOnce(t *testing.T) {
	db := open(t, testenv.Redis(t, testenv.RedisOptions{}))
	record := token(t, db)
	record.ID, record.Name, record.Managed = pat.NewID(record.Owner), "managed", true
	for _, do := range []func(audit.Event) error{
		func(event audit.Event) error { return db.PATs().Create(t.Context(), record, 0, event) },
		func(event audit.Event) error {
			changed := record
			changed.Managed = false
			return db.PATs().Replace(t.Context(), changed, 0, event)
		},
		func(event audit.Event) error {
			changed := record
			changed.Revision = 2
			return db.PATs().Replace(t.Context(), changed, 0, event)
		},
	} {
		event := change()
		require.NoError(t, do(event))
		require.NoError(t, do(event))
		requireCounted(t, db, record.Organization)
	}
	n, err := db.PATs().Count(t.Context(), pat.Query{Organization: record.Organization}, false)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

// TestRepeatedInAnyOrder: two processes change a token in turns, and the server goes
// back to some state in between. Whatever the order in which they repeat what they
// sent, nothing that had ended lives, and nothing is wider than it was made.
func TestRepeatedInAnyOrder(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	processes, client := []*redis.DB{open(t, server), open(t, server)}, admin(t, server)
	rapid.Check(t, func(rt *rapid.T) {
		record := token(t, processes[0])
		ended := map[int64]bool{}
		kinds := rapid.SliceOfN(rapid.SampledFrom([]string{"narrow", "revoke", "reactivate", "rotate"}), 1, 8).Draw(rt, "changes")
		at := rapid.IntRange(0, len(kinds)-1).Draw(rt, "goes back to")
		var before shardOf
		for i, kind := range kinds {
			if i == at {
				before = copyShard(t, client, &record)
			}
			db := processes[rapid.IntRange(0, 1).Draw(rt, "process")]
			now := findCalmly(t, db, record.ID)
			replace := func() {
				insist(t, func(event audit.Event) error { return db.PATs().Replace(t.Context(), now, 0, event) })
			}
			switch {
			case kind == "revoke" && now.State == pat.StateActive:
				reversible := revocation(&now)
				reversible.Reversible, reversible.Reason = true, pat.Other
				insist(t, func(event audit.Event) error {
					_, _, err := db.PATs().Revoke(t.Context(), reversible, event)
					return err
				})
				ended[now.Generation] = true
			case kind == "reactivate" && now.State == pat.StateRevoked:
				now.State, now.Reversible, now.RevokedAt, now.RevokedBy, now.RevokeReason = pat.StateActive, false, time.Time{}, "", ""
				now.Generation++
				replace()
			case kind == "rotate" && now.State == pat.StateActive:
				ended[now.Generation] = true
				now.Generation++
				now.Verifier.Current.Sum[0]++
				replace()
			case kind == "narrow":
				now.Scope, now.Managed = []string{fmt.Sprintf("narrower:%d", i)}, i%2 == 0
				replace()
			}
		}
		want := findCalmly(t, processes[0], record.ID)
		before.putBack(t, client, &record)
		promote(t, client)
		order := rapid.Permutation(processes).Draw(rt, "order")
		for range 2 {
			for _, db := range order {
				testenv.Wait(t, 10*time.Second, func() bool { return second(db.Uses().Use(t.Context(), presentation(&record))) == nil })
			}
		}
		got := findCalmly(t, processes[0], record.ID)
		require.False(rt, got.State == pat.StateActive && ended[got.Generation], "a generation that ended lives")
		require.False(rt, got.State == pat.StateActive && want.State != pat.StateActive, "it had ended")
		require.GreaterOrEqual(rt, got.Generation, want.Generation)
		require.Equal(rt, want.Scope, got.Scope)
		require.Equal(rt, want.Managed, got.Managed)
		requireCounted(rt, processes[0], record.Organization)
		if got.State == pat.StateActive {
			require.Equal(rt, want.Generation, got.Generation)
			require.Equal(rt, want.Verifier, got.Verifier)
		}
	})
}
