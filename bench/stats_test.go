package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for name, tc := range map[string]struct {
		sorted []time.Duration
		q      float64
		want   time.Duration
	}{
		"none":                 {nil, 0.5, 0},
		"one":                  {[]time.Duration{7}, 0.99, 7},
		"the least":            {hundred, 0, 1},
		"the median":           {hundred, 0.5, 50},
		"the 99th":             {hundred, 0.99, 99},
		"between two":          {hundred, 0.985, 99},
		"the greatest":         {hundred, 1, 100},
		"the 99th of a few":    {hundred[:10], 0.99, 10},
		"the median of an odd": {hundred[:5], 0.5, 3},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, percentile(tc.sorted, tc.q))
		})
	}
}

func TestPercentileIsTheLeastThatEnoughDoNotExceed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sorted := slices.Sorted(slices.Values(rapid.SliceOfN(rapid.Map(rapid.Int64Range(0, 50), func(n int64) time.Duration { return time.Duration(n) }), 1, 40).Draw(t, "sorted")))
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		share := func(limit time.Duration) float64 {
			n, _ := slices.BinarySearch(sorted, limit+1)
			return float64(n) / float64(len(sorted))
		}
		found := percentile(sorted, q)
		require.Contains(t, sorted, found)
		require.GreaterOrEqual(t, share(found)+1e-9, q)
		if found > sorted[0] {
			require.Less(t, share(found-1), q)
		}
	})
}

func TestSpread(t *testing.T) {
	for name, tc := range map[string]struct {
		values []float64
		want   spread
	}{
		"one":                {[]float64{3}, spread{3, 3, 3}},
		"an odd number":      {[]float64{9, 1, 4}, spread{4, 1, 9}},
		"an even number":     {[]float64{4, 1, 9, 6}, spread{5, 1, 9}},
		"all the same":       {[]float64{2, 2, 2, 2}, spread{2, 2, 2}},
		"one far off":        {[]float64{1, 1, 100, 1, 1}, spread{1, 1, 100}},
		"negative and zeros": {[]float64{0, -1, 0}, spread{0, -1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			given := slices.Clone(tc.values)
			require.Equal(t, tc.want, spreadOf(tc.values))
			require.Equal(t, given, tc.values)
		})
	}
}

func TestRatiosAreThoseOfRoundsNotOfMedians(t *testing.T) {
	turns := func(perSecond, p99 float64) turn { return turn{PerSecond: perSecond, P99: p99} }
	c := cell{Connections: barConns, Rounds: []round{
		{Cambio: turns(70, 12), Floor: turns(100, 10)},
		{Cambio: turns(400, 30), Floor: turns(500, 20)},
		{Cambio: turns(6, 5), Floor: turns(10, 4)},
	}}
	require.Equal(t, spread{0.7, 0.6, 0.8}, c.ratio(throughput))
	require.Equal(t, spread{1.25, 1.2, 1.5}, c.ratio(p99))
	require.True(t, c.meetsBar())

	slow := cell{Rounds: slices.Clone(c.Rounds)}
	slow.Rounds[0].Cambio.PerSecond = 69
	require.False(t, slow.meetsBar(), "the median of throughput")
	late := cell{Rounds: slices.Clone(c.Rounds)}
	late.Rounds[0].Cambio.P99, late.Rounds[2].Cambio.P99 = 16, 7
	require.False(t, late.meetsBar(), "the median of p99")
}

func TestAVariantMeetsItsBarByTheMedianOfRounds(t *testing.T) {
	v := varied{Bar: 0.95, Rounds: []variedRound{
		{With: turn{PerSecond: 95}, Without: turn{PerSecond: 100}}, {With: turn{PerSecond: 5}, Without: turn{PerSecond: 10}}, {With: turn{PerSecond: 11}, Without: turn{PerSecond: 10}},
	}}
	require.True(t, v.meetsBar())
	v.Rounds[0].With.PerSecond = 94
	require.False(t, v.meetsBar())
}

func TestSharesNameWhatIsFull(t *testing.T) {
	before := spent{cambio: time.Second, redis: time.Second, generator: time.Second, machine: machine{busy: 10 * time.Second, idle: 10 * time.Second}}
	after := spent{cambio: 3 * time.Second, redis: 1500 * time.Millisecond, generator: 2 * time.Second, machine: machine{busy: 14 * time.Second, idle: 10 * time.Second}}
	used := after.since(&before, 2*time.Second)
	require.Equal(t, shares{Cambio: 1, Redis: 0.25, Generator: 0.5, Others: 0.25}, used)
	require.Equal(t, "processors: cambio 50 %", used.limit())
	require.Equal(t, "Redis: 95 % of its one thread", (&shares{Cambio: 1, Redis: 0.95}).limit())
	require.Equal(t, "none: there is waiting", (&shares{Cambio: 1, Redis: 0.5, Idle: 0.5}).limit())
}
