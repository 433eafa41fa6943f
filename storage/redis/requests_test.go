package redis_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

// One process has a lease until it lets it run out.
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
