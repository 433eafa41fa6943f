package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/cambio-sts/cambio/internal/id"
)

// Bookmark is how far somebody has read in the chain of one writer. The zero value
// is its beginning.
type Bookmark struct {
	File   string `json:"file"`   // where the next line is, or the one after that file
	Offset int64  `json:"offset"` // of the next line, in bytes
	Seq    uint64 `json:"seq"`    // of the last line that was read; 0: none
}

// Bookmarks is how far somebody has read in a folder, by writer. A writer that is
// not among them has not been read at all.
type Bookmarks map[string]Bookmark

// Line is a line of the trail as somebody else may have it.
type Line struct {
	Event Event
	// JSON is the event with all its members, without those of the chain.
	JSON   []byte
	Writer string
	// Next is the place behind it.
	Next Bookmark
}

// Look is what lay behind some bookmarks.
type Look struct {
	// Lines are in the order of their writer's chain; a writer that began earlier
	// comes first.
	Lines []Line
	// At is the place behind all that was read, also of what was left out.
	At Bookmarks
	// More says that there may be more at once.
	More bool
	// Damaged counts lines that are no events and were passed over, Missing those that
	// were gone, by retention or other hands, before they were read.
	Damaged, Missing uint64
}

const (
	// lookBytes bounds the JSON of one Look, but for its last line.
	lookBytes = 1 << 20
	// lookScan bounds what is read for one, in bytes.
	lookScan = 32 << 20
)

// After returns at most limit of the lines behind from that want takes, by the name
// of their event. Every one of them is on disk: of this sink's own chain what its
// head covers, of others what was synced for it. It may run beside Run and changes no
// line. The error is one of reading the folder.
func (s *Sink) After(from Bookmarks, limit int, want func(Name) bool) (Look, error) {
	f := &following{dir: s.journal.dir, own: s.journal.writer, limit: limit, want: want, from: from}
	f.uses = want(TokenUsed) || want(TokenUseFailed)
	f.look.At = Bookmarks{}
	trails, err := f.dir.trails()
	if err != nil {
		return Look{}, fmt.Errorf("read audit folder: %w", err)
	}
	for i := range trails {
		if err := f.trail(&trails[i]); err != nil {
			return Look{}, fmt.Errorf("read audit folder: %w", err)
		}
	}
	return f.look, nil
}

// End returns the place behind all that the folder holds now.
func (s *Sink) End() (Bookmarks, error) {
	dir, end := s.journal.dir, Bookmarks{}
	trails, err := dir.trails()
	if err != nil {
		return nil, fmt.Errorf("read audit folder: %w", err)
	}
	for _, t := range trails {
		if len(t.lines) == 0 {
			continue
		}
		name := t.lines[len(t.lines)-1]
		tail, start, err := dir.readEnd(name, 2*maxLine)
		if err != nil {
			return nil, fmt.Errorf("read audit folder: %w", err)
		}
		tail = tail[:bytes.LastIndexByte(tail, '\n')+1]
		at := Bookmark{File: name, Offset: start + int64(len(tail))}
		line := bytes.TrimSuffix(tail, []byte("\n"))
		at.Seq, _, _ = linkOf(line[bytes.LastIndexByte(line, '\n')+1:])
		end[t.writer] = at
	}
	return end, nil
}

// following is one call of After.
type following struct {
	dir            folder
	own            string // the writer that puts its lines on disk by itself
	limit          int
	want           func(Name) bool
	uses           bool // one of them is wanted
	from           Bookmarks
	look           Look
	bytes, scanned int64
}

// full reports whether the look ends here.
func (f *following) full() bool {
	return len(f.look.Lines) >= f.limit || f.bytes >= lookBytes || f.scanned >= lookScan
}

// trail reads what is new of one writer.
func (f *following) trail(t *trail) error {
	at, known := f.from[t.writer]
	head, err := f.dir.readMark(headName(t.writer), t.writer)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errMark) {
		return err
	}
	for i, name := range t.lines {
		if f.full() {
			f.look.More = true
			break
		}
		if name < at.File {
			continue
		}
		if name != at.File {
			at.File, at.Offset = name, 0
		}
		newest := i == len(t.lines)-1
		if at, err = f.file(t.writer, at, head.seq, newest); err != nil {
			return err
		}
	}
	if known || at != (Bookmark{}) {
		f.look.At[t.writer] = at
	}
	return nil
}

// file reads on in one file, of which retention may have made an end.
func (f *following) file(writer string, at Bookmark, head uint64, newest bool) (_ Bookmark, err error) {
	file, err := f.dir.open(at.File, os.O_RDWR) // a file is synced by who may write it
	if errors.Is(err, fs.ErrNotExist) {
		return at, nil
	}
	if err != nil {
		return at, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Seek(at.Offset, io.SeekStart); err != nil {
		return at, err
	}
	before, start := len(f.look.Lines), at.Offset
	at, err = f.lines(bufio.NewReaderSize(file, 64<<10), writer, at, head, newest)
	if err == nil && at.Seq > head && at.Offset > start {
		err = file.Sync()
	}
	if err != nil {
		f.look.Lines = f.look.Lines[:before]
		return at, fmt.Errorf("%s: %w", at.File, err)
	}
	return at, nil
}

// lines takes line after line until there is none that may be taken, or the look is
// full, and returns the place behind them.
func (f *following) lines(in *bufio.Reader, writer string, at Bookmark, head uint64, newest bool) (Bookmark, error) {
	var buf []byte
	for !f.full() {
		line, taken, whole, err := readLine(in, buf[:0])
		if err != nil {
			return at, err
		}
		buf = line
		if !whole && (newest || taken == 0) || newest && bytes.IndexByte(line, 0) >= 0 {
			return at, nil // the end, or what a crash left of it: see walk.file
		}
		seq, by, ok := linkOf(line)
		if ok && writer == f.own && seq > head {
			return at, nil // on disk in a moment
		}
		at.Offset += taken
		f.scanned += taken
		if !ok || by != writer {
			f.look.Damaged++
			continue
		}
		if at.Seq > 0 && seq > at.Seq+1 {
			f.look.Missing += seq - at.Seq - 1
		}
		at.Seq = seq
		f.take(line, writer, at)
	}
	f.look.More = true
	return at, nil
}

// take adds a line to the look if it is wanted.
func (f *following) take(line []byte, writer string, next Bookmark) {
	if !f.uses && ofUse(line) {
		return
	}
	p, ok := parseLine(line)
	if !ok {
		f.look.Damaged++
		return
	}
	if !f.want(p.name) {
		return
	}
	event := bytes.Clone(line[:bytes.LastIndex(line, []byte(seqKey))+1])
	event[len(event)-1] = '}'
	one := Line{JSON: event, Writer: writer, Next: next}
	if err := json.Unmarshal(event, &one.Event); err != nil || !id.Valid(one.Event.ID) {
		f.look.Damaged++
		return
	}
	f.bytes += int64(len(event))
	f.look.Lines = append(f.look.Lines, one)
}

// linkOf reads number and writer of a line out of its end, without a look at the
// rest. What it accepts parseLine may still refuse.
func linkOf(line []byte) (seq uint64, writer string, ok bool) {
	start := bytes.LastIndex(line, []byte(seqKey))
	if start < 0 {
		return 0, "", false
	}
	number, rest, found := bytes.Cut(line[start+len(seqKey):], []byte(writerKey))
	if !found || len(rest) < id.Len {
		return 0, "", false
	}
	seq, err := strconv.ParseUint(string(number), 10, 64)
	return seq, string(rest[:id.Len]), err == nil && seq > 0
}
