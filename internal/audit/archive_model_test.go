package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/internal/id"
)

// modelFile is a file as it was written, and what a naive reader has of it.
type modelFile struct {
	name    string
	text    string
	lines   []modelLine
	damaged bool
}

type modelLine struct {
	entry Entry
	place int64
}

// model is a folder: the files of each writer, oldest first.
type model struct {
	writers [][]modelFile
	section int64
}

var modelNames = []Name{TokenUsed, TokenUseFailed, TokenRevoked, `ODD "NAME"`}

func modelOrganization(t *rapid.T, label string) string {
	return rapid.SampledFrom([]string{"", strings.Repeat("a", 32), strings.Repeat("b", 32), `odd "organization"`}).Draw(t, label)
}

// drawModel makes a trail of writers that overlap, with clocks that step to and fro,
// events that were shipped late, lines as another encoder would have them, and damage.
func drawModel(t *rapid.T) model {
	m := model{section: int64(rapid.IntRange(100, 3000).Draw(t, "section"))}
	for w := range rapid.IntRange(1, 4).Draw(t, "writers") {
		writer := fmt.Sprintf("%032x", w)
		clock := noonOfModel.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "begins")) * time.Minute)
		at, stamp := genesis(writer), time.Time{}
		var files []modelFile
		for range rapid.IntRange(1, 4).Draw(t, "files") {
			clock = clock.Add(time.Duration(rapid.IntRange(-20, 120).Draw(t, "step")) * time.Minute)
			stamp = latest(clock, stamp.Add(time.Millisecond))
			f := modelFile{name: linesName(stamp, writer)}
			for range rapid.IntRange(0, 12).Draw(t, "lines") {
				clock = clock.Add(time.Duration(rapid.IntRange(-60_000, 120_000).Draw(t, "passes")) * time.Millisecond)
				e := drawEvent(t, clock)
				text := e.appendJSON(nil)
				if rapid.IntRange(0, 9).Draw(t, "other encoder") == 0 {
					text = []byte(strings.Replace(string(text), `{"id":"`, `{"outcome":"failure","id":"`, 1))
				}
				start := len(f.text)
				var line []byte
				prev := at
				line, at = appendLine(nil, text, writer, prev)
				if rapid.IntRange(0, 60).Draw(t, "damage") == 0 {
					line[rapid.SampledFrom([]int{0, 10, 45, len(line) - 2, len(line) - 80}).Draw(t, "where")] = '\n'
					f.damaged = true
				} else {
					f.lines = append(f.lines, modelLine{Entry{Event: e, Seq: at.seq, Writer: writer, Prev: fmt.Sprintf("%x", prev.hash)}, int64(start)})
				}
				f.text += string(line)
			}
			place(&f, m.section, stamp.UnixMilli())
			files = append(files, f)
		}
		m.writers = append(m.writers, files)
	}
	return m
}

var noonOfModel = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func drawEvent(t *rapid.T, clock time.Time) Event {
	e := Event{
		ID: id.New(), Time: clock, Name: rapid.SampledFrom(modelNames).Draw(t, "name"), Organization: modelOrganization(t, "organization"),
		PATID: rapid.SampledFrom([]string{"", "pat 1", "pat 2"}).Draw(t, "pat"), Outcome: Success,
		Reason: rapid.SampledFrom([]string{"", `,"organization":"` + strings.Repeat("a", 32) + `"`, `"pat 1"`}).Draw(t, "reason"),
	}
	if rapid.IntRange(0, 9).Draw(t, "late") == 0 {
		e.Time = clock.Add(-time.Duration(rapid.IntRange(0, 10_000).Draw(t, "by")) * time.Second)
	}
	return e
}

// place gives each line the latest time of those of its section up to it: the section
// in which the line before it ends.
func place(f *modelFile, section, stamp int64) {
	last, at := int64(-1), stamp
	for i := range f.lines {
		l := &f.lines[i]
		if in := max(l.place-1, 0) / section; in != last {
			last, at = in, stamp
		}
		at = max(at, l.entry.Time.UnixMilli())
		l.place = at
	}
}

