package behind

import (
	"io"
	"sync"
	"time"
)

const (
	// full is how many bytes are written at once, without waiting for more.
	full = 64 << 10
	// most is how many bytes wait at most. A stream that does not take them has whoever
	// writes wait: nothing is lost.
	most = 1 << 20
)

// Writer is a zapcore.WriteSyncer before a stream. It is safe for concurrent use. A process
// that is killed takes along what has not been written; nothing is synced to a disk.
type Writer struct {
	out   io.Writer
	every time.Duration
	begun chan struct{} // holds one token when bytes wait where none did
	hurry chan struct{} // holds one token when they are to be written now
	ended chan struct{}

	mu       sync.Mutex
	moved    sync.Cond // room was made, or bytes have been written
	waiting  []byte
	accepted uint64 // bytes ever
	written  uint64 // of those; it may be that the stream refused them
	closed   bool
	err      error // the first of the stream
}

// NewWriter writes to out every so often while there is something to write, and at once
// when much is. Close ends it.
func NewWriter(out io.Writer, every time.Duration) *Writer {
	w := &Writer{
		out: out, every: every,
		begun: make(chan struct{}, 1), hurry: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	w.moved.L = &w.mu
	go w.run()
	return w
}

// Write takes p for the stream; its error is nil unless the Writer is closed. It waits only
// while a MiB has not been written. After Close it writes p at once.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting) >= most && !w.closed {
		w.moved.Wait()
	}
	if w.closed {
		w.mu.Unlock()
		<-w.ended // in order
		w.mu.Lock()
		return w.out.Write(p)
	}
	if len(w.waiting) == 0 {
		signal(w.begun)
	}
	w.waiting = append(w.waiting, p...)
	w.accepted += uint64(len(p))
	if len(w.waiting) >= full {
		signal(w.hurry)
	}
	return len(p), nil
}

// Sync waits until what was taken before it has been written, and returns the first error
// that the stream ever had.
func (w *Writer) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	signal(w.hurry)
	for target := w.accepted; w.written < target; {
		w.moved.Wait()
	}
	return w.err
}

// Close writes what is left and returns what Sync does.
func (w *Writer) Close() error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		w.moved.Broadcast()
		signal(w.begun)
		signal(w.hurry)
	}
	w.mu.Unlock()
	<-w.ended
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// run writes until the Writer is closed and all is written.
func (w *Writer) run() {
	defer close(w.ended)
	timer := time.NewTimer(w.every)
	defer timer.Stop()
	var spare []byte
	for closed := false; !closed; {
		<-w.begun
		timer.Reset(w.every)
		select {
		case <-timer.C:
		case <-w.hurry:
		}
		spare, closed = w.flush(spare)
	}
}

// flush writes what waits, in exchange for an emptied buffer. It reports whether the Writer
// is closed, so that this was the last.
func (w *Writer) flush(spare []byte) (emptied []byte, closed bool) {
	w.mu.Lock()
	taken := w.waiting
	w.waiting, closed = spare[:0], w.closed
	w.moved.Broadcast()
	w.mu.Unlock()
	var err error
	if len(taken) > 0 {
		_, err = w.out.Write(taken)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.written += uint64(len(taken))
	if w.err == nil {
		w.err = err
	}
	w.moved.Broadcast()
	return taken, closed
}

// signal leaves a token, unless one is there.
func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}
