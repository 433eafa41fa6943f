package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/internal/throttle"
	"github.com/cambio-sts/cambio/storage/redis"
)

// Three processes count as one: of requests that come to all of them at once the
// limit is let through, and not one more; then another window begins.
func TestRequestsAreCountedTogether(t *testing.T) {
	server := testenv.Redis(t, documentedUser(t))
	const most, length = 100, 2 * time.Second
	token := id.New()
	var told [most]atomic.Int64 // how many were told that so many are left
	var refused atomic.Int64
	var all sync.WaitGroup
	for range 3 {
		requests := open(t, server).Requests(most, length)
		for range 200 {
			all.Go(func() {
				quota, err := requests.Allow(t.Context(), token, "/api/v1")
				switch {
				case err != nil:
					t.Error(err)
				case quota.RetryAfter == 0:
					told[quota.Remaining].Add(1)
				default:
					refused.Add(1)
				}
				if quota.Reset <= 0 || quota.Reset > length {
					t.Errorf("%v until the next window", quota.Reset)
				}
			})
		}
	}
	all.Wait()
	for left := range told {
		require.EqualValues(t, 1, told[left].Load(), "%d left", left)
	}
	require.EqualValues(t, 500, refused.Load())
	requests := open(t, server).Requests(most, length)
	require.Equal(t, throttle.Window{Most: most, Length: length}, requests.Policy())
	quota, err := requests.Allow(t.Context(), token, "/v3")
	require.NoError(t, err)
	require.Zero(t, quota.RetryAfter, "another mount")
	require.Equal(t, most-1, quota.Remaining)
	testenv.Wait(t, 10*time.Second, func() bool {
		quota, err := requests.Allow(t.Context(), token, "/api/v1")
		return err == nil && quota.RetryAfter == 0
	})
	keys := strings.Fields(server.MustDo("KEYS", "*requests*"))
	require.Len(t, keys, 2)
	for _, key := range keys {
		require.NotEqual(t, "-1", server.MustDo("PTTL", key), "it expires")
	}
	_, err = requests.Allow(t.Context(), "{}", "/api/v1")
	require.ErrorIs(t, err, fault.ErrUnavailable)
}

// TestNotes: a process has the others know what it says of itself now, as long as it
// serves.
func TestNotes(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t, documentedUser(t))
	silent := open(t, server)
	var note atomic.Value
	note.Store("1")
	talker := openAs(t, redis.Config{
		Addrs: []string{server.Addr()}, Durability: redis.Verified, Now: time.Now,
		Note: func() string { return fmt.Sprint(note.Load()) },
	})
	ctx, stop := context.WithCancel(t.Context())
	var running errgroup.Group
	for _, db := range []*redis.DB{silent, talker} {
		running.Go(func() error { return db.Run(ctx) })
	}
	notes := func(want ...string) func() bool {
		return func() bool {
			got, serving, err := silent.Notes(t.Context())
			return err == nil && serving == 2 && slices.Equal(want, got)
		}
	}
	testenv.Wait(t, 10*time.Second, notes("1"))
	note.Store("2,1")
	testenv.Wait(t, 10*time.Second, notes("2,1"))
	stop()
	require.NoError(t, running.Wait())
	require.NoError(t, talker.Close())
	got, _, err := silent.Notes(t.Context())
	require.NoError(t, err)
	require.Empty(t, got)
}

// TestFormat: what a later version has made of the servers is refused, by whoever opens
// them.
func TestFormat(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t, documentedUser(t))
	server.MustDo("HSET", "cambio:{cfg}:format", "version", "1")
	open(t, server)
	server.MustDo("HSET", "cambio:{cfg}:format", "version", "2")
	for _, importing := range []bool{false, true} {
		_, err := redis.Open(t.Context(), redis.Config{Addrs: []string{server.Addr()}, Durability: redis.Verified, Now: time.Now, Importing: importing})
		unknown, ok := errors.AsType[*redis.FormatError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, "2", unknown.Found)
	}
}

// TestServed: a process tells that it serves, and no longer once it has ended.
func TestServed(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t, testenv.RedisOptions{})
	onlooker := open(t, server)
	served := func() bool {
		var yes bool
		testenv.Wait(t, 10*time.Second, func() bool { // other tests may hold the processors
			var err error
			yes, err = onlooker.Served(t.Context())
			return err == nil
		})
		return yes
	}
	require.False(t, served(), "to look is not to serve")
	db := open(t, server)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- db.Run(ctx) }()
	testenv.Wait(t, 5*time.Second, served)
	stop()
	require.NoError(t, <-done)
	require.True(t, served(), "it may have been killed")
	require.NoError(t, db.Close())
	testenv.Wait(t, 10*time.Second, func() bool { return !served() })
}

func TestHold(t *testing.T) {
	server := testenv.Redis(t, documentedUser(t))
	first, second := open(t, server), open(t, server)
	hold := func(db *redis.DB, length time.Duration) bool {
		held, err := db.Hold(t.Context(), "work", length)
		require.NoError(t, err)
		return held
	}
	require.True(t, hold(first, time.Minute))
	require.True(t, hold(first, 500*time.Millisecond), "it may be renewed")
	require.False(t, hold(second, time.Minute))
	other, err := second.Hold(t.Context(), "other work", time.Minute)
	require.NoError(t, err)
	require.True(t, other)
	testenv.Wait(t, 10*time.Second, func() bool { return hold(second, time.Minute) })
	require.False(t, hold(first, time.Minute))
}
