package ui

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLanesLieWhereTheirTimesAre draws two lives over 100 days, so that a day is a
// percent.
func TestLanesLieWhereTheirTimesAre(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	on := func(n int) time.Time { return begin.AddDate(0, 0, n) }
	lanes := &Lanes{
		Kinds: []LaneKind{{"wait", "known"}, {"use", "signs"}, {"rest", "kept"}},
		Lanes: []Lane{
			{Label: "old", Spans: []Span{{"wait", on(0), on(0)}, {"use", on(0), on(40)}, {"rest", on(40), on(50)}}},
			{Label: "next", Spans: []Span{{"wait", on(10), on(40)}, {"use", on(40), on(100)}}, Ended: on(60)},
		},
	}
	p := lanes.draw(on(25))
	require.Equal(t, on(0), p.Begin)
	require.Equal(t, on(100), p.End)
	require.InDelta(t, 25, p.NowX, 1e-9)
	require.Equal(t, "middle", p.NowAnchor)
	require.True(t, p.AnyEnded)
	require.Len(t, p.Rows, 2)

	old, next := p.Rows[0], p.Rows[1]
	require.Len(t, old.Drawn, 2, "an empty span is not drawn")
	for i, want := range [][2]float64{{0, 40}, {40, 10}} {
		require.InDelta(t, want[0], old.Drawn[i].X, 1e-9)
		require.InDelta(t, want[1], old.Drawn[i].Width, 1e-9)
	}
	require.True(t, old.Cells[0].Empty())
	require.Equal(t, Span{"use", on(0), on(40)}, old.Cells[1])
	require.Equal(t, Span{"rest", on(40), on(50)}, old.Cells[2])
	require.InDelta(t, 10, next.Drawn[0].X, 1e-9)
	require.InDelta(t, 60, next.EndX, 1e-9)
	require.True(t, next.Cells[2].Empty())

	require.Less(t, old.TextY, old.Y, "the label is above its lane")
	require.Less(t, old.Bottom, next.TextY-10, "lanes do not touch")
	require.Less(t, next.Bottom, p.Base)
	require.Less(t, p.Base, p.Height)
}

func TestLanesKeepWhatIsShortInside(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	end := begin.AddDate(1, 0, 0)
	lanes := &Lanes{Lanes: []Lane{{Spans: []Span{{"use", begin, end.Add(-time.Minute)}, {"rest", end.Add(-time.Minute), end}}}}}
	for name, c := range map[string]struct {
		now    time.Time
		anchor string
	}{
		"at the begin":     {begin, "start"},
		"at the end":       {end, "end"},
		"before the begin": {begin.AddDate(0, 0, -20), "start"},
		"after the end":    {end.AddDate(0, 0, 20), "end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := lanes.draw(c.now)
			require.Equal(t, c.anchor, p.NowAnchor)
			require.GreaterOrEqual(t, p.NowX, 0.0)
			require.LessOrEqual(t, p.NowX, 100.0)
			short := p.Rows[0].Drawn[1]
			require.GreaterOrEqual(t, short.Width, leastSpan)
			require.LessOrEqual(t, short.X+short.Width, 100.0+1e-9)
		})
	}
}

func TestLanesOfNothing(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := (&Lanes{}).draw(now)
	require.Empty(t, p.Rows)
	require.Zero(t, p.NowX)
	p = (&Lanes{Lanes: []Lane{{Spans: []Span{{"use", now, now}}}}}).draw(now)
	require.Empty(t, p.Rows[0].Drawn)
}
