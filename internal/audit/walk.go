package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// spot is a line and where it stands.
type spot struct {
	parsedLine
	file string
	line int
}

func (s spot) because(cause Cause) *Problem {
	return &Problem{File: s.file, Line: s.line, Seq: s.at.seq, Cause: cause}
}

// walk follows one writer's chain.
//
//	line ──▶ seq and prev follow? ──yes──▶ last
//	              │ seq alone: this line or the one before was edited
//	              ▼
//	           suspect ──▶ the next line's prev, or the head, names the hash of
//	                       the one that was not
type walk struct {
	dir     folder
	writer  string
	ids     *recent
	head    position
	removed []position // what retention removed, oldest first

	lines   int
	problem *Problem
	notes   []Problem

	last     *spot // the last line in order; nil before the first
	suspect  *spot // follows last by its seq, but not by its prev
	headLine *spot // the line of the head's seq
	torn     bool
}

// file reads one file of the chain.
func (w *walk) file(name string, newest bool) (err error) {
	f, err := w.dir.open(name, os.O_RDONLY)
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
		if len(line) == 0 && !whole {
			return nil
		}
		p, ok := parseLine(line)
		at := spot{parsedLine: p, file: name, line: number}
		switch {
		case newest && w.behindHead() && (!whole || bytes.IndexByte(line, 0) >= 0):
			// Blocks that a crash of the machine left unwritten read as zeros.
			w.torn = true
			at.at.seq = w.nextSeq()
			w.notes = append(w.notes, *at.because(Torn))
			return nil
		case !whole:
			at.at.seq = w.nextSeq()
			w.report(at.because(Truncated))
			return nil
		case !ok || p.writer != w.writer:
			w.lines++
			at.at.seq = w.nextSeq()
			w.unreadable(at)
		default:
			w.lines++
			w.step(at)
			w.duplicate(at)
		}
	}
}

// readLine appends the next line without its newline to buf, and says how many
// bytes it took and whether it had one. Of a line longer than maxLine it returns
// enough to be refused.
func readLine(in *bufio.Reader, buf []byte) (line []byte, taken int64, whole bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		taken += int64(len(part))
		if len(buf) <= maxLine {
			buf = append(buf, part...)
		}
		switch {
		case err == nil:
			return bytes.TrimSuffix(buf, []byte("\n")), taken, true, nil
		case errors.Is(err, io.EOF):
			return buf, taken, false, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, taken, false, err
		}
	}
}

// report keeps the first problem.
func (w *walk) report(p *Problem) {
	if w.problem == nil {
		w.problem = p
	}
}

// nextSeq is the seq that the next line ought to have.
func (w *walk) nextSeq() uint64 {
	switch {
	case w.suspect != nil:
		return w.suspect.at.seq + 1
	case w.last != nil:
		return w.last.at.seq + 1
	case len(w.removed) > 0:
		return w.removed[len(w.removed)-1].seq + 1
	default:
		return 1
	}
}

// behindHead reports whether all lines that were known to be on disk are read.
func (w *walk) behindHead() bool { return w.nextSeq() > w.head.seq }

// unreadable takes a line that is none.
func (w *walk) unreadable(at spot) {
	w.judge(nil)
	w.report(at.because(Edited))
}

// step takes a line that is one.
func (w *walk) step(at spot) {
	if w.problem != nil {
		if w.problem.Cause == Missing && at.at.seq == w.problem.Seq {
			w.problem.Cause = Reordered // it is here
		}
		return
	}
	if w.suspect != nil {
		w.judge(&at.prev)
		return
	}
	if w.last == nil {
		w.begin(at)
	} else {
		w.follow(at)
	}
	if w.problem == nil && at.at.seq == w.head.seq {
		w.headLine = &at
	}
}

// begin takes the first line that is left of the chain.
func (w *walk) begin(at spot) {
	before := []position{genesis(w.writer)}
	before = append(before, w.removed...)
	for _, b := range before {
		numbered, chained := b.seq+1 == at.at.seq, b.hash == at.prev
		switch {
		case numbered && chained:
			w.last = &at
			return
		case numbered || chained:
			w.report(at.because(Edited))
			return
		}
	}
	gone := at.because(Missing)
	gone.Seq = before[len(before)-1].seq + 1
	w.report(gone)
}

// follow takes a line after another.
func (w *walk) follow(at spot) {
	next := w.last.at.seq + 1
	numbered, chained := at.at.seq == next, at.prev == w.last.at.hash
	switch {
	case w.last.name == WriterEnded:
		w.report(at.because(AfterEnd))
	case numbered && chained:
		w.last = &at
	case chained:
		w.report(at.because(Edited))
	case numbered:
		w.suspect = &at
	case at.at.seq > next:
		gone := at.because(Missing)
		gone.Seq = next
		w.report(gone)
	default:
		w.report(at.because(Reordered))
	}
}

// judge decides which of last and suspect was edited: not the one whose hash
// somebody names. next is the prev of the line after suspect, if there is one.
func (w *walk) judge(next *digest) {
	if w.suspect == nil {
		return
	}
	edited := w.suspect
	switch {
	case next != nil:
		if *next == w.suspect.at.hash {
			edited = w.last
		}
	case w.head.seq == w.suspect.at.seq:
		if w.head.hash == w.suspect.at.hash {
			edited = w.last
		}
	case w.head.seq == w.last.at.seq:
		if w.head.hash != w.last.at.hash {
			edited = w.last
		}
	}
	w.report(edited.because(Edited))
	w.suspect = nil
}

// duplicate notes an id that came twice. A use has its id from Record and is
// never shipped again.
func (w *walk) duplicate(at spot) {
	if at.id == "" || at.name == TokenUsed || at.name == TokenUseFailed {
		return
	}
	where := fmt.Sprintf("%s %d", w.writer, at.at.seq)
	if other, known := w.ids.find(at.id); known && other != where {
		w.notes = append(w.notes, *at.because(Duplicate))
		return
	}
	w.ids.add(at.id, where)
}

// finish holds the end of the chain against the head.
func (w *walk) finish() {
	w.judge(nil)
	if w.problem != nil {
		return
	}
	end, removed := position{}, len(w.removed)
	switch {
	case w.last != nil:
		end = w.last.at
	case removed > 0:
		end = w.removed[removed-1]
	}
	headFile := spot{file: headName(w.writer), line: 1}
	headFile.at.seq = w.head.seq
	switch {
	case end.seq < w.head.seq && w.last == nil:
		headFile.at.seq = end.seq + 1
		w.report(headFile.because(Truncated))
	case end.seq < w.head.seq:
		cut := *w.last
		cut.line++
		cut.at.seq++
		w.report(cut.because(Truncated))
	case end.seq == w.head.seq && end.hash != w.head.hash && w.last != nil:
		w.report(w.last.because(Edited))
	case end.seq == w.head.seq && end.hash != w.head.hash && w.head.seq > 0,
		w.headLine != nil && w.headLine.at.hash != w.head.hash:
		w.report(headFile.because(Edited))
	case w.last != nil && w.last.name != WriterEnded && !w.torn:
		w.notes = append(w.notes, *w.last.because(Open))
	}
}
