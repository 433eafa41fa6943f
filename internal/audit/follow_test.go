package audit_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

func everything(audit.Name) bool { return true }

func changes(name audit.Name) bool { return name != audit.TokenUsed && name != audit.WriterEnded }

// follow reads on until there is no more.
func follow(tb testing.TB, sink *audit.Sink, from audit.Bookmarks, limit int, want func(audit.Name) bool) ([]audit.Line, audit.Bookmarks) {
	tb.Helper()
	var lines []audit.Line
	for {
		look, err := sink.After(from, limit, want)
		require.NoError(tb, err)
		require.Zero(tb, look.Damaged)
		require.Zero(tb, look.Missing)
		require.LessOrEqual(tb, len(look.Lines), limit)
		lines, from = append(lines, look.Lines...), look.At
		if !look.More {
			return lines, from
		}
	}
}

func namesOf(lines []audit.Line) []string {
	var out []string
	for i := range lines {
		out = append(out, lines[i].Event.PATID)
	}
	return out
}

// Whoever reads on at any place, in steps of any length, over writers and files, sees
// every line once and in order.
func TestFollowing(t *testing.T) {
	dir := t.TempDir()
	var want []string
	add := func(sink *audit.Sink, n int) {
		for range n {
			e := changed(len(want))
			e.PATID = fmt.Sprint(len(want))
			want = append(want, e.PATID)
			require.NoError(t, sink.Record(e))
			require.NoError(t, sink.Record(used(1)))
			require.NoError(t, sink.Flush(t.Context()))
		}
	}
	for range 2 {
		past := open(t, audit.Config{Dir: dir, MaxFileBytes: 2 << 10})
		add(past.Sink, 10)
		require.NoError(t, past.stop())
	}
	sink := open(t, audit.Config{Dir: dir, MaxFileBytes: 2 << 10})
	end, err := sink.End()
	require.NoError(t, err)
	skipped := len(want)
	add(sink.Sink, 10)
	require.Greater(t, len(glob(t, dir, "*.jsonl")), 6)
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.IntRange(1, 40).Draw(rt, "limit")
		all, at := follow(t, sink.Sink, nil, limit, changes)
		require.Equal(rt, want, namesOf(all))
		rest, _ := follow(t, sink.Sink, at, limit, everything)
		require.Empty(rt, rest)
		fresh, _ := follow(t, sink.Sink, end, limit, changes)
		require.Equal(rt, want[skipped:], namesOf(fresh))
		stop := rapid.IntRange(0, len(all)-1).Draw(rt, "stop")
		cut := audit.Bookmarks{}
		for i := range all[:stop+1] {
			cut[all[i].Writer] = all[i].Next
		}
		rest, _ = follow(t, sink.Sink, cut, limit, changes)
		require.Equal(rt, append([]string{}, want[stop+1:]...), append([]string{}, namesOf(rest)...))
	})
}

// A line is handed out with all that its event has, and nothing of the chain.
func TestFollowedLine(t *testing.T) {
	sink := open(t, audit.Config{Dir: t.TempDir()})
	e := changed(1)
	e.Reason, e.Audience = `"seq":7 <&>`, []string{"a", "b"}
	require.NoError(t, sink.Record(e))
	require.NoError(t, sink.Flush(t.Context()))
	all, _ := follow(t, sink.Sink, nil, 5, everything)
	require.Len(t, all, 1)
	want, err := json.Marshal(e)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(all[0].JSON))
	require.Equal(t, e.ID, all[0].Event.ID)
	require.Equal(t, e.Reason, all[0].Event.Reason)
}

// What is not on disk is not handed out.
func TestFollowingWaitsForTheDisk(t *testing.T) {
	dir := t.TempDir()
	sink := open(t, audit.Config{Dir: dir, SyncEvery: time.Hour})
	require.NoError(t, sink.Record(changed(1)))
	require.Eventually(t, func() bool { return len(lines(t, dir)) == 1 }, 5*time.Second, 5*time.Millisecond, "it is in the file")
	none, at := follow(t, sink.Sink, nil, 5, everything)
	require.Empty(t, none)
	require.NoError(t, sink.Flush(t.Context()))
	one, _ := follow(t, sink.Sink, at, 5, everything)
	require.Len(t, one, 1)
}

