package throttle

import (
	"sync"
	"time"
)

const (
	ways    = 8  // entries a key may lie in
	stripes = 64 // locks; a power of two
)

// table holds due times by the hash of a key, in memory that never grows: sets
// of a few entries. An entry whose time is past is as good as none. When all of a
// set are owed, the one that owes least gives way: the newest of a flood of keys,
// rather than one that has been at it for long.
type table struct {
	rule  rule
	sets  []set
	locks [stripes]sync.Mutex
}

// rule says what is let through.
type rule interface {
	// admit counts an event and returns how long to wait until the next would be
	// within the limit, 0 if this one is.
	admit(e *entry, now time.Duration) (wait time.Duration)
}

type set [ways]entry

type entry struct {
	hash uint64
	due  time.Duration // since the owner's start: from then on the key owes nothing; the zero entry never did
	// count is how many events a Window has had.
	count int
}

func newTable(rule rule, entries int) *table {
	return &table{rule: rule, sets: make([]set, max(1, (entries+ways-1)/ways))}
}

// hit counts one event of the key and returns how long to wait, 0 if it is
// within the limit, and what the key's entry is after it.
func (t *table) hit(hash uint64, now time.Duration) (wait time.Duration, after entry) {
	index := hash % uint64(len(t.sets))
	lock := &t.locks[index%stripes]
	lock.Lock()
	defer lock.Unlock()
	kept := t.sets[index].slot(hash)
	wait = t.rule.admit(kept, now)
	return wait, *kept
}

// slot returns the entry of the key, which takes over the one that owes least if
// it has none.
func (s *set) slot(hash uint64) *entry {
	least := &s[0]
	for i := range s {
		if s[i].hash == hash {
			return &s[i]
		}
		if s[i].due < least.due {
			least = &s[i]
		}
	}
	*least = entry{hash: hash}
	return least
}
