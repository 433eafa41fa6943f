package throttle

import (
	"cmp"
	"context"
	"hash/maphash"
	"time"
)

// Window is how many events a key may have from the first of them on for a length
// of time; then another begins. Unlike a Limit it never lets more through in its
// length, and all of it again right after.
type Window struct {
	Most   int // at least 1
	Length time.Duration
}

func (w Window) check() error {
	if w.Most < 1 || w.Length <= 0 {
		return ErrLimit
	}
	return nil
}

// admit implements rule.
func (w Window) admit(e *entry, now time.Duration) (wait time.Duration) {
	if now >= e.due || e.due > now+w.Length { // it is over, or the clock went back
		e.due, e.count = now+w.Length, 0
	}
	if e.count >= w.Most {
		return e.due - now
	}
	e.count++
	return 0
}

// Quota is what a key has left of a Window after one event.
type Quota struct {
	Remaining  int           // events that would be within the limit now, never negative
	Reset      time.Duration // until all of them are there again, never negative
	RetryAfter time.Duration // 0 if the event was within the limit, else until the next would be
}

// LimiterConfig is what NewLimiter needs.
type LimiterConfig struct {
	Window     Window           // of one key; the zero value means 100 in 10 s
	MaxEntries int              // 0 means DefaultMaxEntries
	Now        func() time.Time // required
}

// Limiter counts every event, in this process. It is safe for concurrent use.
type Limiter struct {
	window Window
	clock  clock
	seed   maphash.Seed
	keys   *table
}

// NewLimiter returns a Limiter that has counted nothing, or ErrLimit.
func NewLimiter(cfg LimiterConfig) (*Limiter, error) {
	window := cmp.Or(cfg.Window, Window{Most: 100, Length: 10 * time.Second})
	if err := window.check(); err != nil {
		return nil, err
	}
	return &Limiter{
		window: window,
		clock:  newClock(cfg.Now),
		seed:   maphash.MakeSeed(),
		keys:   newTable(window, cmp.Or(cfg.MaxEntries, DefaultMaxEntries)),
	}, nil
}

// Policy returns what every key may have.
func (l *Limiter) Policy() Window { return l.window }

// Allow counts one event of a token at a mount and returns what is left of its
// window. It never fails.
func (l *Limiter) Allow(_ context.Context, token, mount string) (Quota, error) {
	now := l.clock.elapsed()
	wait, after := l.keys.hit(maphash.String(l.seed, token+" "+mount), now)
	return Quota{Remaining: max(0, l.window.Most-after.count), Reset: max(0, after.due-now), RetryAfter: wait}, nil
}