// write puts the files where they belong, written no more than clockSkew before what
// is in them.
func (m *model) write(t *rapid.T, dir string) {
	for _, files := range m.writers {
		for _, f := range files {
			stamp, err := time.Parse(stampFormat, f.name[:len(stampFormat)])
			require.NoError(t, err)
			written := stamp
			for _, l := range f.lines {
				written = latest(written, l.entry.Time)
			}
			written = written.Add(-time.Duration(rapid.IntRange(0, 3599).Draw(t, "skew")) * time.Second)
			path := filepath.Join(dir, f.name)
			require.NoError(t, os.WriteFile(path, []byte(f.text), 0o600))
			require.NoError(t, os.Chtimes(path, written, written))
		}
	}
}

// read is the naive reader: it merges all lines, newest first, and asks of each.
func (m *model) read(asked func(*Event) bool) []Entry {
	streams := make([][]modelLine, len(m.writers))
	for i, files := range m.writers {
		for _, f := range files {
			streams[i] = append(streams[i], f.lines...)
		}
	}
	// In the order of the names of their first files, as they are listed.
	order := make([]int, 0, len(streams))
	for i := range streams {
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(m.writers[a][0].name, m.writers[b][0].name) })
	all := []Entry{}
	for {
		best := -1
		for _, i := range order {
			if n := len(streams[i]); n > 0 && (best < 0 || streams[i][n-1].place >= streams[best][len(streams[best])-1].place) {
				best = i
			}
		}
		if best < 0 {
			return all
		}
		last := len(streams[best]) - 1
		if e := streams[best][last].entry; asked(&e.Event) {
			all = append(all, e)
		}
		streams[best] = streams[best][:last]
	}
}

func (m *model) damaged() map[string]bool {
	names := map[string]bool{}
	for _, files := range m.writers {
		for _, f := range files {
			if f.damaged {
				names[f.name] = true
			}
		}
	}
	return names
}

// A search finds what a naive reader finds, in the same order, the second time too,
// when it knows which files it need not read. Damage is told of, and of no whole file.
func TestSearchIsTheNaiveReader(t *testing.T) {
	root, checks := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		checks++
		dir := filepath.Join(root, strconv.Itoa(checks))
		require.NoError(t, os.Mkdir(dir, 0o700))
		m := drawModel(t)
		m.write(t, dir)
		archive := NewArchive(dir)
		archive.section = m.section
		for range 3 {
			q := Query{Organization: modelOrganization(t, "asked organization")}
			if rapid.Bool().Draw(t, "bounded") {
				q.From = noonOfModel.Add(time.Duration(rapid.IntRange(-100, 1000).Draw(t, "from")) * time.Minute)
				q.To = q.From.Add(time.Duration(rapid.IntRange(0, 300_000).Draw(t, "to")) * 100 * time.Millisecond)
			}
			if rapid.Bool().Draw(t, "named") {
				q.Names = modelNames[rapid.IntRange(0, 3).Draw(t, "first name"):]
			}
			if rapid.Bool().Draw(t, "of one token") {
				q.Values = []string{"pat 1"}
				q.Match = func(e *Event) bool { return e.PATID == "pat 1" }
			}
			want := m.read(func(e *Event) bool {
				return e.Organization == q.Organization && !e.Time.Before(q.From) && (q.To.IsZero() || e.Time.Before(q.To)) &&
					(q.Names == nil || slices.Contains(q.Names, e.Name)) && (q.Match == nil || q.Match(e))
			})
			for range 2 {
				got, damaged := []Entry{}, map[string]bool{}
				for entry, err := range archive.Search(t.Context(), q) {
					if err != nil {
						require.ErrorIs(t, err, ErrDamaged)
						name, _, _ := strings.Cut(err.Error(), ":")
						require.False(t, damaged[name], "told twice")
						damaged[name] = true
						continue
					}
					got = append(got, entry)
				}
				require.Equal(t, want, got)
				for name := range damaged {
					require.True(t, m.damaged()[name], name)
				}
				if q.From.IsZero() {
					require.Equal(t, m.damaged(), damaged)
				}
			}
		}
	})
}
