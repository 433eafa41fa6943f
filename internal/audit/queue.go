package audit

import (
	"context"
	"errors"
	"sync"
)

// maxWaiting is how many bytes of events are not on disk yet at most: they may be
// few, and long.
const maxWaiting = 64 << 20

// keepBuffer is the capacity up to which an emptied buffer is used again. More
// than this is left from a time when the disk did not take lines.
const keepBuffer = 16 << 20

// queue holds encoded events from Record to the writer, and counts which of
// them have reached the disk. An event takes its place until then.
type queue struct {
	wake chan struct{} // holds one token when events came into an empty buffer

	mu       sync.Mutex
	limit    uint64
	events   []byte // JSON objects, each ended by a newline
	accepted uint64 // events ever taken in
	durable  uint64 // how many of them are on disk
	waiting  uint64 // bytes of those that are not
	refused  uint64 // events ever not taken in
	failures uint64 // reports ever of a failure to write
	closed   bool
	failure  error         // why lines do not reach the disk now
	changed  chan struct{} // closed and replaced when durable or failure moves
}

func newQueue(limit int) *queue {
	return &queue{
		wake:    make(chan struct{}, 1),
		limit:   uint64(max(limit, 1)),
		failure: ErrNotRunning,
		changed: make(chan struct{}),
	}
}

// put takes in an event, a JSON object without a newline. All who record share the lock:
// nothing is done under it that can be done before.
func (q *queue) put(event []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		q.refused++
		return ErrClosed
	case q.accepted-q.durable >= q.limit, q.waiting >= maxWaiting:
		q.refused++
		return ErrFull
	case len(event) > maxEvent:
		q.refused++
		return ErrTooLong
	}
	if len(q.events) == 0 {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
	q.events = append(append(q.events, event...), '\n')
	q.accepted++
	q.waiting += uint64(len(event)) + 1
	return nil
}

// take hands over the events that wait, in exchange for an emptied buffer.
func (q *queue) take(spare []byte) []byte {
	if cap(spare) > keepBuffer {
		spare = nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.events
	q.events = spare[:0]
	return taken
}

// settle notes that the next n events, so many bytes, are on disk, and so that the
// disk takes them: whoever waits for them finds the sink ready.
func (q *queue) settle(n, bytes uint64) {
	if n == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.durable += n
	q.waiting -= bytes
	q.failure = nil
	q.broadcast()
}

// report notes why lines do not reach the disk, nil when they do.
func (q *queue) report(failure error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failure = failure
	if failure != nil && !errors.Is(failure, ErrClosed) {
		q.failures++
	}
	q.broadcast()
}

// close refuses events from now on.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// broadcast wakes every wait; the lock is held.
func (q *queue) broadcast() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// state returns the counts and the failure.
func (q *queue) state() (accepted, durable uint64, failure error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.accepted, q.durable, q.failure
}

// wait blocks until the first target events are on disk. It returns ErrClosed
// when they never will be.
func (q *queue) wait(ctx context.Context, target uint64) error {
	for {
		q.mu.Lock()
		durable, failure, changed := q.durable, q.failure, q.changed
		q.mu.Unlock()
		switch {
		case durable >= target:
			return nil
		case failure == ErrClosed: //nolint:errorlint // the very value that the end of Run reports
			return ErrClosed
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}
