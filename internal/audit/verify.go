package audit

import (
	"errors"
	"fmt"
	"io/fs"
)

// Cause says what is wrong with a place in the trail.
type Cause string

// The causes of problems.
const (
	// Edited: the line's bytes are not those that were chained. Where neither
	// the next line nor the head can tell, it may be the line before.
	Edited Cause = "edited"
	// Missing: lines from Seq on are gone before this one.
	Missing Cause = "missing"
	// Reordered: the line with Seq stands at another place than its own.
	Reordered Cause = "reordered"
	// Truncated: the trail ends before a line that was on disk.
	Truncated Cause = "truncated"
	// AfterEnd: the line follows the end of its writer.
	AfterEnd Cause = "after the end"
	// HeadMissing: the writer's head is gone, so its end is not evident.
	HeadMissing Cause = "head missing"
)

// The causes of notes.
const (
	// Torn: the last line was not on disk when its writer crashed, or is being
	// written.
	Torn Cause = "unterminated"
	// Open: the writer runs, or crashed: it did not end its chain.
	Open Cause = "not ended"
	// Duplicate: an event that was shipped twice; the other is not far away.
	Duplicate Cause = "duplicate id"
)

// duplicateWindow is among how many changes of state Verify finds an id twice.
const duplicateWindow = 1 << 16

// relistings is how often Verify starts over with a writer whose files
// retention removes meanwhile.
const relistings = 3

// Problem is a place in the trail and what is the matter there.
type Problem struct {
	File  string // in the folder
	Line  int    // from 1
	Seq   uint64 // 0 when it is not known
	Cause Cause
}

// Report is what Verify found.
type Report struct {
	Writers  int
	Lines    int
	Problems []Problem // the first of each writer; none when the trail is whole
	Notes    []Problem // what an operator may want to know and is no manipulation
}

// Verify checks the trail of every writer in dir; doc.go says what that proves.
// It needs little memory, changes nothing, and may run beside a Sink. Its error
// says that the folder could not be read.
func Verify(dir string) (Report, error) {
	var report Report
	trails, err := folder(dir).trails()
	if err != nil {
		return report, fmt.Errorf("read audit folder: %w", err)
	}
	ids := newRecent(duplicateWindow)
	for _, t := range trails {
		w, err := verifyWriter(folder(dir), t.writer, ids)
		if err != nil {
			return report, fmt.Errorf("read audit folder: %w", err)
		}
		if w.lines > 0 || w.problem != nil {
			report.Writers++
		}
		report.Lines += w.lines
		if w.problem != nil {
			report.Problems = append(report.Problems, *w.problem)
		}
		report.Notes = append(report.Notes, w.notes...)
	}
	return report, nil
}

// verifyWriter starts over while files disappear under its hands.
func verifyWriter(dir folder, writer string, ids *recent) (*walk, error) {
	for attempt := 1; ; attempt++ {
		w := &walk{dir: dir, writer: writer, ids: ids}
		err := w.run()
		if errors.Is(err, fs.ErrNotExist) && attempt < relistings {
			continue
		}
		return w, err
	}
}

// run checks one writer. Beside a running sink the order matters: the head is
// read before the files are listed, so it names no line that they lack, and the
// checkpoints after, so they tell of every file that was gone by then.
func (w *walk) run() error {
	head, headErr := w.dir.readMark(headName(w.writer), w.writer)
	if headErr != nil && !errors.Is(headErr, fs.ErrNotExist) && !errors.Is(headErr, errMark) {
		return headErr
	}
	w.head = head
	t, err := w.dir.trailOf(w.writer)
	if err != nil {
		return err
	}
	later, err := w.dir.trailOf(w.writer)
	if err != nil {
		return err
	}
	if err := w.readCheckpoints(later.checkpoints); err != nil {
		return err
	}
	for i, name := range t.lines {
		if err := w.file(name, i == len(t.lines)-1); err != nil {
			return err
		}
	}
	w.finish()
	if w.problem == nil && headErr != nil && (len(t.lines) > 0 || errors.Is(headErr, errMark)) {
		cause := HeadMissing
		if errors.Is(headErr, errMark) {
			cause = Edited
		}
		w.problem = &Problem{File: headName(w.writer), Line: 1, Cause: cause}
	}
	return nil
}

// readCheckpoints fills w.removed. A checkpoint that is damaged, or not under
// its name, proves nothing.
func (w *walk) readCheckpoints(names []string) error {
	for _, name := range names {
		at, err := w.dir.readMark(name, w.writer)
		switch {
		case errors.Is(err, errMark) || err == nil && name != checkpointName(w.writer, at.seq):
			continue
		case err != nil:
			return err
		}
		w.removed = append(w.removed, at)
	}
	return nil // in the order of the names, which is that of seq
}
