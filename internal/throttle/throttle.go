package throttle

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"net/netip"
	"time"
)

// DefaultMaxEntries is how many networks, ids or keys a counter remembers unless
// its caller says otherwise; 24 bytes each.
const DefaultMaxEntries = 1 << 16

// Config is what New needs. The zero Limit means the default beside it.
type Config struct {
	PerNetwork Limit            // failures of one IPv4 address or IPv6 /64; burst 300, 10/s
	PerKey     Limit            // failures of one key from one network; burst 20, one per 3 s
	MaxEntries int              // of each of the two kinds; 0 means DefaultMaxEntries
	Now        func() time.Time // required
}

// Throttle counts failures. It is safe for concurrent use.
type Throttle struct {
	clock    clock
	seed     maphash.Seed
	networks *table
	keys     *table
}

// New returns a Throttle that has counted nothing, or ErrLimit.
func New(cfg Config) (*Throttle, error) {
	cfg.PerNetwork = cmp.Or(cfg.PerNetwork, Limit{Burst: 300, Every: 100 * time.Millisecond})
	cfg.PerKey = cmp.Or(cfg.PerKey, Limit{Burst: 20, Every: 3 * time.Second})
	if err := cfg.PerNetwork.check(); err != nil {
		return nil, fmt.Errorf("per network: %w", err)
	}
	if err := cfg.PerKey.check(); err != nil {
		return nil, fmt.Errorf("per key: %w", err)
	}
	entries := cmp.Or(cfg.MaxEntries, DefaultMaxEntries)
	return &Throttle{
		clock:    newClock(cfg.Now),
		seed:     maphash.MakeSeed(),
		networks: newTable(cfg.PerNetwork, entries),
		keys:     newTable(cfg.PerKey, entries),
	}, nil
}

// Failed counts one failed attempt and says whether it is to be answered as one
// too many, and then after how long another would not be. The key is the id that
// was tried; an empty one counts against the network only. The zero Addr stands
// for all peers without an address.
func (t *Throttle) Failed(from netip.Addr, key string) (retryAfter time.Duration, limited bool) {
	now := t.clock.elapsed()
	network := networkOf(from)
	retryAfter, _ = t.networks.hit(maphash.Bytes(t.seed, network[:]), now)
	if key != "" {
		var hash maphash.Hash
		hash.SetSeed(t.seed)
		_, _ = hash.Write(network[:])
		_, _ = hash.WriteString(key)
		wait, _ := t.keys.hit(hash.Sum64(), now)
		retryAfter = max(retryAfter, wait)
	}
	return retryAfter, retryAfter > 0
}

// networkOf returns what addresses of one customer have in common: an IPv4
// address, mapped or not, or the first 64 bits of an IPv6 one.
func networkOf(addr netip.Addr) [16]byte {
	if !addr.IsValid() {
		return [16]byte{}
	}
	bytes := addr.As16()
	if !addr.Unmap().Is4() {
		clear(bytes[8:])
	}
	return bytes
}

// clock tells the time since it was made, by the monotonic clock where now has
// one, so that a step of the wall clock frees nobody and locks nobody out.
type clock struct {
	now   func() time.Time
	start time.Time
}

func newClock(now func() time.Time) clock { return clock{now: now, start: now()} }

func (c clock) elapsed() time.Duration { return c.now().Sub(c.start) }
