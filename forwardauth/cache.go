package forwardauth

import (
	"container/list"
	"sync"

	"github.com/cambio-sts/cambio/exchange"
)

const (
	// DefaultEntries is how many JWTs a Door keeps at most.
	DefaultEntries = 10_000
	// DefaultBytes is how much they and what goes with them may take.
	DefaultBytes = 24 << 20
	// entryBytes is what an entry takes besides its JWT.
	entryBytes = 400
)

// Cache keeps the JWTs that were given last. It is safe to share.
type Cache struct {
	entries, bytes int

	mu    sync.Mutex
	byKey map[exchange.ReuseKey]*list.Element
	order *list.List // of *entry, the one given last first
	used  int        // bytes
	hits  uint64
	asked uint64
}

// CacheState is what a Cache holds, and how often it was of use.
type CacheState struct {
	Entries, Bytes int
	Hits, Misses   uint64 // of Find
}

// State tells what the cache holds.
func (c *Cache) State() CacheState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return CacheState{Entries: c.order.Len(), Bytes: c.used, Hits: c.hits, Misses: c.asked - c.hits}
}

var _ exchange.Reuse = (*Cache)(nil)

type entry struct {
	key  exchange.ReuseKey
	kept exchange.Kept
}

func (e *entry) size() int { return entryBytes + len(e.kept.AccessToken) }

// NewCache returns a Cache of so many entries and bytes at most.
func NewCache(entries, bytes int) *Cache {
	return &Cache{entries: entries, bytes: bytes, byKey: make(map[exchange.ReuseKey]*list.Element), order: list.New()}
}

// Find implements exchange.Reuse.
func (c *Cache) Find(key exchange.ReuseKey) (exchange.Kept, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	at, ok := c.byKey[key]
	if !ok {
		return exchange.Kept{}, false
	}
	c.hits++
	c.order.MoveToFront(at)
	return entryAt(at).kept, true
}

// Keep implements exchange.Reuse. It makes room by forgetting what was not asked for longest.
func (c *Cache) Keep(key exchange.ReuseKey, kept exchange.Kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.byKey[key]; ok {
		c.drop(at)
	}
	added := &entry{key: key, kept: kept}
	c.byKey[key] = c.order.PushFront(added)
	c.used += added.size()
	for c.order.Len() > c.entries || c.used > c.bytes {
		c.drop(c.order.Back())
	}
}

func (c *Cache) drop(at *list.Element) {
	dropped := entryAt(at)
	c.order.Remove(at)
	delete(c.byKey, dropped.key)
	c.used -= dropped.size()
}

// entryAt returns what lies at an element of the order, which holds nothing else.
func entryAt(at *list.Element) *entry {
	found, ok := at.Value.(*entry)
	if !ok {
		panic("forwardauth: the cache holds something else")
	}
	return found
}
