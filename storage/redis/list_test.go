package redis_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/storage/redis"
	"github.com/cambio-sts/cambio/storage/storagetest"
)

// BenchmarkList reads lists; a million tokens take half a minute to make.
func BenchmarkList(b *testing.B) {
	sizes := []int{100_000}
	if testenv.Full() {
		sizes = append(sizes, 1_000_000)
	}
	for _, n := range sizes {
		server := testenv.Redis(b, testenv.RedisOptions{Args: []string{"--appendfsync", "no"}})
		db := openAs(b, redis.Config{Addrs: []string{server.Addr()}, Durability: redis.Verified, Now: time.Now, Importing: true})
		organization := storagetest.Import(b, db, n)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			storagetest.Bench(b, db.PATs(), organization, n)
		})
	}
}
