package throttle_test

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/internal/throttle"
)

type fakeClock struct{ t time.Time }

func (c *fakeClock) now() time.Time          { return c.t }
func (c *fakeClock) advance(d time.Duration) { c.t = c.t.Add(d) }

func newClock() *fakeClock { return &fakeClock{time.Unix(1_800_000_000, 0)} }

func newThrottle(tb testing.TB, cfg throttle.Config) *throttle.Throttle {
	tb.Helper()
	made, err := throttle.New(cfg)
	require.NoError(tb, err)
	return made
}

var peer = netip.MustParseAddr("192.0.2.7")

func TestFailedKeepsTheLimitsOfTheSpecification(t *testing.T) {
	clock := newClock()
	counter := newThrottle(t, throttle.Config{Now: clock.now})

	for i := range 20 {
		_, limited := counter.Failed(peer, "id")
		require.False(t, limited, "failure %d of one id", i+1)
	}
	wait, limited := counter.Failed(peer, "id")
	require.True(t, limited)
	require.Equal(t, 3*time.Second, wait)

	clock.advance(wait)
	_, limited = counter.Failed(peer, "id")
	require.False(t, limited, "one more after the wait")

	network := newThrottle(t, throttle.Config{Now: clock.now})
	for i := range 300 {
		_, limited := network.Failed(peer, fmt.Sprint(i))
		require.False(t, limited, "failure %d of one network", i+1)
	}
	wait, limited = network.Failed(peer, "another")
	require.True(t, limited)
	require.Equal(t, 100*time.Millisecond, wait)
}

func TestFailedTellsNetworksApart(t *testing.T) {
	for name, c := range map[string]struct {
		first, second string
		same          bool
	}{
		"same IPv4":            {"192.0.2.1", "192.0.2.1", true},
		"neighbouring IPv4":    {"192.0.2.1", "192.0.2.2", false},
		"mapped IPv4":          {"192.0.2.1", "::ffff:192.0.2.1", true},
		"same IPv6 /64":        {"2001:db8::1", "2001:db8::ffff:0:0:2", true},
		"neighbouring /64":     {"2001:db8::1", "2001:db8:0:1::1", false},
		"zones do not matter":  {"fe80::1%eth0", "fe80::1%eth1", true},
		"IPv4 is not its IPv6": {"0.0.0.1", "::1", false},
	} {
		t.Run(name, func(t *testing.T) {
			once := throttle.Limit{Burst: 1, Every: time.Hour}
			counter := newThrottle(t, throttle.Config{PerNetwork: once, Now: newClock().now})
			_, limited := counter.Failed(netip.MustParseAddr(c.first), "")
			require.False(t, limited)
			_, limited = counter.Failed(netip.MustParseAddr(c.second), "")
			require.Equal(t, c.same, limited)
		})
	}
}

func TestFailedCountsAKeyPerNetwork(t *testing.T) {
	counter := newThrottle(t, throttle.Config{PerKey: throttle.Limit{Burst: 1, Every: time.Hour}, Now: newClock().now})
	_, limited := counter.Failed(peer, "id")
	require.False(t, limited)
	_, limited = counter.Failed(peer.Next(), "id")
	require.False(t, limited, "someone else's guesses do not limit the owner")
	_, limited = counter.Failed(peer, "id")
	require.True(t, limited)
	_, limited = counter.Failed(netip.Addr{}, "id")
	require.False(t, limited)
}

func TestAClockGoingBackLocksNobodyOutForLong(t *testing.T) {
	clock := newClock()
	limit := throttle.Limit{Burst: 2, Every: time.Second}
	counter := newThrottle(t, throttle.Config{PerNetwork: limit, Now: clock.now})
	clock.advance(24 * time.Hour)
	for range 3 {
		counter.Failed(peer, "")
	}
	clock.advance(-23 * time.Hour)
	wait, limited := counter.Failed(peer, "")
	require.True(t, limited)
	require.LessOrEqual(t, wait, limit.Every)
}

// A flood of fresh ids must not make the one under attack forgotten.
func TestAFloodDoesNotEvictTheWorst(t *testing.T) {
	counter := newThrottle(t, throttle.Config{
		PerNetwork: throttle.Limit{Burst: 1 << 20, Every: time.Nanosecond},
		MaxEntries: 8,
		Now:        newClock().now,
	})
	for range 21 {
		counter.Failed(peer, "victim")
	}
	for i := range 10_000 {
		counter.Failed(peer, fmt.Sprint(i))
	}
	_, limited := counter.Failed(peer, "victim")
	require.True(t, limited)
}

