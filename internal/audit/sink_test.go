package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

// running is a sink whose Run goes on until stop.
type running struct {
	*audit.Sink
	stop func() error
}

func open(tb testing.TB, cfg audit.Config) running {
	tb.Helper()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	sink, err := audit.OpenSink(cfg)
	require.NoError(tb, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sink.Run(ctx) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	tb.Cleanup(func() { _ = stop() })
	return running{sink, stop}
}

func used(i int) audit.Event {
	return audit.Event{Name: audit.TokenUsed, Outcome: audit.Success, PATID: fmt.Sprint("pat ", i), UserAgent: "curl/8 <&>"}
}

func record(tb testing.TB, sink *audit.Sink, from, to int) {
	tb.Helper()
	for i := from; i < to; i++ {
		require.NoError(tb, sink.Record(used(i)))
	}
	require.NoError(tb, sink.Flush(tb.Context()))
}

func glob(tb testing.TB, dir, pattern string) []string {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(tb, err)
	return names
}

// lines returns all lines of the folder in the order of the file names.
func lines(tb testing.TB, dir string) []string {
	tb.Helper()
	var all []string
	for _, name := range glob(tb, dir, "*.jsonl") {
		text, err := os.ReadFile(name)
		require.NoError(tb, err)
		all = append(all, strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")...)
	}
	return all
}

func requireWhole(tb testing.TB, dir string) audit.Report {
	tb.Helper()
	report, err := audit.Verify(dir)
	require.NoError(tb, err)
	require.Empty(tb, report.Problems)
	return report
}

func TestLinesAreChained(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	sink := open(t, audit.Config{Dir: dir})
	record(t, sink.Sink, 0, 3)
	require.NoError(t, sink.Ready())
	require.NoError(t, sink.stop())

	got := lines(t, dir)
	require.Len(t, got, 4)
	var writer, prev string
	for i, line := range got {
		line = strings.TrimSuffix(line, "\n")
		var event audit.Event
		var link struct {
			Seq    int    `json:"seq"`
			Writer string `json:"writer"`
			Prev   string `json:"prev"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &event))
		require.NoError(t, json.Unmarshal([]byte(line), &link))
		if i == 0 {
			writer = link.Writer
			sum := sha256.Sum256([]byte(writer))
			prev = hex.EncodeToString(sum[:])
		}
		require.Equal(t, i+1, link.Seq)
		require.Equal(t, writer, link.Writer)
		require.Equal(t, prev, link.Prev)
		require.True(t, id.Valid(event.ID))
		require.False(t, event.Time.IsZero())
		if i < 3 {
			require.Equal(t, used(i).PATID, event.PATID)
		} else {
			require.Equal(t, audit.WriterEnded, event.Name)
		}
		sum := sha256.Sum256([]byte(line))
		prev = hex.EncodeToString(sum[:])
	}
	report := requireWhole(t, dir)
	require.Equal(t, audit.Report{Writers: 1, Lines: 4}, report)

	for name, mode := range map[string]os.FileMode{
		dir: 0o700, glob(t, dir, "*.jsonl")[0]: 0o600, glob(t, dir, "*.head")[0]: 0o600,
	} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), name)
	}
}

func TestRotationBySizeGoesOnWithTheChain(t *testing.T) {
	dir := t.TempDir()
	sink := open(t, audit.Config{Dir: dir, MaxFileBytes: 2000})
	record(t, sink.Sink, 0, 50)
	require.NoError(t, sink.stop())
	files := glob(t, dir, "*.jsonl")
	require.Greater(t, len(files), 5)
	for _, name := range files {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Less(t, info.Size(), int64(3000))
	}
	require.Equal(t, 51, requireWhole(t, dir).Lines)
}

func TestRotationByAgeAlsoWhenIdleAndTheClockStepsBack(t *testing.T) {
	dir := t.TempDir()
	clock := time.Now()
	var mu sync.Mutex
	now := func() time.Time { mu.Lock(); defer mu.Unlock(); return clock }
	step := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); clock = clock.Add(d) }
	sink := open(t, audit.Config{Dir: dir, Now: now, MaxFileBytes: 1000})
	record(t, sink.Sink, 0, 2)
	step(25 * time.Hour)
	require.NoError(t, sink.Flush(t.Context()))
	step(-48 * time.Hour)
	record(t, sink.Sink, 2, 20)
	require.NoError(t, sink.stop())
	require.Greater(t, len(glob(t, dir, "*.jsonl")), 3)
	require.Equal(t, 21, requireWhole(t, dir).Lines)
}

func TestNewProcessIsANewWriter(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		sink := open(t, audit.Config{Dir: dir})
		record(t, sink.Sink, 0, 2)
		require.NoError(t, sink.stop())
	}
	report := requireWhole(t, dir)
	require.Equal(t, 3, report.Writers)
	require.Equal(t, 9, report.Lines)
}

func TestWriterWithoutEventsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, open(t, audit.Config{Dir: dir}).stop())
	require.Empty(t, glob(t, dir, "*"))
	require.Equal(t, audit.Report{}, requireWhole(t, dir))
}

func TestRecordRefuses(t *testing.T) {
	dir := t.TempDir()
	sink, err := audit.OpenSink(audit.Config{Dir: dir, Queue: 3, Now: time.Now})
	require.NoError(t, err)
	require.ErrorIs(t, sink.Ready(), audit.ErrNotRunning)
	require.ErrorIs(t, sink.Record(audit.Event{Reason: strings.Repeat("x", 2<<20)}), audit.ErrTooLong)
	for i := range 3 {
		require.NoError(t, sink.Record(used(i)))
	}
	require.ErrorIs(t, sink.Record(used(3)), audit.ErrFull)

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sink.Run(ctx) }()
	require.NoError(t, sink.Flush(t.Context()))
	require.NoError(t, sink.Record(used(3)), "there is room again")
	cancel()
	require.NoError(t, <-done)
	require.ErrorIs(t, sink.Record(used(4)), audit.ErrClosed)
	require.ErrorIs(t, sink.Ready(), audit.ErrClosed)
	require.NoError(t, sink.Flush(t.Context()), "all that was taken is on disk")
	require.Error(t, sink.Run(t.Context()))
	require.Equal(t, 5, requireWhole(t, dir).Lines)
}

// Few events can be long ones: what waits is bounded in bytes too, in the queue and
// behind it.
func TestWaitingIsBoundedInBytes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	sink, err := audit.OpenSink(audit.Config{Dir: dir, Now: time.Now})
	require.NoError(t, err)
	fill := func() int {
		long := used(0)
		long.Reason = strings.Repeat("x", 1000<<10)
		for n := 0; ; n++ {
			if err := sink.Record(long); err != nil {
				require.ErrorIs(t, err, audit.ErrFull)
				return n
			}
		}
	}
	require.Equal(t, 66, fill())
	require.NoError(t, os.Rename(dir, dir+"-gone"))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sink.Run(ctx) }()
	require.Eventually(t, func() bool { return sink.Ready() != nil && sink.Ready() != audit.ErrNotRunning }, 10*time.Second, time.Millisecond) //nolint:errorlint // the very value
	require.Zero(t, fill(), "the writer has them, and the disk has not")
	require.NoError(t, os.Rename(dir+"-gone", dir))
	require.NoError(t, sink.Flush(t.Context()))
	require.NoError(t, sink.Record(used(1)), "there is room again")
	cancel()
	require.NoError(t, <-done)
	require.Equal(t, 68, requireWhole(t, dir).Lines)
}

func TestOpenSinkRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, cfg := range map[string]audit.Config{
		"no folder":          {Now: time.Now},
		"no clock":           {Dir: t.TempDir()},
		"negative queue":     {Dir: t.TempDir(), Now: time.Now, Queue: -1},
		"retention too soon": {Dir: t.TempDir(), Now: time.Now, Retention: time.Hour},
		"folder is a file":   {Dir: file, Now: time.Now},
	} {
		_, err := audit.OpenSink(cfg)
		require.Error(t, err, name)
	}
}

func TestLinesReachTheDiskWithoutFlush(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := open(t, audit.Config{Dir: dir})
		require.NoError(t, sink.Record(used(0)))
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		require.Len(t, lines(t, dir), 1, "written")
		head, err := os.ReadFile(glob(t, dir, "*.head")[0])
		require.NoError(t, err)
		require.Contains(t, string(head), `"seq":0`, "not synced before its time")
		time.Sleep(time.Second)
		synctest.Wait()
		head, err = os.ReadFile(glob(t, dir, "*.head")[0])
		require.NoError(t, err)
		require.Contains(t, string(head), `"seq":1`)
		require.NoError(t, sink.stop())
	})
}

func TestFolderGoneAndBack(t *testing.T) {
	parent := t.TempDir()
	dir, away := filepath.Join(parent, "audit"), filepath.Join(parent, "away")
	synctest.Test(t, func(t *testing.T) {
		sink := open(t, audit.Config{Dir: dir, Queue: 10})
		record(t, sink.Sink, 0, 4)
		require.NoError(t, os.Rename(dir, away))
		time.Sleep(10 * time.Second)
		require.Error(t, sink.Ready(), "noticed without an event")
		for i := 4; i < 14; i++ {
			require.NoError(t, sink.Record(used(i)))
		}
		require.ErrorIs(t, sink.Record(used(14)), audit.ErrFull)
		require.NoDirExists(t, dir, "a folder that somebody took away is not made anew")
		require.NoError(t, os.Rename(away, dir))
		require.NoError(t, sink.Flush(t.Context()))
		require.NoError(t, sink.Ready())
		require.NoError(t, sink.stop())
	})
	require.Equal(t, 15, requireWhole(t, dir).Lines)
}

// Lines that were written and not synced when the folder went are not written
// twice.
func TestFolderGoneBeforeASync(t *testing.T) {
	parent := t.TempDir()
	dir, away := filepath.Join(parent, "audit"), filepath.Join(parent, "away")
	synctest.Test(t, func(t *testing.T) {
		sink := open(t, audit.Config{Dir: dir})
		record(t, sink.Sink, 0, 4)
		require.NoError(t, sink.Record(used(4)))
		time.Sleep(500 * time.Millisecond)
		require.NoError(t, os.Rename(dir, away))
		time.Sleep(10 * time.Second)
		require.Error(t, sink.Ready())
		require.NoError(t, sink.Record(used(5)))
		require.NoError(t, os.Rename(away, dir))
		require.NoError(t, sink.Flush(t.Context()))
		require.NoError(t, sink.stop())
	})
	require.Equal(t, 7, requireWhole(t, dir).Lines)
}

func TestFileRemovedUnderTheSinkIsMissing(t *testing.T) {
	dir := t.TempDir()
	sink := open(t, audit.Config{Dir: dir, SyncEvery: 5 * time.Millisecond})
	record(t, sink.Sink, 0, 4)
	require.NoError(t, os.Remove(glob(t, dir, "*.jsonl")[0]))
	record(t, sink.Sink, 4, 8)
	require.NoError(t, sink.stop())
	report, err := audit.Verify(dir)
	require.NoError(t, err)
	require.Len(t, report.Problems, 1)
	require.Equal(t, audit.Missing, report.Problems[0].Cause)
	require.Equal(t, uint64(1), report.Problems[0].Seq)
	require.Equal(t, 5, report.Lines, "later ones are all there")
}

func TestEndWithoutFolderTellsWhatIsLost(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	synctest.Test(t, func(t *testing.T) {
		sink := open(t, audit.Config{Dir: dir})
		record(t, sink.Sink, 0, 1)
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, sink.Record(used(1)))
		require.ErrorContains(t, sink.stop(), "1 events lost")
		require.ErrorIs(t, sink.Flush(t.Context()), audit.ErrClosed)
	})
}

func TestConcurrentRecords(t *testing.T) {
	dir := t.TempDir()
	sink := open(t, audit.Config{Dir: dir, MaxFileBytes: 50_000})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 200 {
				if sink.Record(used(i)) != nil {
					t.Error("refused")
				}
			}
		})
	}
	for range 5 {
		_, err := audit.Verify(dir)
		require.NoError(t, err)
		require.NoError(t, sink.Flush(t.Context()))
	}
	group.Wait()
	require.NoError(t, sink.stop())
	require.Equal(t, 1601, requireWhole(t, dir).Lines)
	require.Equal(t, 1600, bytes.Count([]byte(strings.Join(lines(t, dir), "")), []byte(`"pat_id"`)))
}

// BenchmarkRecord measures Record beside a sink that writes.
func BenchmarkRecord(b *testing.B) { benchmarkRecord(b, true) }

// BenchmarkThroughput measures how fast events reach the disk.
func BenchmarkThroughput(b *testing.B) { benchmarkRecord(b, false) }

func benchmarkRecord(b *testing.B, pauseWhenFull bool) {
	b.Helper()
	sink := open(b, audit.Config{Dir: b.TempDir()})
	e := used(1)
	e.ID, e.Time = id.New(), time.Now()
	e.Audience, e.JTI, e.TrackingID = []string{"https://api.example.com"}, id.New(), id.New()
	b.ReportAllocs()
	for b.Loop() {
		if sink.Record(e) == nil {
			continue
		}
		if pauseWhenFull {
			b.StopTimer()
		}
		require.NoError(b, sink.Flush(b.Context()))
		b.StartTimer()
	}
}
