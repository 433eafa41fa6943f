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

// admit is one step of GCRA. Due is the theoretical arrival time: the moment
// from which the key owes nothing. It returns the new one and, if the event goes
// beyond the limit, how long until the next would not: more than zero and at
// most Every. An event beyond the limit does not count, so whoever hammers on
// waits no longer than whoever stops.
func (l Limit) admit(due, now time.Duration) (newDue, wait time.Duration) {
	window := time.Duration(l.Burst) * l.Every
	due = min(max(due, now), now+window) // the second bound matters only if the clock went back
	due += l.Every
	if wait := due - window - now; wait > 0 {
		return due - l.Every, wait
	}
	return due, 0
}
