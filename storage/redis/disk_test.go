package redis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/storage/redis"
)

// TestConfirmedOnDisk: what has to lie on the disk is answered when it does. A server
// that cannot tell is refused.
func TestConfirmedOnDisk(t *testing.T) {
	t.Parallel()
	for _, program := range testenv.RedisPrograms(t) {
		t.Run(program[strings.LastIndex(program, "/")+1:], func(t *testing.T) {
			t.Parallel()
			server := testenv.Redis(t, testenv.RedisOptions{Program: program, Args: []string{"--appendfsync", "always"}})
			config := redis.Config{Addrs: []string{server.Addr()}, Durability: redis.Verified, Disk: true, Now: time.Now}
			if info := server.MustDo("INFO", "server"); strings.Contains(info, "redis_version:7.0.") {
				_, err := redis.Open(t.Context(), config)
				var lacking *redis.PolicyError
				require.ErrorAs(t, err, &lacking)
				require.Equal(t, "version", lacking.Setting)
				require.Contains(t, lacking.Fix, "7.2")
				return
			}
			db := openAs(t, config)
			record := token(t, db)
			server.MustDo("CONFIG", "SET", "appendfsync", "no")
			began := time.Now()
			_, _, err := db.PATs().Revoke(t.Context(), revocation(&record), change())
			require.ErrorIs(t, err, fault.ErrUnavailable)
			require.ErrorContains(t, err, "not on the primary's disk yet")
			require.Less(t, time.Since(began), 4*time.Second)
			require.NoError(t, second(db.Uses().Use(t.Context(), presentation(&record))), "others are served meanwhile")

			server.MustDo("CONFIG", "SET", "appendfsync", "everysec")
			_, _, err = db.PATs().Revoke(t.Context(), revocation(&record), change())
			require.NoError(t, err)
		})
	}
}
