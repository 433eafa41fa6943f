package redis_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/storage/redis"
	"github.com/cambio-sts/cambio/storage/storagetest"
)

func TestMarks(t *testing.T) {
	server := testenv.Redis(t, documentedUser(t))
	config := redis.Config{Addrs: []string{server.Addr()}, Durability: redis.Verified, Now: time.Now, Username: "cambio", Password: as("the-password")}
	db := openAs(t, config)
	storagetest.RunMarks(t, db, openAs(t, config))
	server.MustDo("HSET", "cambio:{cfg}:jobs", "strange", "x")
	require.ErrorIs(t, second(db.Mark(t.Context(), "strange")), fault.ErrUnavailable)
}
