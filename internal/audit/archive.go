package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"sync"
	"time"
)

// ErrDamaged says that a file has a line that is none, or an end that was cut off.
// Verify finds out what happened to it.
var ErrDamaged = errors.New("the audit trail is damaged")

// ErrBound says that a search ended where it may read no further.
var ErrBound = errors.New("the audit trail goes on behind what was read")

// clockSkew is how far a file may have been written, by the clock of its file
// system, before the time of an event in it. Clocks differ, and are set back.
const clockSkew = time.Hour

// sectionBytes is how much of a file is held in memory at once.
const sectionBytes = 256 << 10

// Query says which events are asked for.
type Query struct {
	// Organization is the one whose events are asked for; empty: those that belong to
	// none. Nothing of another reaches Match.
	Organization string
	// From is the time of the earliest event and To that after the latest, both cut to
	// the millisecond, which is the precision of events; zero: open.
	From, To time.Time
	// Names are those asked for; empty: all.
	Names []Name
	// Values only save time: of a line in which one of them is not the whole of some
	// string, Match is not asked.
	Values []string
	// Match has the last word; nil: all. It may keep what it is given.
	Match func(*Event) bool
	// Bytes is how much of the trail is looked at, but for one line; 0: any. Where there is
	// more, ErrBound ends the search.
	Bytes int64
}

// Entry is an event and its place: the line Seq of Writer.
type Entry struct {
	Event

	Seq    uint64 `json:"seq"`
	Writer string `json:"writer"` // 32 hex characters, a process from its start to its end
	Prev   string `json:"prev"`   // hex SHA-256 of the line before
}

// Archive reads the trails of a folder while their sinks write there. It is safe for
// concurrent use. What it proves of them is nothing: Verify does.
type Archive struct {
	dir     folder
	section int64

	mu    sync.Mutex
	spans map[string]span // what was learned of files, by name

	tallies *tallies
}

// NewArchive returns the archive of dir, which a sink makes.
func NewArchive(dir string) *Archive {
	return &Archive{dir: folder(dir), section: sectionBytes, spans: map[string]span{}, tallies: newTallies()}
}

// Search yields the events that q asks for, newest first, as the files are when it
// comes to them. A sink writes what it has recorded some 10 ms later, and then it is
// found.
//
// Each writer's come in the reverse of its chain, and writers are merged by time. So
// times are not strictly in order: a change of state stands where it was shipped, a
// second late or, after an outage, long after; and a clock that was set leaves its
// step. An event that was shipped twice comes twice, under the same id.
//
// Damage does not end a search: it yields ErrDamaged, wrapped with the name, once for
// each file in which it passes over something, and goes on. It looks at a line that
// is not asked for only as far as it must to know that. What a crash left of a last
// line is no damage. Any other error ends the search: that of ctx, ErrBound, or what the
// folder or a file could not be read for. A file that retention removes meanwhile ends.
//
// Memory is bounded: 256 KiB of a file at a time, for each writer whose last lines are
// less than an hour older than where the search is. A file is not read if it was last
// written an hour before From; or if it was read to its end before, has not grown, and
// held nothing between From and To.
func (a *Archive) Search(ctx context.Context, q Query) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		s, damaged := newSieve(q), map[string]bool{}
		for line, err := range upTo(q.Bytes, a.lines(ctx, s.span)) {
			entry, asked := Entry{}, true
			if err == nil {
				entry, asked, err = s.pick(line)
			}
			if !asked {
				continue
			}
			if errors.Is(err, ErrDamaged) {
				if damaged[line.file] {
					continue
				}
				damaged[line.file] = true
				err = fmt.Errorf("%s: %w", line.file, err)
			}
			if !yield(entry, err) {
				return
			}
		}
	}
}

// upTo yields lines of so many bytes and then, if there are more, ErrBound; 0: all.
func upTo(most int64, lines iter.Seq2[glance, error]) iter.Seq2[glance, error] {
	if most == 0 {
		return lines
	}
	return func(yield func(glance, error) bool) {
		looked := int64(0)
		for line, err := range lines {
			if looked >= most {
				yield(glance{}, ErrBound)
				return
			}
			looked += int64(len(line.text)) + 1
			if !yield(line, err) {
				return
			}
		}
	}
}

// lines yields all lines of the files that may have some in within, newest first, and
// goes on after ErrDamaged, which comes with the name of the file.
func (a *Archive) lines(ctx context.Context, within span) iter.Seq2[glance, error] {
	return func(yield func(glance, error) bool) {
		streams, err := a.streams(within)
		if err != nil {
			yield(glance{}, fmt.Errorf("read audit folder: %w", err))
			return
		}
		for len(streams) > 0 {
			first, rival := foremost(streams)
			s := streams[first]
			if !s.drain(ctx, rival, yield) {
				return
			}
			if s.ended() {
				streams = slices.Delete(streams, first, first+1)
			}
		}
	}
}

// foremost returns which stream comes first, of equals the one that began last, and
// the place of the one behind it.
func foremost(streams []*stream) (first int, rival int64) {
	rival = minTime
	for i := 1; i < len(streams); i++ {
		place, best := streams[i].place(), streams[first].place()
		if place >= best {
			first = i
		}
		rival = max(rival, min(place, best))
	}
	return first, rival
}

// streams lists the files that may have lines in within, those of each writer.
func (a *Archive) streams(within span) ([]*stream, error) {
	trails, err := a.dir.trails()
	if err != nil {
		return nil, err
	}
	var streams []*stream
	listed := map[string]int64{}
	for _, t := range trails {
		s := &stream{archive: a, writer: t.writer}
		for i, name := range slices.Backward(t.lines) {
			info, err := os.Stat(a.dir.path(name))
			if errors.Is(err, fs.ErrNotExist) {
				continue // retention was faster
			}
			if err != nil {
				return nil, err
			}
			listed[info.Name()] = info.Size()
			f := linesFile{name: info.Name(), size: info.Size(), newest: i == len(t.lines)-1}
			f.written = info.ModTime().Add(clockSkew).UnixMilli()
			if f.written >= within.first && a.known(&f).meets(within) {
				s.files = append(s.files, f)
			}
		}
		if len(s.files) > 0 {
			streams = append(streams, s)
		}
	}
	a.forget(listed)
	return streams, nil
}
