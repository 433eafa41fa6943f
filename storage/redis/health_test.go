package redis_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/storage/redis"
)

// One server serves by one session, and what ended access is remembered.
func TestHealth(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	db := open(t, server)
	require.Equal(t, redis.Health{Serving: true, Sessions: 1, Writable: true, Accepted: true}, db.Health())
	record := token(t, db)
	_, _, err := db.PATs().Revoke(t.Context(), revocation(&record), change())
	require.NoError(t, err)
	require.Equal(t, 1, db.Health().Remembered)
}

// A change that no replica confirms is counted.
func TestHealthUnconfirmed(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisOptions{})
	record := token(t, open(t, server))
	db := openAs(t, redis.Config{Addrs: []string{server.Addr()}, Durability: redis.Declared, Replicas: 1, Now: time.Now})
	require.Zero(t, db.Health().Unconfirmed)
	revoked := change()
	for db.Health().Unconfirmed == 0 { // a starved process may not hear of it in time
		_, _, err := db.PATs().Revoke(t.Context(), revocation(&record), revoked)
		require.ErrorIs(t, err, fault.ErrUnavailable)
	}
	health := db.Health()
	require.Positive(t, health.Remembered)
	require.Equal(t, redis.Health{Serving: true, Sessions: 1, Writable: true, Unconfirmed: 1, Replicas: 1, Remembered: health.Remembered, Accepted: true}, health)
}
