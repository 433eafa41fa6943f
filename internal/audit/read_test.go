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

func TestRead(t *testing.T) {
	dir := t.TempDir()
	use := used(1)
	use.ID, use.Time = id.New(), noon.Add(time.Hour)
	failed := use
	failed.ID, failed.Name, failed.Outcome = id.New(), audit.TokenUseFailed, audit.Failure
	unreadable := changed(40)
	unreadable.Name = audit.EventUnreadable
	warning := changed(41)
	warning.Name = audit.TokenExpiring
	tricky := changed(5)
	tricky.Reason = `,"event":"PERSONAL_ACCESS_TOKEN_USED"` // quotes are escaped in a line
	write(t, dir, changed(4), use, changed(1), tricky)
	write(t, dir, changed(3), failed, changed(2), unreadable, warning, changed(4))

	for name, c := range map[string]struct {
		from time.Time
		want []int
	}{
		"all":                  {noon, []int{3, 2, 4, 1, 5}},
		"at the time of one":   {noon.Add(3 * time.Second), []int{3, 4, 5}},
		"in its millisecond":   {noon.Add(3*time.Second + 999*time.Microsecond), []int{3, 4, 5}},
		"a millisecond later":  {noon.Add(3*time.Second + time.Millisecond), []int{4, 5}},
		"after the last":       {noon.Add(time.Minute), nil},
		"in another time zone": {noon.Add(5 * time.Second).In(time.FixedZone("", 7200)), []int{5}},
	} {
		t.Run(name, func(t *testing.T) {
			trail, err := audit.Read(dir, c.from, false)
			require.NoError(t, err)
			want := []string{}
			for _, seconds := range c.want {
				want = append(want, changed(seconds).ID)
			}
			require.Equal(t, want, idsOf(trail.Events))
		})
	}

	trail, err := audit.Read(dir, tricky.Time, false)
	require.NoError(t, err)
	require.Equal(t, []audit.Event{tricky}, trail.Events, "with all members")
	_, err = audit.Read(filepath.Join(dir, "absent"), noon, false)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestReadKeepsTheOrderOfEqualTimes(t *testing.T) {
	dir := t.TempDir()
	var want []string
	var events []audit.Event
	for range 20 {
		event := changed(1)
		event.ID = id.New()
		want, events = append(want, event.ID), append(events, event)
	}
	write(t, dir, events...)
	got, err := audit.Read(dir, noon, false)
	require.NoError(t, err)
	require.Equal(t, want, idsOf(got.Events))
}

func TestReadPassesOverWhatACrashLeft(t *testing.T) {
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
			trail, err := audit.Read(dir, noon, false)
			if c.bad {
				require.ErrorContains(t, err, filepath.Base(file)+" line 3: ")
				return
			}
			require.NoError(t, err)
			require.Equal(t, []string{changed(1).ID}, idsOf(trail.Events))
		})
	}
}

// TestReadNeedsWholeEvents: a line may be chained and yet tell of nothing.
func TestReadNeedsWholeEvents(t *testing.T) {
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
			_, err = audit.Read(dir, noon, false)
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

// TestReadTellsHowFarItReaches: what retention removed is known to be gone, and whose
// trail it is.
func TestReadTellsHowFarItReaches(t *testing.T) {
	dir := t.TempDir()
	first, second := changed(1), changed(2)
	first.Organization, second.Organization = "a", "b"
	write(t, dir, first)
	write(t, dir, second)
	trail, err := audit.Read(dir, noon, false)
	require.NoError(t, err)
	require.Zero(t, trail.Reaches)
	require.Equal(t, 4, trail.Lines, "with the ends of the writers")
	require.Equal(t, map[string]bool{"a": true, "b": true}, trail.Organizations)

	gone := glob(t, dir, "*.jsonl")[0]
	writer := strings.TrimSuffix(strings.SplitN(filepath.Base(gone), "-", 2)[1], ".jsonl")
	require.NoError(t, os.WriteFile(filepath.Join(dir, writer+"-00000000000000000002.checkpoint"), []byte("x"), 0o600))
	trail, err = audit.Read(dir, noon, false)
	require.NoError(t, err)
	require.Equal(t, first.Time, trail.Reaches, "of this writer something is left")
	require.NoError(t, os.Remove(gone))
	trail, err = audit.Read(dir, noon, false)
	require.NoError(t, err)
	require.Equal(t, second.Time, trail.Reaches, "of that one nothing")
}

func TestReadOfADamagedTrail(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, changed(1), changed(2))
	file := glob(t, dir, "*.jsonl")[0]
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append([]byte("no event\n"), text...), 0o600))
	_, err = audit.Read(dir, noon, false)
	require.ErrorContains(t, err, "line 1: not an audit event")
	trail, err := audit.Read(dir, noon, true)
	require.NoError(t, err)
	require.Len(t, trail.Events, 2)
	require.Equal(t, 1, trail.Unreadable)
}

// TestReadReadsWhatAShipperWrote: events take the way that they take in a process.
func TestReadReadsWhatAShipperWrote(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := open(t, audit.Config{Dir: dir})
		o := &outbox{}
		o.commit(t, audit.KeyRevoked, 3)
		ship(t, o, sink.Sink, 5*time.Second)
		require.NoError(t, sink.stop())
	})
	trail, err := audit.Read(dir, time.Time{}, false)
	require.NoError(t, err)
	require.Len(t, trail.Events, 3)
}
