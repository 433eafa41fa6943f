package audit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"time"
)

// linesFile is a file as it was listed.
type linesFile struct {
	name    string
	size    int64
	newest  bool  // of its writer: its end may be torn
	written int64 // no line of it is from after that time, in Unix milliseconds
}

// stream is the lines of one writer from its last to its first.
type stream struct {
	archive *Archive
	writer  string
	files   []linesFile // to be read, newest first

	// Of the file that is being read, which is the first of files.
	from   *backward // nil before its end is read
	link   []byte
	stamp  int64 // no line of it was written before that time
	span   span
	whole  bool // nothing of it was passed over
	intact bool // a line of it has been found

	lines []glance // of the section, oldest first
}

// place is the time at which the stream stands among others. Before a file is read
// no line of it stands later.
func (s *stream) place() int64 {
	switch {
	case len(s.lines) > 0:
		return s.lines[len(s.lines)-1].place
	case s.from == nil && len(s.files) > 0:
		return s.files[0].written
	case s.from == nil:
		return minTime
	default:
		return maxTime // load tells
	}
}

// ended reports whether no line is left.
func (s *stream) ended() bool { return len(s.lines) == 0 && s.from == nil && len(s.files) == 0 }

// drain yields the lines that stand after rival, at least a step's worth, and goes on
// after ErrDamaged, which comes with the name of the file. It reports whether the
// search goes on.
func (s *stream) drain(ctx context.Context, rival int64, yield func(glance, error) bool) bool {
	for ahead := true; ahead; ahead = s.place() > rival {
		if line, ok := s.pop(); ok {
			if !yield(line, nil) {
				return false
			}
			continue
		}
		file, err := s.load(ctx)
		if err != nil && (!yield(glance{file: file}, err) || !errors.Is(err, ErrDamaged)) {
			return false
		}
	}
	return true
}

// pop returns the next line of the section, valid until load.
func (s *stream) pop() (glance, bool) {
	last := len(s.lines) - 1
	if last < 0 {
		return glance{}, false
	}
	line := s.lines[last]
	s.lines = s.lines[:last]
	return line, true
}

// load reads the section before, of the next file if need be, and returns its name.
// After ErrDamaged, which says that something of it was passed over, the stream goes
// on.
func (s *stream) load(ctx context.Context) (name string, err error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if s.from == nil {
		s.open()
	}
	file := s.files[0]
	texts, err := s.from.next()
	switch {
	case errors.Is(err, fs.ErrNotExist): // retention was faster
		s.close()
		return file.name, nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return file.name, err
	}
	sound := s.take(texts) && err == nil && !s.from.overlong && (!s.from.cut || file.newest)
	s.whole = s.whole && sound && !s.from.cut
	if len(texts) == 0 {
		if s.whole {
			s.archive.learn(&file, s.span)
		}
		s.close()
	}
	if !sound {
		return file.name, ErrDamaged
	}
	return file.name, nil
}

// open begins with the end of the next file.
func (s *stream) open() {
	file := s.files[0]
	s.from = newBackward(s.archive.dir, file.name, file.size, s.archive.section)
	s.link = []byte(writerKey + s.writer + prevKey)
	stamp, err := time.Parse(stampFormat, file.name[:len(stampFormat)])
	s.stamp = minTime
	if err == nil {
		s.stamp = stamp.UnixMilli()
	}
	s.span, s.whole, s.intact = never(), true, false
}

// close is done with a file.
func (s *stream) close() { s.files, s.from = s.files[1:], nil }

// take looks at the lines of a section, and reports whether all are some.
//
// A line's place is the time by which it was written, as far as the section tells: of
// the lines up to it, the latest time, and no earlier than its file. A change of state
// that was shipped late then holds nothing up.
func (s *stream) take(texts [][]byte) (sound bool) {
	sound = true
	place, torn := s.stamp, false
	s.lines = s.lines[:0]
	for _, text := range texts {
		line, ok := glanceAt(text, s.link)
		switch {
		case !ok && bytes.IndexByte(text, 0) >= 0:
			torn = true // perhaps: if nothing comes after it
		case !ok:
			sound = false
		default:
			sound, torn = sound && !torn, false
			place = max(place, line.time)
			line.file, line.place = s.files[0].name, place
			s.lines = append(s.lines, line)
			s.span = s.span.with(line.time)
		}
	}
	if torn && (s.intact || !s.files[0].newest) {
		sound = false
	}
	s.intact = s.intact || len(s.lines) > 0
	return sound
}
