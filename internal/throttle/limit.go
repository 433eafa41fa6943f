package throttle

import (
	"errors"
	"time"
)

// ErrLimit says that a limit has no burst or no interval.
var ErrLimit = errors.New("a limit needs a burst of at least 1 and a positive interval")

// Limit is how much is let through.
type Limit struct {
	Burst int           // at once, at least 1
	Every time.Duration // one more, up to Burst again
}

func (l Limit) check() error {
	if l.Burst < 1 || l.Every <= 0 {
		return ErrLimit
	}
	return nil
}

// admit implements rule. It is one step of GCRA: due is the theoretical arrival
// time. The wait is at most Every; an event beyond the limit does not count, so
// whoever hammers on waits no longer than whoever stops.
func (l Limit) admit(e *entry, now time.Duration) (wait time.Duration) {
	window := time.Duration(l.Burst) * l.Every
	due := min(max(e.due, now), now+window) // the second bound matters only if the clock went back
	e.due = due
	if wait := due + l.Every - window - now; wait > 0 {
		return wait
	}
	e.due += l.Every
	return 0
}
