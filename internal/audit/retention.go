package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"
)

// sweepWhenDue removes what is past retention, once in sweepEvery.
func (s *Sink) sweepWhenDue() {
	now := s.cfg.Now()
	if since := now.Sub(s.swept); since >= 0 && since < sweepEvery {
		return
	}
	s.swept = now
	if err := s.sweep(now.Add(-s.cfg.Retention)); err != nil {
		s.cfg.Logger.Warn("audit retention failed", zap.Error(err))
	}
}

// sweep removes, of every writer in the folder, the oldest files whose last
// line was written before cutoff, and the marks of writers of which no line has
// been left for as long again. A file that is written to is younger: its writer
// closes it at MaxFileAge.
func (s *Sink) sweep(cutoff time.Time) error {
	// A fresh head shows other processes that this writer lives.
	if err := s.journal.mark(s.journal.synced); err != nil {
		return err
	}
	dir := s.journal.dir
	trails, err := dir.trails()
	for _, t := range trails {
		if t.writer == s.journal.writer && s.journal.file != nil {
			t.lines = t.lines[:max(len(t.lines)-1, 0)]
		}
		err = errors.Join(err, dir.sweepLines(&t, cutoff))
		if len(t.lines) == 0 && t.writer != s.journal.writer {
			err = errors.Join(err, dir.sweepMarks(t, cutoff))
		}
	}
	return err
}

// sweepLines removes the files of t that are past retention, oldest first.
func (d folder) sweepLines(t *trail, cutoff time.Time) error {
	for len(t.lines) > 0 {
		name := t.lines[0]
		info, err := os.Stat(d.path(name))
		if err != nil {
			return err
		}
		if !info.ModTime().Before(cutoff) {
			return nil
		}
		last, found, err := d.lastLine(name)
		if err != nil {
			return err
		}
		if found {
			err = d.removeBehind(t, name, last)
		} else {
			err = os.Remove(d.path(name)) // a crash left it without a line
		}
		if err != nil {
			return err
		}
		t.lines = t.lines[1:]
	}
	return nil
}

// removeBehind removes a file and leaves a checkpoint of its last line, which is
// on disk before the file goes. The checkpoint before it goes after.
func (d folder) removeBehind(t *trail, name string, last position) error {
	mark := checkpointName(t.writer, last.seq)
	if err := d.writeMark(mark, t.writer, last); err != nil {
		return err
	}
	if err := d.sync(); err != nil {
		return err
	}
	if err := os.Remove(d.path(name)); err != nil {
		return err
	}
	for _, old := range t.checkpoints {
		if old == mark {
			continue
		}
		if err := os.Remove(d.path(old)); err != nil {
			return err
		}
	}
	t.checkpoints = []string{mark}
	return nil
}

// sweepMarks removes the marks of t when all of them are older than cutoff.
func (d folder) sweepMarks(t trail, cutoff time.Time) error {
	marks := t.checkpoints
	if t.head {
		marks = append(marks, headName(t.writer))
	}
	for _, mark := range marks {
		info, err := os.Stat(d.path(mark))
		if err != nil {
			return err
		}
		if !info.ModTime().Before(cutoff) {
			return nil
		}
	}
	for _, mark := range marks {
		if err := os.Remove(d.path(mark)); err != nil {
			return err
		}
	}
	return nil
}

// lastLine returns the place of the last whole line of a file, if it has one.
// A file whose end was tampered with is evidence and is not to be removed.
func (d folder) lastLine(name string) (position, bool, error) {
	end, _, err := d.readEnd(name, 2*maxLine)
	if err != nil {
		return position{}, false, err
	}
	end = end[:bytes.LastIndexByte(end, '\n')+1]
	if len(end) == 0 {
		return position{}, false, nil
	}
	line := end[bytes.LastIndexByte(end[:len(end)-1], '\n')+1 : len(end)-1]
	p, ok := parseLine(line)
	if !ok {
		return position{}, false, fmt.Errorf("%s: the last line is damaged, so the file stays", name)
	}
	return p.at, true, nil
}
