package audit_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/testenv"
)

// search returns the ids of what is found, and in which files there is damage.
func search(tb testing.TB, archive *audit.Archive, q audit.Query) (ids, damaged []string) {
	tb.Helper()
	for entry, err := range archive.Search(tb.Context(), q) {
		if err != nil {
			require.ErrorIs(tb, err, audit.ErrDamaged)
			name, _, _ := strings.Cut(err.Error(), ":")
			damaged = append(damaged, name)
			continue
		}
		ids = append(ids, entry.ID)
	}
	return ids, damaged
}

func TestSearchAnswersWhatIsAskedFor(t *testing.T) {
	dir, ours, others := t.TempDir(), id.New(), id.New()
	event := func(seconds int, organization string) audit.Event {
		e := changed(seconds)
		e.Organization = organization
		return e
	}
	used := event(5, ours)
	used.Name, used.PATID, used.Audience = audit.TokenUsed, "the token", []string{"https://a.example.com", "https://b.example.com"}
	write(t, dir, event(1, ours), event(2, others), event(3, ""), event(4, ours), used)
	ids := func(seconds ...int) []string {
		var ids []string
		for _, s := range seconds {
			ids = append(ids, changed(s).ID)
		}
		return ids
	}
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	for name, c := range map[string]struct {
		query audit.Query
		want  []string
	}{
		"of an organization":         {audit.Query{Organization: ours}, ids(5, 4, 1)},
		"of another":                 {audit.Query{Organization: others}, ids(2)},
		"of one that is not there":   {audit.Query{Organization: id.New()}, nil},
		"from, inclusive":            {audit.Query{Organization: ours, From: at(4)}, ids(5, 4)},
		"from, later":                {audit.Query{Organization: ours, From: at(4).Add(time.Millisecond)}, ids(5)},
		"from, in its millisecond":   {audit.Query{Organization: ours, From: at(4).Add(time.Microsecond)}, ids(5, 4)},
		"to, exclusive":              {audit.Query{Organization: ours, To: at(5)}, ids(4, 1)},
		"to, later":                  {audit.Query{Organization: ours, To: at(5).Add(time.Millisecond)}, ids(5, 4, 1)},
		"from and to":                {audit.Query{Organization: ours, From: at(2), To: at(5)}, ids(4)},
		"nothing is before its from": {audit.Query{Organization: ours, From: at(5), To: at(1)}, nil},
		"by name":                    {audit.Query{Organization: ours, Names: []audit.Name{audit.TokenUsed, audit.TokenCreated}}, ids(5)},
		"by value":                   {audit.Query{Organization: ours, Values: []string{"the token"}}, ids(5)},
		"by a value in a list":       {audit.Query{Organization: ours, Values: []string{"https://b.example.com"}}, ids(5)},
		"by part of a value":         {audit.Query{Organization: ours, Values: []string{"the"}}, nil},
		"by match": {audit.Query{Organization: ours, Match: func(e *audit.Event) bool {
			require.Equal(t, ours, e.Organization, "nothing of another is shown")
			return e.Time.Equal(at(4))
		}}, ids(4)},
	} {
		t.Run(name, func(t *testing.T) {
			got, damaged := search(t, audit.NewArchive(dir), c.query)
			require.Equal(t, c.want, got)
			require.Empty(t, damaged)
		})
	}
	platform, _ := search(t, audit.NewArchive(dir), audit.Query{})
	require.Len(t, platform, 2, "of no organization: the end of the writer, too")
	require.Equal(t, ids(3), platform[1:])

	_, err := first(audit.NewArchive(filepath.Join(dir, "absent")).Search(t.Context(), audit.Query{}))
	require.ErrorIs(t, err, os.ErrNotExist)
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the client has gone"))
	_, err = first(audit.NewArchive(dir).Search(ended, audit.Query{}))
	require.ErrorContains(t, err, "the client has gone")
}

func first(entries func(yield func(audit.Entry, error) bool)) (entry audit.Entry, err error) {
	for entry, err = range entries {
		break
	}
	return entry, err
}

