package redis

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	// rememberFor is how long a change is remembered after it was sent.
	rememberFor = 24 * time.Hour
	// rememberMost bounds how many are; the oldest are forgotten first.
	rememberMost = 50_000
	warnEvery    = time.Minute
)

// remembered is a change that ended or narrowed access. It is remembered before
// it is sent, whether it is acknowledged or not, and repeated on each server that
// takes over.
type remembered struct {
	number uint64
	at     time.Time
	shard  string
	undone bool // it is known not to have happened
	// again sends it where it is missing. It never undoes what came after it. An
	// error says that it is not known to be there.
	again func(ctx context.Context, s *session) error
}

// sent is what this process remembers. The zero value, with a logger, is empty.
type sent struct {
	log *zap.Logger

	mu     sync.Mutex
	all    []*remembered // oldest first
	number uint64
	warned time.Time
}

// add remembers a change until forget is called for it, or its time is over.
func (m *sent) add(now time.Time, shard string, again func(context.Context, *session) error) *remembered {
	m.mu.Lock()
	defer m.mu.Unlock()
	over := 0
	for over < len(m.all) && now.Sub(m.all[over].at) >= rememberFor {
		over++
	}
	if excess := len(m.all) - rememberMost + 1; excess > over {
		over = excess
		if now.Sub(m.warned) > warnEvery {
			m.warned = now
			m.log.Warn("too many changes to remember them for a day: the oldest are forgotten", zap.Duration("kept", now.Sub(m.all[over-1].at)))
		}
	}
	clear(m.all[:over])
	m.number++
	one := &remembered{number: m.number, at: now, shard: strings.Clone(shard), again: again} // not the whole key
	m.all = append(m.all[over:], one)
	return one
}

// forget drops a change that is known not to have happened.
func (m *sent) forget(one *remembered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	one.undone = true
}

// since returns what was remembered after the change of that number.
func (m *sent) since(number uint64) []*remembered {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*remembered
	for _, one := range slices.Backward(m.all) {
		if one.number <= number {
			break
		}
		if !one.undone {
			out = append(out, one)
		}
	}
	slices.Reverse(out)
	return out
}
