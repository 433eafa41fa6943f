package throttle

import (
	"cmp"
	"hash/maphash"
	"time"
)

// LimiterConfig is what NewLimiter needs.
type LimiterConfig struct {
	Limit      Limit            // of one key; the zero value means 100 per 10 s
	MaxEntries int              // 0 means DefaultMaxEntries
	Now        func() time.Time // required
}

// Limiter counts every event. It is safe for concurrent use.
type Limiter struct {
	clock clock
	seed  maphash.Seed
	keys  *table
}

// NewLimiter returns a Limiter that has counted nothing, or ErrLimit.
func NewLimiter(cfg LimiterConfig) (*Limiter, error) {
	limit := cmp.Or(cfg.Limit, Limit{Burst: 100, Every: 100 * time.Millisecond})
	if err := limit.check(); err != nil {
		return nil, err
	}
	return &Limiter{
		clock: newClock(cfg.Now),
		seed:  maphash.MakeSeed(),
		keys:  newTable(limit, cmp.Or(cfg.MaxEntries, DefaultMaxEntries)),
	}, nil
}

// Allow counts one event of key and says whether it is within the limit, and if
// not, after how long the next would be.
func (l *Limiter) Allow(key string) (retryAfter time.Duration, ok bool) {
	retryAfter = l.keys.hit(maphash.String(l.seed, key), l.clock.elapsed())
	return retryAfter, retryAfter == 0
}
