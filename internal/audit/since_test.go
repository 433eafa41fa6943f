package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// changed is a change of state so many seconds after noon.
func changed(seconds int) audit.Event {
	return audit.Event{
		ID: fmt.Sprintf("%032x", seconds), Time: noon.Add(time.Duration(seconds) * time.Second), Name: audit.TokenRevoked,
		PATID: id.New(), Reason: "compromised", Outcome: audit.Success,
	}
}

// write puts events into dir by a writer of its own.
func write(t *testing.T, dir string, events ...audit.Event) {
	t.Helper()
	sink := open(t, audit.Config{Dir: dir})
	for _, event := range events {
		require.NoError(t, sink.Record(event))
	}
	require.NoError(t, sink.stop())
}

func idsOf(events []audit.Event) []string {
	ids := make([]string, 0, len(events))
	for _, event := range events {
		ids = append(ids, event.ID)
	}
	return ids
}

func TestSince(t *testing.T) {
	dir := t.TempDir()
	use := used(1)
	use.ID, use.Time = id.New(), noon.Add(time.Hour)
	failed := use
	failed.ID, failed.Name, failed.Outcome = id.New(), audit.TokenUseFailed, audit.Failure
	unreadable := changed(40)
	unreadable.Name = audit.EventUnreadable
	tricky := changed(5)
	tricky.Reason = `,"event":"PERSONAL_ACCESS_TOKEN_USED"` // quotes are escaped in a line
	write(t, dir, changed(4), use, changed(1), tricky)
	write(t, dir, changed(3), failed, changed(2), unreadable, changed(4))

	for name, c := range map[string]struct {
		from time.Time
		want []int
	}{
		"all":                  {noon, []int{1, 2, 3, 4, 5}},
		"at the time of one":   {noon.Add(3 * time.Second), []int{3, 4, 5}},
		"in its millisecond":   {noon.Add(3*time.Second + 999*time.Microsecond), []int{3, 4, 5}},
		"a millisecond later":  {noon.Add(3*time.Second + time.Millisecond), []int{4, 5}},
		"after the last":       {noon.Add(time.Minute), nil},
		"in another time zone": {noon.Add(5 * time.Second).In(time.FixedZone("", 7200)), []int{5}},
	} {
		t.Run(name, func(t *testing.T) {
			events, err := audit.Since(dir, c.from)
			require.NoError(t, err)
			want := []string{}
			for _, seconds := range c.want {
				want = append(want, changed(seconds).ID)
			}
			require.Equal(t, want, idsOf(events))
		})
	}

	events, err := audit.Since(dir, tricky.Time)
	require.NoError(t, err)
	require.Equal(t, []audit.Event{tricky}, events, "with all members")
	_, err = audit.Since(filepath.Join(dir, "absent"), noon)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestSinceKeepsTheOrderOfEqualTimes(t *testing.T) {
	dir := t.TempDir()
	var want []string
	var events []audit.Event
	for range 20 {
		event := changed(1)
		event.ID = id.New()
		want, events = append(want, event.ID), append(events, event)
	}
	write(t, dir, events...)
	got, err := audit.Since(dir, noon)
	require.NoError(t, err)
	require.Equal(t, want, idsOf(got))
}

func TestSincePassesOverWhatACrashLeft(t *testing.T) {
	for name, c := range map[string]struct {
		end string
		bad bool
	}{
		"nothing":                {"", false},
		"half a line":            {`{"id":"0123`, false},
		"blocks never written":   {strings.Repeat("\x00", 300) + "\n", false},
		"a line that is none":    {"{}\n", true},
		"an empty line":          {"\n", true},
		"an overlong line":       {strings.Repeat("x", 3<<20) + "\n", true},
		"an overlong line, torn": {strings.Repeat("x", 3<<20), false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, changed(1))
			file := glob(t, dir, "*.jsonl")[0]
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, append(text, c.end...), 0o600))
			events, err := audit.Since(dir, noon)
			if c.bad {
				require.ErrorContains(t, err, filepath.Base(file)+" line 3: ")
				return
			}
			require.NoError(t, err)
			require.Equal(t, []string{changed(1).ID}, idsOf(events))
		})
	}
}

// TestSinceNeedsWholeEvents: a line may be chained and yet tell of nothing.
func TestSinceNeedsWholeEvents(t *testing.T) {
	for name, change := range map[string]func(audit.Event) string{
		"as it is": func(e audit.Event) string { return text(t, e) },
		"no id":    func(e audit.Event) string { e.ID = ""; return text(t, e) },
		"no name":  func(e audit.Event) string { e.Name = ""; return text(t, e) },
		"no time":  func(e audit.Event) string { e.Time = time.Time{}; return text(t, e) },
		"bad time": func(e audit.Event) string { return strings.Replace(text(t, e), "2026-", "soon-", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, changed(1))
			file := glob(t, dir, "*.jsonl")[0]
			before, err := os.ReadFile(file)
			require.NoError(t, err)
			line, rest, _ := bytes.Cut(before, []byte("\n"))
			_, link, _ := bytes.Cut(line, []byte(`,"seq":`))
			line = []byte(strings.TrimSuffix(change(changed(1)), "}") + `,"seq":` + string(link) + "\n")
			require.NoError(t, os.WriteFile(file, append(line, rest...), 0o600))
			_, err = audit.Since(dir, noon)
			if name == "as it is" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, " line 1: not an audit event")
		})
	}
}

func text(t *testing.T, e audit.Event) string {
	t.Helper()
	encoded, err := json.Marshal(e)
	require.NoError(t, err)
	return string(encoded)
}

func TestSinceSkipsOldFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, changed(1))
	file := glob(t, dir, "*.jsonl")[0]
	require.NoError(t, os.WriteFile(file, []byte("no event\n"), 0o600))
	for name, c := range map[string]struct {
		written time.Duration // from noon
		read    bool
	}{
		"long before":  {-time.Hour, false},
		"just before":  {-time.Second, true}, // clocks differ
		"afterwards":   {time.Second, true},
		"at that time": {0, true},
	} {
		require.NoError(t, os.Chtimes(file, time.Time{}, noon.Add(c.written)))
		_, err := audit.Since(dir, noon)
		require.Equal(t, c.read, err != nil, name)
	}
}

// TestSinceReadsWhatAShipperWrote: events take the way that they take in a process.
func TestSinceReadsWhatAShipperWrote(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := open(t, audit.Config{Dir: dir})
		o := &outbox{}
		o.commit(t, audit.KeyRevoked, 3)
		ship(t, o, sink.Sink, 5*time.Second)
		require.NoError(t, sink.stop())
	})
	events, err := audit.Since(dir, time.Time{})
	require.NoError(t, err)
	require.Len(t, events, 3)
}