func TestAPastEntryMakesRoom(t *testing.T) {
	clock := newClock()
	limiter, err := throttle.NewLimiter(throttle.LimiterConfig{
		Window: throttle.Window{Most: 1, Length: time.Second}, MaxEntries: 8, Now: clock.now,
	})
	require.NoError(t, err)
	for i := range 7 {
		allow(t, limiter, fmt.Sprint("old", i))
	}
	clock.advance(time.Second)
	allow(t, limiter, "live")
	for i := range 7 {
		allow(t, limiter, fmt.Sprint("new", i))
	}
	require.NotZero(t, allow(t, limiter, "live"), "the live entry is kept while past ones lie beside it")
}

func TestConcurrentFailuresCountOnceEach(t *testing.T) {
	const burst, tries = 50, 400
	clock := newClock()
	counter := newThrottle(t, throttle.Config{PerNetwork: throttle.Limit{Burst: burst, Every: time.Second}, Now: clock.now})
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range tries / 8 {
				if _, limited := counter.Failed(peer, "id"); !limited {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, passed.Load(), int64(20), "the limit of the id holds")

	var byNetwork atomic.Int64
	for range 8 {
		all.Go(func() {
			for range tries / 8 {
				if _, limited := counter.Failed(peer.Next(), ""); !limited {
					byNetwork.Add(1)
				}
			}
		})
	}
	all.Wait()
	require.EqualValues(t, burst, byNetwork.Load())
}

func TestLimitsAreChecked(t *testing.T) {
	bad := throttle.Limit{Burst: 0, Every: time.Second}
	_, err := throttle.New(throttle.Config{PerNetwork: bad, Now: time.Now})
	require.ErrorIs(t, err, throttle.ErrLimit)
	_, err = throttle.New(throttle.Config{PerKey: throttle.Limit{Burst: 1}, Now: time.Now})
	require.ErrorIs(t, err, throttle.ErrLimit)
	for _, window := range []throttle.Window{{Length: time.Second}, {Most: 1}} {
		_, err = throttle.NewLimiter(throttle.LimiterConfig{Window: window, Now: time.Now})
		require.ErrorIs(t, err, throttle.ErrLimit)
	}
}

// allow counts one event of a token at version 1, and returns how long to wait.
func allow(tb testing.TB, limiter *throttle.Limiter, token string) time.Duration {
	tb.Helper()
	quota, err := limiter.Allow(tb.Context(), token, "v1")
	require.NoError(tb, err)
	return quota.RetryAfter
}

// A hundred requests in ten seconds are a hundred, however they lie in them, and
// the eleventh second has a hundred of its own.
func TestAllowByDefault(t *testing.T) {
	clock := newClock()
	limiter, err := throttle.NewLimiter(throttle.LimiterConfig{Now: clock.now})
	require.NoError(t, err)
	for range 100 {
		require.Zero(t, allow(t, limiter, "pat"))
		clock.advance(50 * time.Millisecond)
	}
	require.Equal(t, 5*time.Second, allow(t, limiter, "pat"))
	require.Zero(t, allow(t, limiter, "another"))
	other, err := limiter.Allow(t.Context(), "pat", "v2")
	require.NoError(t, err)
	require.Zero(t, other.RetryAfter, "another version")
	clock.advance(5*time.Second - 1)
	require.EqualValues(t, 1, allow(t, limiter, "pat"))
	clock.advance(1)
	for range 100 {
		require.Zero(t, allow(t, limiter, "pat"))
	}
	require.Equal(t, 10*time.Second, allow(t, limiter, "pat"))
	clock.advance(-time.Hour)
	require.Zero(t, allow(t, limiter, "pat"), "a clock that goes back locks nobody out for longer")
}

// What is left counts down to nothing, and comes back as a whole.
func TestAllowTellsWhatIsLeft(t *testing.T) {
	clock := newClock()
	window := throttle.Window{Most: 2, Length: 10 * time.Second}
	limiter, err := throttle.NewLimiter(throttle.LimiterConfig{Window: window, Now: clock.now})
	require.NoError(t, err)
	require.Equal(t, window, limiter.Policy())
	for _, step := range []struct {
		pause time.Duration
		want  throttle.Quota
	}{
		{0, throttle.Quota{Remaining: 1, Reset: 10 * time.Second}},
		{3 * time.Second, throttle.Quota{Remaining: 0, Reset: 7 * time.Second}},
		{time.Second, throttle.Quota{Remaining: 0, Reset: 6 * time.Second, RetryAfter: 6 * time.Second}},
		{6*time.Second - 1, throttle.Quota{Remaining: 0, Reset: 1, RetryAfter: 1}},
		{1, throttle.Quota{Remaining: 1, Reset: 10 * time.Second}},
	} {
		clock.advance(step.pause)
		got, err := limiter.Allow(t.Context(), "pat", "v1")
		require.NoError(t, err)
		require.Equal(t, step.want, got)
	}
	byDefault, err := throttle.NewLimiter(throttle.LimiterConfig{Now: clock.now})
	require.NoError(t, err)
	require.Equal(t, throttle.Window{Most: 100, Length: 10 * time.Second}, byDefault.Policy())
}

// Of requests that come at once each is told another number, and those beyond the
// limit nothing.
func TestConcurrentRequestsAreToldApart(t *testing.T) {
	const most = 50
	limiter, err := throttle.NewLimiter(throttle.LimiterConfig{Window: throttle.Window{Most: most, Length: time.Second}, Now: newClock().now})
	require.NoError(t, err)
	var told [most]atomic.Int64
	var refused atomic.Int64
	var all sync.WaitGroup
	for range 2 * most {
		all.Go(func() {
			quota, err := limiter.Allow(t.Context(), "pat", "v1")
			switch {
			case err != nil:
				t.Error(err)
			case quota.RetryAfter > 0:
				refused.Add(1)
			default:
				told[quota.Remaining].Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, most, refused.Load())
	for left := range told {
		require.EqualValues(t, 1, told[left].Load(), "%d left", left)
	}
}

// bucket is the naive model: a level that refills continuously.
type bucket struct {
	level time.Duration
	last  time.Time
}

func (b *bucket) take(l throttle.Limit, now time.Time) (wait time.Duration) {
	full := time.Duration(l.Burst) * l.Every
	if b.last.IsZero() {
		b.level = full
	} else {
		b.level = min(full, b.level+now.Sub(b.last))
	}
	b.last = now
	if b.level < l.Every {
		return l.Every - b.level
	}
	b.level -= l.Every
	return 0
}

func TestFailedAgreesWithBuckets(t *testing.T) {
	limits := rapid.Custom(func(t *rapid.T) throttle.Limit {
		return throttle.Limit{
			Burst: rapid.IntRange(1, 6).Draw(t, "burst"),
			Every: time.Duration(rapid.IntRange(1, 1000).Draw(t, "every")),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		clock := newClock()
		cfg := throttle.Config{PerNetwork: limits.Draw(t, "network"), PerKey: limits.Draw(t, "key"), Now: clock.now}
		counter, err := throttle.New(cfg)
		require.NoError(t, err)
		networks, keys := map[netip.Addr]*bucket{}, map[string]*bucket{}
		at := func(from netip.Addr, key string) time.Duration {
			if networks[from] == nil {
				networks[from] = &bucket{}
			}
			wait := networks[from].take(cfg.PerNetwork, clock.t)
			if key == "" {
				return wait
			}
			pair := from.String() + " " + key
			if keys[pair] == nil {
				keys[pair] = &bucket{}
			}
			return max(wait, keys[pair].take(cfg.PerKey, clock.t))
		}
		for range rapid.IntRange(1, 80).Draw(t, "events") {
			clock.advance(time.Duration(rapid.IntRange(0, 2000).Draw(t, "pause")))
			from := rapid.SampledFrom([]netip.Addr{peer, peer.Next()}).Draw(t, "from")
			key := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "key")
			wait, limited := counter.Failed(from, key)
			require.Equal(t, at(from, key), wait)
			require.Equal(t, wait > 0, limited)
		}
	})
}

func BenchmarkFailed(b *testing.B) {
	counter := newThrottle(b, throttle.Config{Now: time.Now})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			counter.Failed(peer, "0123456789abcdef0123456789abcdef")
		}
	})
}

func BenchmarkAllow(b *testing.B) {
	limiter, err := throttle.NewLimiter(throttle.LimiterConfig{Now: time.Now})
	require.NoError(b, err)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = limiter.Allow(b.Context(), "0123456789abcdef0123456789abcdef", "/api/v1")
		}
	})
}
