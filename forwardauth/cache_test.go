package forwardauth

import (
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/exchange"
)

func key(i int) (key exchange.ReuseKey) {
	binary.BigEndian.PutUint64(key[:], uint64(i))
	return key
}

func kept(length int) exchange.Kept {
	return exchange.Kept{AccessToken: strings.Clone(strings.Repeat("x", length)), JTI: strings.Clone(strings.Repeat("j", 32))}
}

func TestCacheForgetsWhatWasNotAskedForLongest(t *testing.T) {
	c := NewCache(2, 1<<20)
	c.Keep(key(1), kept(1))
	c.Keep(key(2), kept(2))
	_, found := c.Find(key(1))
	require.True(t, found)
	c.Keep(key(3), kept(3))
	_, found = c.Find(key(2))
	require.False(t, found)
	again, found := c.Find(key(1))
	require.True(t, found)
	require.Equal(t, kept(1), again)
	c.Keep(key(1), kept(9))
	again, _ = c.Find(key(1))
	require.Equal(t, kept(9), again, "the newest of a key")
	_, found = c.Find(key(3))
	require.True(t, found)
	require.Equal(t, CacheState{Entries: 2, Bytes: 2*entryBytes + 9 + 3, Hits: 4, Misses: 1}, c.State())
}

func TestCacheIsBoundedInBytes(t *testing.T) {
	c := NewCache(100, 10*(entryBytes+1000))
	for i := range 50 {
		c.Keep(key(i), kept(1000))
	}
	require.Equal(t, 10, c.order.Len())
	require.Len(t, c.byKey, 10)
	c.Keep(key(99), kept(1<<20))
	require.Zero(t, c.order.Len(), "one that is larger than all is not kept")
	require.Zero(t, c.used)
}

// 10,000 JWTs of usual length are kept in 30 MB, and so are as many long ones as there
// is room for.
func TestCacheMemory(t *testing.T) {
	for _, length := range []int{700, 1600, 16 << 10} {
		before := heap()
		c := NewCache(DefaultEntries, DefaultBytes)
		for i := range 2 * DefaultEntries {
			c.Keep(key(i), kept(length))
		}
		used := heap() - before
		t.Logf("%d JWTs of %d bytes: %.1f MB", c.order.Len(), length, float64(used)/1e6)
		require.LessOrEqual(t, used, int64(30_000_000))
		if length <= 1600 {
			require.Equal(t, DefaultEntries, c.order.Len())
		}
		runtime.KeepAlive(c)
	}
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
