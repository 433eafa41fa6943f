package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"
)

var errMoved = errors.New("the audit file is not in its place any more")

// journal is one writer's chain and the file it is going to. A line is kept in
// memory until it is known to be on disk, and is then written over itself as
// often as it takes: the bytes and their place do not change, so a write or an
// fsync that failed half-way leaves nothing to clean up.
type journal struct {
	dir      folder
	writer   string
	maxBytes int64
	maxAge   time.Duration
	log      *zap.Logger

	tail    position // the last line that was chained
	pending []byte   // the chained lines that are not known to be on disk
	events  uint64   // how many events are in pending
	bytes   uint64   // how long they were in the queue
	synced  position // the last line that is on disk, and in the head

	file    *os.File // nil: the next line opens one
	name    string
	stamp   time.Time // of the newest file's name
	opened  time.Time
	size    int64 // bytes of file that are on disk
	written int   // bytes of pending that were given to the system
}

// openJournal begins the chain of writer and leaves its head in dir.
func openJournal(dir folder, writer string, cfg Config) (*journal, error) {
	start := genesis(writer)
	if err := dir.writeMark(headName(writer), writer, start); err != nil {
		return nil, err
	}
	if err := dir.sync(); err != nil {
		return nil, err
	}
	return &journal{
		dir: dir, writer: writer, maxBytes: cfg.MaxFileBytes, maxAge: cfg.MaxFileAge, log: cfg.Logger,
		tail: start, synced: start,
	}, nil
}

// add chains event.
func (j *journal) add(event []byte) {
	j.pending, j.tail = appendLine(j.pending, event, j.writer, j.tail)
}

// full reports whether the file is to be closed before it takes another line.
func (j *journal) full() bool { return j.size+int64(len(j.pending)) >= j.maxBytes }

// write gives the pending lines to the system.
func (j *journal) write(now time.Time) error {
	if j.written == len(j.pending) {
		return nil
	}
	if j.file == nil {
		if err := j.create(now); err != nil {
			return fmt.Errorf("open audit file: %w", err)
		}
	}
	n, err := j.file.WriteAt(j.pending[j.written:], j.size+int64(j.written))
	j.written += n
	if err != nil {
		return fmt.Errorf("write audit line: %w", err)
	}
	return nil
}

// create opens the next file. Names sort in the order of the chain, also when
// the clock steps back.
func (j *journal) create(now time.Time) error {
	now = now.Truncate(time.Millisecond)
	if next := j.stamp.Add(time.Millisecond); now.Before(next) {
		now = next
	}
	name := linesName(now, j.writer)
	file, err := j.dir.open(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	if err := j.dir.sync(); err != nil {
		return errors.Join(err, file.Close(), os.Remove(j.dir.path(name)))
	}
	j.file, j.name, j.stamp, j.opened, j.size, j.written = file, name, now, now, 0, 0
	return nil
}

// sync puts the pending lines on disk, then the head, and closes a file that is
// big or old enough. After an error all of pending is still to be done.
func (j *journal) sync(now time.Time) error {
	if err := j.write(now); err != nil {
		return err
	}
	if j.file != nil && len(j.pending) > 0 {
		if err := j.file.Sync(); err != nil {
			j.written = 0 // the system may have let go of the pages
			return fmt.Errorf("sync audit file: %w", err)
		}
	}
	if err := j.inPlace(); err != nil {
		return err
	}
	if len(j.pending) > 0 {
		if err := j.mark(j.tail); err != nil {
			return err
		}
		j.size += int64(len(j.pending))
		j.written, j.pending, j.events, j.bytes = 0, j.pending[:0], 0, 0
		if cap(j.pending) > keepBuffer {
			j.pending = nil
		}
	}
	if j.file != nil && (j.size >= j.maxBytes || now.Sub(j.opened) >= j.maxAge) {
		return j.close()
	}
	return nil
}

// inPlace notices that the folder or the file is gone: the system would go on
// taking lines into a file that nobody can find. With the folder the file may
// come back, lines and all, so only where it is missing from its folder the
// next line opens another.
func (j *journal) inPlace() error {
	if j.file == nil {
		_, err := os.Stat(string(j.dir))
		return err
	}
	open, err := j.file.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(j.dir.path(j.name))
	if err == nil && os.SameFile(open, named) {
		return nil
	}
	if _, gone := os.Stat(string(j.dir)); gone != nil {
		return errors.Join(errMoved, gone)
	}
	_ = j.file.Close()
	j.file, j.size, j.written = nil, 0, 0
	return errors.Join(errMoved, err)
}

// mark writes the head.
func (j *journal) mark(at position) error {
	if err := j.dir.writeMark(headName(j.writer), j.writer, at); err != nil {
		return fmt.Errorf("write audit head: %w", err)
	}
	j.synced = at
	return nil
}

// close ends the file; every line of it is on disk. The log line is the trace
// of the chain outside the folder.
func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file, j.size, j.written = nil, 0, 0
	j.log.Info("audit file closed", zap.String("file", j.name), zap.Uint64("seq", j.synced.seq),
		zap.String("hash", hex.EncodeToString(j.synced.hash[:])))
	return err
}
