package soak

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestGrown: the medians of the thirds are compared, so that a moment in a fault is no
// growth.
func TestGrown(t *testing.T) {
	life := func(of func(i int) float64) []sample {
		var all []sample
		for i := range 30 {
			all = append(all, sample{Goroutines: of(i), Files: 20, Heap: 16, RSS: 80})
		}
		return all
	}
	grew := func(of func(i int) float64) bool {
		all := grown(life(of))
		require.Len(t, all, len(gauges))
		for _, g := range all[1:] {
			require.False(t, g.Grew, g.Measure)
		}
		return all[0].Grew
	}
	require.False(t, grew(func(int) float64 { return 40 }))
	require.False(t, grew(func(i int) float64 { return 40 + float64(i%10)*50*float64(i%2) }), "it goes up and down")
	require.True(t, grew(func(i int) float64 { return 40 + float64(i) }))
	require.Empty(t, grown(life(func(int) float64 { return 1 })[:2]))
}

// TestBalance: what was acknowledged and is not recorded is missing, unless a kill came
// within a second.
func TestBalance(t *testing.T) {
	at := func(d time.Duration) uint32 { return uint32(d / time.Millisecond) }
	use := []request{{use: true}}
	workers := []*worker{
		{requests: use, acked: []uint32{at(time.Second), 0, at(3 * time.Second), 0}},
		{requests: use, replica: 1, acked: []uint32{at(4 * time.Second), at(8 * time.Second), at(9500 * time.Millisecond)}},
		{requests: []request{{}}, acked: []uint32{0}}, // needs no event
	}
	b := &books{recorded: [][]byte{make([]byte, 4), make([]byte, 3), make([]byte, 1)}, events: map[ending]bool{}}
	line := func(event, outcome string, worker, number int) {
		b.enter(fmt.Appendf(nil, `{"event":"PERSONAL_ACCESS_TOKEN_%s","outcome":%q,"pat_id":"p1","tracking_id":"%s%04x%016x"}`, event, outcome, mark, worker, number))
	}
	line("USED", "success", 0, 0)
	line("USED", "success", 0, 1) // its answer did not arrive
	line("USED", "success", 1, 1)
	line("USED", "success", 1, 1)
	line("USED", "failure", 0, 2)
	line("USED", "success", 7, 0) // of nobody
	line("REVOKED", "success", 0, 0)
	b.enter([]byte(`{"event":"AUDIT_WRITER_ENDED"}`))
	a := b.balance(account{}, workers, [][]time.Duration{nil, {10 * time.Second}}, []ending{{"REVOKED", "p1"}, {"CREATED", "p1"}})
	require.Equal(t, account{Acknowledged: 5, Recorded: 2, More: 1, LostByKill: 1, Missing: 2, Twice: 1, Changes: 2, NoChange: 1}, a)
	require.Len(t, a.faults(), 3)
}

func TestQuantile(t *testing.T) {
	var h, other histogram
	require.Zero(t, h.quantile(0.5))
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	require.InEpsilon(t, 500*time.Millisecond, h.quantile(0.5), 0.06)
	require.InEpsilon(t, 990*time.Millisecond, h.quantile(0.99), 0.06)
	other.add(time.Hour)
	h.merge(&other)
	require.Equal(t, time.Hour, h.most)
	require.Equal(t, time.Hour, max(h.most, h.quantile(1)))
}

// TestPlanned: a short soak has every fault twice, a long one a fault each minute, and
// some time without any in between. Growth is judged by at least half of it.
func TestPlanned(t *testing.T) {
	for _, length := range []time.Duration{3 * time.Minute, 10 * time.Minute, time.Hour} {
		p := planned(length)
		require.GreaterOrEqual(t, int(length/p.interval), 2*len(p.faults))
		require.LessOrEqual(t, p.warmUp(), length/2)
		require.LessOrEqual(t, p.interval, time.Minute)
		require.Less(t, p.settle, p.interval/2)
	}
	require.Equal(t, time.Minute, planned(time.Hour).interval)
	require.Equal(t, 10*time.Second, planned(time.Hour).settle)
	require.False(t, planned(0).strict)
}
