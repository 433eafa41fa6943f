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
	limit Limit
	sets  []set
	locks [stripes]sync.Mutex
}

type set [ways]entry

type entry struct {
	hash uint64
	due  time.Duration // since the owner's start; the zero entry owes nothing
}

func newTable(limit Limit, entries int) *table {
	return &table{limit: limit, sets: make([]set, max(1, (entries+ways-1)/ways))}
}

// hit counts one event of the key and returns how long to wait, 0 if it is
// within the limit.
func (t *table) hit(hash uint64, now time.Duration) (wait time.Duration) {
	index := hash % uint64(len(t.sets))
	lock := &t.locks[index%stripes]
	lock.Lock()
	defer lock.Unlock()
	slot := t.sets[index].slot(hash)
	slot.due, wait = t.limit.admit(slot.due, now)
	return wait
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