// What a crash left is handed out up to where it is whole; so is what comes behind a
// damaged line, and what is gone is counted.
func TestFollowingADamagedTrail(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, changed(1), changed(2), changed(3), changed(4))
	name := glob(t, dir, "*.jsonl")[0]
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(text), "\n")
	for what, test := range map[string]struct {
		text             string
		whole            int
		damaged, missing uint64
	}{
		"whole":            {strings.Join(lines, ""), 5, 0, 0},
		"torn":             {strings.Join(lines[:2], "") + lines[2][:40], 2, 0, 0},
		"unwritten blocks": {strings.Join(lines[:2], "") + strings.Repeat("\x00", 40) + "\n", 2, 0, 0},
		"damaged":          {lines[0] + "{}\n" + strings.Join(lines[2:], ""), 4, 1, 1},
		"no event":         {lines[0] + strings.Replace(lines[1], `{"id":"`, `{"id":"x`, 1) + strings.Join(lines[2:], ""), 4, 1, 0},
		"gone":             {lines[0] + strings.Join(lines[2:], ""), 4, 0, 1},
	} {
		require.NoError(t, os.WriteFile(name, []byte(test.text), 0o600))
		sink := open(t, audit.Config{Dir: dir})
		look, err := sink.After(nil, 100, everything)
		require.NoError(t, err)
		require.Len(t, look.Lines, test.whole, what)
		require.Equal(t, test.damaged, look.Damaged, what)
		require.Equal(t, test.missing, look.Missing, what)
		again, err := sink.After(look.At, 100, everything)
		require.NoError(t, err)
		require.Empty(t, again.Lines, what)
		require.Zero(t, again.Damaged, what)
		require.NoError(t, sink.stop())
	}
}

// Files that retention removed are gone, and the reader goes on behind them.
func TestFollowingBehindRetention(t *testing.T) {
	dir := t.TempDir()
	sink := open(t, audit.Config{Dir: dir, MaxFileBytes: 1})
	for i := range 4 {
		require.NoError(t, sink.Record(changed(i)))
		require.NoError(t, sink.Flush(t.Context()))
	}
	files := glob(t, dir, "*.jsonl")
	require.Len(t, files, 4)
	first, err := sink.After(nil, 1, everything)
	require.NoError(t, err)
	require.True(t, first.More)
	require.NoError(t, os.Remove(files[0]))
	require.NoError(t, os.Remove(files[1]))
	rest, err := sink.After(first.At, 10, everything)
	require.NoError(t, err)
	require.Len(t, rest.Lines, 2)
	require.Equal(t, uint64(1), rest.Missing)
}

// FuzzFollowing follows any text in a file: whole lines of the writer alone are handed
// out, and reading on finds nothing twice.
func FuzzFollowing(f *testing.F) {
	dir := f.TempDir()
	sink := open(f, audit.Config{Dir: dir})
	writer := id.New()
	name := filepath.Join(dir, "20261122T025400.123Z-"+writer+".jsonl")
	f.Add([]byte("\n"), 1)
	f.Add([]byte(`{"id":"`+writer+`","event":"X","seq":1,"writer":"`+writer+`","prev":"`+strings.Repeat("0", 64)+"\"}\n"), 2)
	f.Add([]byte("{}\n\x00\n"), 3)
	f.Fuzz(func(t *testing.T, text []byte, limit int) {
		require.NoError(t, os.WriteFile(name, text, 0o600))
		var from audit.Bookmarks
		for range len(text) + 2 {
			look, err := sink.After(from, max(limit, 1), everything)
			require.NoError(t, err)
			for _, line := range look.Lines {
				require.True(t, json.Valid(line.JSON))
				require.True(t, id.Valid(line.Event.ID))
				require.Greater(t, line.Next.Offset, from[line.Writer].Offset)
			}
			from = look.At
			if !look.More {
				require.LessOrEqual(t, from[writer].Offset, int64(len(text)))
				return
			}
		}
		t.Fatal("it does not come to an end")
	})
}