func TestSearchTellsOfDamage(t *testing.T) {
	overlong := strings.Repeat("x", 3<<20)
	for name, c := range map[string]struct {
		damage  func(text string) string
		newest  bool // is the damage in the last file
		damaged bool
		found   int
	}{
		"nothing":                       {func(text string) string { return text }, false, false, 2},
		"a line that is none":           {func(text string) string { return text + "{}\n" }, false, true, 2},
		"in front":                      {func(text string) string { return "{}\n" + text }, false, true, 2},
		"an empty line":                 {func(text string) string { return text + "\n" }, true, true, 2},
		"an overlong line":              {func(text string) string { return text + overlong + "\n" }, false, true, 2},
		"an overlong line in front":     {func(text string) string { return overlong + "\n" + text }, true, true, 2},
		"an id that is none":            {func(text string) string { return strings.Replace(text, `{"id":"0`, `{"id":"?`, 1) }, false, true, 1},
		"no JSON":                       {func(text string) string { return strings.Replace(text, `"outcome":`, `"outcome"?`, 1) }, false, true, 1},
		"no time":                       {func(text string) string { return strings.Replace(text, `"time":"2`, `"time":"?`, 1) }, false, true, 1},
		"a line of another writer":      {func(text string) string { return strings.Replace(text, `"writer":"`, `"writer":"?`, 1) }, false, true, 1},
		"half a line, not the last":     {func(text string) string { return text + `{"id":"0123` }, false, true, 2},
		"half a line, as a crash has":   {func(text string) string { return text + `{"id":"0123` }, true, false, 2},
		"half a long line":              {func(text string) string { return text + overlong }, true, false, 2},
		"unwritten blocks at the end":   {func(text string) string { return text + strings.Repeat("\x00", 300) + "\n" }, true, false, 2},
		"unwritten blocks, not the end": {func(text string) string { return strings.Repeat("\x00", 300) + "\n" + text }, true, true, 2},
		"unwritten blocks long ago":     {func(text string) string { return strings.Repeat("\x00", 300<<10) + "\n" + strings.Repeat(text, 2000) }, true, true, 2001},
		"unwritten blocks, not newest":  {func(text string) string { return text + strings.Repeat("\x00", 300) + "\n" }, false, true, 2},
		"an empty file":                 {func(string) string { return "" }, false, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			sink := open(t, audit.Config{Dir: dir, MaxFileBytes: 1})
			for i := range 2 {
				event := changed(i)
				event.Name, event.Organization = audit.TokenUsed, someOrganization
				require.NoError(t, sink.Record(event))
				require.NoError(t, sink.Flush(t.Context()))
			}
			require.NoError(t, sink.stop())
			files := glob(t, dir, "*.jsonl")
			require.NoError(t, os.Remove(files[len(files)-1]), "the end of the writer")
			file := files[0]
			if c.newest {
				file = files[1]
			}
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, []byte(c.damage(string(text))), 0o600))
			archive := audit.NewArchive(dir)
			for range 2 {
				ids, damaged := search(t, archive, audit.Query{Organization: someOrganization})
				require.Len(t, ids, c.found)
				if c.damaged {
					require.Equal(t, []string{filepath.Base(file)}, damaged)
				} else {
					require.Empty(t, damaged)
				}
				if name != "no JSON" { // which is looked at no further than to know what it is of
					daily, err := archive.Daily(t.Context(), someOrganization, noon, 1)
					require.NoError(t, err)
					require.Equal(t, audit.Daily{Days: []audit.Day{{Begin: noon.Add(-12 * time.Hour), Used: c.found}}, Damaged: c.damaged}, daily)
				}
			}
		})
	}
}

const someOrganization = "00112233445566778899aabbccddeeff"

// Whoever stops at the newest event of many reads the end of the last file only.
func TestSearchReadsNoMoreThanItMust(t *testing.T) {
	dir := t.TempDir()
	var names []string
	for day := range 3 {
		event := changed(0)
		event.Time = noon.AddDate(0, 0, day)
		write(t, dir, event)
		known := glob(t, dir, "*.jsonl")
		for _, name := range known {
			if !slices.Contains(names, name) {
				names = append(names, name)
				require.NoError(t, os.Chtimes(name, event.Time, event.Time))
			}
		}
	}
	breakFile := func(name string) {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(name, []byte(strings.Repeat("\n", int(info.Size()))), 0o600))
		require.NoError(t, os.Chtimes(name, info.ModTime(), info.ModTime()))
	}
	archive := audit.NewArchive(dir)
	_, damaged := search(t, archive, audit.Query{})
	require.Empty(t, damaged)

	breakFile(names[0])
	_, damaged = search(t, audit.NewArchive(dir), audit.Query{From: noon.Add(time.Hour + time.Millisecond)})
	require.Empty(t, damaged, "written too long before")
	_, damaged = search(t, audit.NewArchive(dir), audit.Query{From: noon.Add(time.Hour)})
	require.Len(t, damaged, 1)
	_, err := first(audit.NewArchive(dir).Search(t.Context(), audit.Query{}))
	require.NoError(t, err, "who stops early")

	breakFile(names[2])
	_, damaged = search(t, audit.NewArchive(dir), audit.Query{To: noon.AddDate(0, 0, 1)})
	require.Len(t, damaged, 2, "an event may have been shipped late")
	_, damaged = search(t, archive, audit.Query{From: noon.Add(time.Hour + time.Millisecond), To: noon.AddDate(0, 0, 2)})
	require.Empty(t, damaged, "known to have nothing before")
}

