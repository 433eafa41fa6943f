package redis

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/pat"
)

// TestDue: what a promoted server has to be found like until it is served.
func TestDue(t *testing.T) {
	t.Parallel()
	const step = 100 * time.Millisecond
	looks := func(n int, takesWrites, all bool) func(*promotion, *time.Time) bool {
		return func(p *promotion, now *time.Time) (due bool) {
			for range n {
				*now = now.Add(step)
				due = p.due(*now, takesWrites, all)
			}
			return due
		}
	}
	stands := func(length time.Duration) func(*promotion, *time.Time) bool {
		return func(_ *promotion, now *time.Time) bool {
			*now = now.Add(length)
			return false
		}
	}
	least, most := int(settleLeast/step), int(settleMost/step)
	for name, as := range map[string]struct {
		steps []func(*promotion, *time.Time) bool
		due   bool
	}{
		"not where it takes no writes":                   {[]func(*promotion, *time.Time) bool{looks(most+1, false, true)}, false},
		"not where one has not repeated":                 {[]func(*promotion, *time.Time) bool{looks(least+1, true, false)}, false},
		"not before the least time":                      {[]func(*promotion, *time.Time) bool{looks(least, true, true)}, false},
		"after the least time":                           {[]func(*promotion, *time.Time) bool{looks(least+1, true, true)}, true},
		"time in which it took no writes does not count": {[]func(*promotion, *time.Time) bool{looks(least, true, true), looks(1, false, true), looks(1, true, true)}, false},
		"time in which all stood does not count":         {[]func(*promotion, *time.Time) bool{looks(1, true, true), stands(time.Hour), looks(1, true, true)}, false},
		"not before the most, where one is missing":      {[]func(*promotion, *time.Time) bool{looks(most, true, false)}, false},
		"after the most, where one is missing":           {[]func(*promotion, *time.Time) bool{looks(most+1, true, false)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, now, due := &promotion{}, time.Unix(0, 0), false
			for _, step := range as.steps {
				due = step(p, &now)
			}
			require.Equal(t, as.due, due)
		})
	}
}

// memberOf starts a process on the servers of s.
func memberOf(t *testing.T, s *testenv.RedisSentinel) (db *DB, log *observer.ObservedLogs, stop func()) {
	t.Helper()
	core, log := observer.New(zap.WarnLevel)
	db, err := Open(t.Context(), Config{
		Topology: Sentinel, Addrs: s.Addrs(), Master: testenv.SentinelMaster, Replicas: 1, Durability: Verified, Now: time.Now, Logger: zap.New(core),
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = db.Run(ctx) })
	stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(func() {
		stop()
		_ = db.Close()
	})
	return db, log, stop
}

// knows reports whether a process knows of another.
func (db *DB) knows(other *DB) bool {
	db.looking.Lock()
	defer db.looking.Unlock()
	return slices.Contains(db.peers, other.process)
}

// waited returns for how long a promoted server has been looked at, which is met; 0: none is.
func (db *DB) waited() (longest time.Duration) {
	db.looking.Lock()
	defer db.looking.Unlock()
	for _, one := range db.session.Load().promotions {
		longest = max(longest, one.waited)
	}
	return longest
}

// TestSettles: a promoted server is served once every process that served before has
// repeated there what it sent, however long that takes; by one that begins meanwhile, too.
func TestSettles(t *testing.T) {
	t.Parallel()
	s := testenv.Sentinel(t, testenv.RedisOptions{})
	s.Primary().MustDo("HSET", catalogKey(), "version", "1") // there is something to protect
	late, _, stopLate := memberOf(t, s)
	db, log, stop := memberOf(t, s)
	testenv.Wait(t, 10*time.Second, func() bool { return db.knows(late) })
	repeats := make(chan struct{})
	late.sent.add(time.Now(), "00", func(ctx context.Context, _ *session) error {
		select {
		case <-repeats:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	primary := s.Primary()
	primary.Kill()
	next := s.Promoted(primary)
	testenv.Wait(t, 30*time.Second, func() bool { return db.waited() > settleLeast+settleMost/4 })
	require.ErrorIs(t, db.Ping(t.Context()), errSettling)
	_, err := db.Catalog().Version(t.Context())
	require.ErrorIs(t, err, errSettling)
	_, err = db.PATs().Count(t.Context(), pat.Query{Organization: "00000000000000000000000000000000"}, false)
	require.ErrorIs(t, err, errSettling, "what is only read is the past, too")
	joined := make(chan error, 1)
	go func() {
		one, err := Open(t.Context(), db.config)
		if err == nil {
			err = one.Close()
		}
		joined <- err
	}()
	testenv.Wait(t, 10*time.Second, func() bool { return db.waited() > settleLeast+settleMost/2 })
	require.Empty(t, joined)
	require.ErrorIs(t, db.Ping(t.Context()), errSettling)
	close(repeats)
	testenv.Wait(t, 10*time.Second, func() bool { return db.Ping(t.Context()) == nil })
	require.Less(t, db.waited(), settleMost)
	require.NoError(t, <-joined)
	require.Empty(t, log.FilterMessageSnippet("have not repeated").All())

	begins := func() time.Duration {
		one, err := Open(t.Context(), db.config)
		require.NoError(t, err)
		require.NoError(t, one.session.Load().settled())
		require.NoError(t, one.Close())
		return one.waited()
	}
	testenv.Wait(t, 10*time.Second, func() bool { return begins() == 0 }) // others serve it, and have said so
	for _, one := range []func(){stopLate, stop} {
		one()
	}
	next.MustDo("DEL", servedKey(), repeatedKey()) // as if all had been away for a minute
	require.GreaterOrEqual(t, begins(), settleLeast, "nobody knows whether somebody has to repeat something")
}

// TestLookOutlivesARequest: what one request looks for is for all.
func TestLookOutlivesARequest(t *testing.T) {
	t.Parallel()
	db := openHere(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := db.session.Load()
	for addr, who := range s.met {
		s.promotions[addr] = &promotion{who: who}
	}
	require.ErrorIs(t, db.serves(ctx, s, slices.Collect(maps.Keys(s.met))[0]), errSettling)
	testenv.Wait(t, 10*time.Second, func() bool {
		db.looking.Lock()
		defer db.looking.Unlock()
		for _, one := range s.promotions {
			if one.seen.IsZero() {
				return false
			}
		}
		return true
	})
}

// TestSettlesWithout: a process that has ended is not waited for without end.
func TestSettlesWithout(t *testing.T) {
	t.Parallel()
	s := testenv.Sentinel(t, testenv.RedisOptions{})
	ended, _, stop := memberOf(t, s)
	db, log, _ := memberOf(t, s)
	testenv.Wait(t, 10*time.Second, func() bool { return db.knows(ended) })
	stop()
	primary := s.Primary()
	primary.Kill()
	s.Promoted(primary)
	testenv.Wait(t, 30*time.Second, func() bool { return db.waited() > 0 && db.Ping(t.Context()) == nil })
	require.GreaterOrEqual(t, db.waited(), settleMost)
	require.Len(t, log.FilterMessageSnippet("have not repeated").All(), 1)
}
