package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/internal/id"
)

// fileClock is how far the time of a file's last write may lie before that of
// an event in it: another replica's clock gave the one, a coarse one the other.
const fileClock = time.Minute

// Since returns the changes of state in the trails of all writers in dir that
// happened at from or later, by time; equal times stay in the order of their
// writer. An event that was shipped twice comes once. Uses, ends of writers and
// events that were unreadable in their store are left out.
//
// It proves nothing about the trail: Verify does, and comes first. What a crash
// left of a last line is passed over, as Verify notes it; any other line that is
// no event is an error that names its file and line. All that is returned is
// held in memory.
func Since(dir string, from time.Time) ([]Event, error) {
	s := since{dir: folder(dir), from: from.Truncate(time.Millisecond)} // the precision of events
	trails, err := s.dir.trails()
	if err != nil {
		return nil, fmt.Errorf("read audit folder: %w", err)
	}
	for _, t := range trails {
		for i, name := range t.lines {
			if err := s.file(name, i == len(t.lines)-1); err != nil {
				return nil, fmt.Errorf("read audit folder: %w", err)
			}
		}
	}
	slices.SortStableFunc(s.events, func(a, b Event) int { return a.Time.Compare(b.Time) })
	seen := make(map[string]bool, len(s.events))
	return slices.DeleteFunc(s.events, func(e Event) bool {
		again := seen[e.ID]
		seen[e.ID] = true
		return again
	}), nil
}

// since gathers events.
type since struct {
	dir    folder
	from   time.Time
	events []Event
}

// file reads one file; retention may have removed it meanwhile.
func (s *since) file(name string, newest bool) (err error) {
	f, err := s.dir.open(name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil || info.ModTime().Before(s.from.Add(-fileClock)) {
		return err
	}
	in := bufio.NewReaderSize(f, 64<<10)
	var buf []byte
	for number := 1; ; number++ {
		line, whole, err := readLine(in, buf[:0])
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		buf = line
		if !whole || newest && bytes.IndexByte(line, 0) >= 0 { // the end, or torn: see walk.file
			return nil
		}
		if ofUse(line) {
			continue
		}
		if err := s.add(line); err != nil {
			return fmt.Errorf("%s line %d: %w", name, number, err)
		}
	}
}

var errNoEvent = errors.New("not an audit event")

// add takes a line if it is one that was asked for.
func (s *since) add(line []byte) error {
	p, ok := parseLine(line)
	if !ok {
		return errNoEvent
	}
	if p.name == WriterEnded || p.name == EventUnreadable {
		return nil
	}
	var event Event
	if err := json.Unmarshal(line, &event); err != nil {
		return fmt.Errorf("%w: %w", errNoEvent, err)
	}
	if !id.Valid(event.ID) || event.Name == "" || event.Time.IsZero() {
		return errNoEvent
	}
	if !event.Time.Before(s.from) {
		s.events = append(s.events, event)
	}
	return nil
}