// A search that may read so much has the newest of it, and says that there is more.
func TestSearchIsBounded(t *testing.T) {
	dir := t.TempDir()
	var events []audit.Event
	for i := range 10 {
		event := changed(i)
		event.Organization = someOrganization
		events = append(events, event)
	}
	write(t, dir, events...)
	all := lines(t, dir)
	whole := 0
	for i := range len(all) {
		line := all[len(all)-1-i]
		var found []audit.Entry
		var ended error
		for entry, err := range audit.NewArchive(dir).Search(t.Context(), audit.Query{Organization: someOrganization, Bytes: int64(whole) + 1}) {
			if ended = err; err == nil {
				found = append(found, entry)
			}
		}
		require.Len(t, found, i, "the newest line is the end of the writer")
		if i < len(all)-1 {
			require.ErrorIs(t, ended, audit.ErrBound)
		} else {
			require.NoError(t, ended, "there is no more")
		}
		whole += len(strings.TrimSuffix(line, "\n")) + 1
	}
}

// What is known of a file that has grown since is not used.
func TestSearchOfAFileThatGrows(t *testing.T) {
	dir := t.TempDir()
	sink := open(t, audit.Config{Dir: dir})
	archive := audit.NewArchive(dir)
	for i := range 3 {
		event := changed(i)
		event.Organization = someOrganization
		require.NoError(t, sink.Record(event))
		require.NoError(t, sink.Flush(t.Context()))
		late, _ := search(t, archive, audit.Query{Organization: someOrganization, From: event.Time})
		require.Equal(t, []string{event.ID}, late)
		all, _ := search(t, archive, audit.Query{Organization: someOrganization})
		require.Len(t, all, i+1)
	}
	require.Len(t, glob(t, dir, "*.jsonl"), 1)
}

// Beside a sink that writes: all that was recorded is found, and soon, each event
// once, and no line is seen by halves.
func TestSearchBesideASink(t *testing.T) {
	const events = 1500
	dir := t.TempDir()
	sink := open(t, audit.Config{Dir: dir, MaxFileBytes: 100 << 10})
	archive := audit.NewArchive(dir)
	go func() {
		for i := range events {
			event := changed(i)
			event.Organization, event.Reason = someOrganization, strings.Repeat("r", i%2000)
			_ = sink.Record(event)
			if i%100 == 0 {
				_ = sink.Flush(t.Context())
			}
		}
	}()
	testenv.Wait(t, 30*time.Second, func() bool {
		ids, damaged := search(t, archive, audit.Query{Organization: someOrganization})
		require.Empty(t, damaged)
		for i, got := range ids {
			require.Equal(t, changed(len(ids)-1-i).ID, got)
		}
		return len(ids) == events
	})

	last := changed(events)
	last.Organization = someOrganization
	require.NoError(t, sink.Record(last))
	testenv.Wait(t, time.Second, func() bool {
		entry, err := first(archive.Search(t.Context(), audit.Query{Organization: someOrganization}))
		return err == nil && entry.ID == last.ID
	})
}

// Retention may remove a file while it is read: what was not read yet is gone.
func TestSearchBesideRetention(t *testing.T) {
	dir := t.TempDir()
	var events []audit.Event
	var want []string
	for i := range 2000 {
		event := changed(i)
		event.Organization, event.Reason = someOrganization, strings.Repeat("r", 300)
		events, want = append(events, event), append(want, event.ID)
	}
	write(t, dir, events...)
	slices.Reverse(want)
	var got []string
	for entry, err := range audit.NewArchive(dir).Search(t.Context(), audit.Query{Organization: someOrganization}) {
		require.NoError(t, err)
		if got = append(got, entry.ID); len(got) == 100 {
			require.NoError(t, os.Remove(glob(t, dir, "*.jsonl")[0]))
		}
	}
	require.Less(t, len(got), len(want))
	require.True(t, slices.Equal(want[:len(got)], got))
}
