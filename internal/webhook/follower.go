package webhook

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/audit"
)

const (
	// lookEvery is the time between two looks at a trail that had no more, and between
	// two tries to get the lock.
	lookEvery = time.Second
	// lookLines bounds what is in memory of the trail.
	lookLines = 64
	// saveEvery is how much delivery a crash repeats at most, saveIdle how much reading.
	saveEvery = time.Second
	saveIdle  = time.Minute
	// firstPause and lastPause bound the time between two attempts.
	firstPause = time.Second
	lastPause  = time.Hour
	// giveUpAfter is how long an event is tried.
	giveUpAfter = 3 * 24 * time.Hour
)

// follower sends to one receiver.
type follower struct {
	Receiver

	match     match
	stem      string
	trail     Trail
	transport http.RoundTripper
	now       func() time.Time
	log       *zap.Logger
	figures   figures

	// Of run alone.
	cursor   cursor
	saved    time.Time
	attempts int // that failed since the last one that did not
	// The log has said that they fail.
	unread, unsaved bool
}

func (f *follower) cursorFile() string { return f.stem + ".cursor" }

// run sends until ctx ends or the receiver is gone.
func (f *follower) run(ctx context.Context) {
	held := f.hold(ctx)
	if held == nil {
		return
	}
	defer func() { _ = held.Close() }()
	defer f.save()
	for ctx.Err() == nil {
		more, err := f.step(ctx)
		if errors.Is(err, errGone) {
			f.log.Error("webhook is stopped until the next start", zap.Error(err))
			return
		}
		f.report(&f.unread, "webhook cannot read the audit trail", err)
		if !more {
			wait(ctx, lookEvery)
		}
	}
}

// hold waits for the lock, and for a cursor that can be read behind it: who had the
// lock moved that. It returns nil when ctx ended before.
func (f *follower) hold(ctx context.Context) *os.File {
	for ctx.Err() == nil {
		held, err := lock(f.stem + ".lock")
		if held != nil {
			if f.cursor, err = loadCursor(f.cursorFile()); err == nil {
				f.saved = f.now()
				f.figures.note(func(state *State) { state.FailingSince = f.cursor.FailingSince })
				return held
			}
			_ = held.Close()
		}
		f.report(&f.unread, "webhook cannot read its place", err)
		wait(ctx, lookEvery)
	}
	return nil
}

// step sends what one look finds. The error is one of the trail, or errGone.
func (f *follower) step(ctx context.Context) (more bool, err error) {
	look, err := f.trail.After(f.cursor.At, lookLines, f.match.name)
	if err != nil {
		return false, err
	}
	if look.Missing > 0 || look.Damaged > 0 {
		f.log.Error("events cannot be sent any more", zap.Uint64("missing", look.Missing), zap.Uint64("damaged", look.Damaged))
	}
	for i := range look.Lines {
		line := &look.Lines[i]
		if f.match.event(&line.Event) {
			if err := f.deliver(ctx, line); err != nil {
				return false, err
			}
		}
		f.cursor.At[line.Writer] = line.Next
		if f.now().Sub(f.saved) >= saveEvery {
			f.save()
		}
	}
	moved := !maps.Equal(f.cursor.At, look.At)
	f.cursor.At = look.At
	if len(look.Lines) > 0 && !look.More || moved && f.now().Sub(f.saved) >= saveIdle {
		f.save()
	}
	return look.More, nil
}

// deliver tries until a line is with the receiver, or given up. The error is errGone, or
// that of ctx.
func (f *follower) deliver(ctx context.Context, line *audit.Line) error {
	for {
		if f.late(line) {
			f.figures.note(func(state *State) { state.GivenUp++ })
			f.log.Error("event is given up", zap.String("event", line.Event.ID), zap.String("name", string(line.Event.Name)))
			return nil
		}
		err := f.attempt(ctx, line)
		switch {
		case err == nil:
			f.recovered()
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errGone):
			return errGone
		}
		pause := f.failed()
		f.log.Warn("event is not delivered", zap.String("event", line.Event.ID), zap.Duration("next", pause), zap.Error(err))
		if !wait(ctx, pause) {
			return ctx.Err()
		}
	}
}

// late reports whether a line was tried long enough. What happened before the receiver
// began to fail, while this process did not run, has its time from then on.
func (f *follower) late(line *audit.Line) bool {
	since := f.cursor.FailingSince
	if since.IsZero() {
		return false
	}
	if line.Event.Time.After(since) {
		since = line.Event.Time
	}
	return f.now().Sub(since) >= giveUpAfter
}

// failed notes an attempt that failed and returns how long to wait for the next: twice
// as long as before it, less up to a half at random.
func (f *follower) failed() time.Duration {
	if f.cursor.FailingSince.IsZero() {
		f.cursor.FailingSince = f.now().UTC()
		f.save()
	}
	pause := lastPause
	if f.attempts < 12 { // 2^12 s is more than an hour
		pause = min(firstPause<<f.attempts, lastPause)
	}
	f.attempts++
	f.figures.note(func(state *State) { state.Failed, state.FailingSince = state.Failed+1, f.cursor.FailingSince })
	return max(firstPause, pause-rand.N(pause/2)) //nolint:gosec // it only spreads load
}

// recovered notes an attempt that did not fail.
func (f *follower) recovered() {
	if !f.cursor.FailingSince.IsZero() {
		f.log.Info("events are delivered again")
	}
	f.cursor.FailingSince, f.attempts = time.Time{}, 0
	f.figures.note(func(state *State) { state.Delivered, state.FailingSince = state.Delivered+1, time.Time{} })
}

// save puts the cursor on disk. One that cannot be saved is tried again, and repeats
// more after a crash meanwhile.
func (f *follower) save() {
	f.saved = f.now()
	f.report(&f.unsaved, "webhook cannot keep its place", f.cursor.save(f.cursorFile()))
}

// report logs the first trouble of a row, and its end.
func (f *follower) report(troubled *bool, what string, err error) {
	switch {
	case errors.Is(err, context.Canceled):
		return
	case err != nil && !*troubled:
		f.log.Error(what, zap.Error(err))
	case err == nil && *troubled:
		f.log.Info("webhook goes on")
	}
	*troubled = err != nil
}

// wait reports false if ctx ended before d was over.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
