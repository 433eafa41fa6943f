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

// Trail is what Read found in a folder.
type Trail struct {
	// Events are the changes of state that were asked for. Each writer's come in the
	// order of its chain, and writers are merged by time. One that was shipped twice
	// comes once. Uses, warnings, ends of writers and events that were unreadable in their
	// store are left out.
	Events []Event
	Lines  int // in all, uses too
	// Reaches is from when on nothing was removed by retention; zero: from the
	// beginning of every writer.
	Reaches time.Time
	// Organizations are those that events are of.
	Organizations map[string]bool
	Unreadable    int // lines that were passed over
}

// Read reads the trails of all writers in dir, of which the events that happened at
// from or later are returned.
//
// It proves nothing about the trail: Verify does, and comes first. What a crash
// left of a last line is passed over, as Verify notes it; any other line that is
// no event is an error that names its file and line, or counted if damaged is set.
// All that is returned is held in memory.
func Read(dir string, from time.Time, damaged bool) (Trail, error) {
	r := reading{dir: folder(dir), from: from.Truncate(time.Millisecond), damaged: damaged} // the precision of events
	r.Organizations = map[string]bool{}
	trails, err := r.dir.trails()
	if err != nil {
		return Trail{}, fmt.Errorf("read audit folder: %w", err)
	}
	gone := false
	for _, t := range trails {
		r.clock, r.first = time.Time{}, time.Time{}
		for i, name := range t.lines {
			if err := r.file(name, i == len(t.lines)-1); err != nil {
				return Trail{}, fmt.Errorf("read audit folder: %w", err)
			}
		}
		removed := len(t.checkpoints) > 0
		gone = gone || removed && r.first.IsZero()
		if removed && r.first.After(r.Reaches) {
			r.Reaches = r.first
		}
	}
	if gone && r.oldest.After(r.Reaches) { // of a writer nothing is left that tells when it ended
		r.Reaches = r.oldest
	}
	slices.SortStableFunc(r.found, func(a, b placed) int { return a.at.Compare(b.at) })
	seen := make(map[string]bool, len(r.found))
	for i := range r.found {
		if e := &r.found[i].Event; !seen[e.ID] {
			seen[e.ID] = true
			r.Events = append(r.Events, *e)
		}
	}
	return r.Trail, nil
}

// placed is an event and its place among all: its time, or that of the one before it
// in its chain if that is later. A chain knows the order, clocks differ.
type placed struct {
	Event

	at time.Time
}

// reading gathers events.
type reading struct {
	Trail

	dir     folder
	from    time.Time
	damaged bool
	found   []placed
	oldest  time.Time // of all lines
	first   time.Time // of a writer's
	clock   time.Time // the place of a writer's last change of state
}

// chainSkew is how far the clocks may differ of those whose events follow each other
// in a chain. More than that is an event that was shipped late, or twice.
const chainSkew = time.Minute

// probe is how many lines of a file are parsed whatever they tell of.
const probe = 10

// file reads one file; retention may have removed it meanwhile.
func (r *reading) file(name string, newest bool) (err error) {
	f, err := r.dir.open(name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	in := bufio.NewReaderSize(f, 64<<10)
	var buf []byte
	for number := 1; ; number++ {
		line, _, whole, err := readLine(in, buf[:0])
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		buf = line
		if !whole || newest && bytes.IndexByte(line, 0) >= 0 { // the end, or torn: see walk.file
			return nil
		}
		r.Lines++
		if number > probe && ofUse(line) {
			continue
		}
		if err := r.add(line); err != nil {
			if !r.damaged {
				return fmt.Errorf("%s line %d: %w", name, number, err)
			}
			r.Unreadable++
		}
	}
}

var errNoEvent = errors.New("not an audit event")

// add takes a line if it is one that was asked for.
func (r *reading) add(line []byte) error {
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
	if event.Organization != "" {
		r.Organizations[event.Organization] = true
	}
	if r.first.IsZero() {
		r.first = event.Time
	}
	if r.oldest.IsZero() || event.Time.Before(r.oldest) {
		r.oldest = event.Time
	}
	if p.name == TokenUsed || p.name == TokenUseFailed || p.name == TokenExpiring {
		return nil
	}
	at := event.Time
	if behind := r.clock.Sub(at); behind > 0 && behind <= chainSkew {
		at = r.clock
	}
	r.clock = at
	if !event.Time.Before(r.from) {
		r.found = append(r.found, placed{event, at})
	}
	return nil
}
