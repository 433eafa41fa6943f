package faults

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestRevokerStands (A082): the process that sent a revocation, which only the primary
// had, stands still while a replica is promoted. Nobody else accepts the token meanwhile,
// and it is denied by all once that process goes on.
func TestRevokerStands(t *testing.T) {
	t.Parallel()
	s := testenv.Sentinel(t, testenv.RedisOptions{Proxied: true})
	f := startFleet(t, 2, s.URL())
	revoker, other := f.replicas[0], f.replicas[1]
	token := revoker.create(t, f.token, "stands")
	require.Equal(t, http.StatusOK, other.exchange(t, token.Token).status)

	primary := s.Primary()
	primary.Proxy.Set(testenv.Replicas, testenv.Stall)
	testenv.Wait(t, soon, func() bool {
		got, err := revoker.try(t, http.MethodPost, pathRevoke, encode("token", token.Token), header("Content-Type", formType))
		require.NoError(t, err)
		require.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
		denied, err := other.tryExchange(t, token.Token)
		return err == nil && denied.status == http.StatusBadRequest // it was carried out
	})
	revoker.Pause()
	primary.Kill()
	s.Promoted(primary)
	const longerThanOthersNeed = 2500 * time.Millisecond
	for promoted := time.Now(); time.Since(promoted) < longerThanOthersNeed; {
		got, err := other.tryExchange(t, token.Token)
		require.NoError(t, err)
		require.True(t, got.unavailable(), "%d %s", got.status, got.body)
	}
	revoker.Resume()
	testenv.Wait(t, 3*soon, func() bool {
		for _, replica := range f.replicas {
			got, err := replica.tryExchange(t, token.Token)
			require.NoError(t, err)
			require.NotEqual(t, http.StatusOK, got.status, "accepted after its revocation was sent")
			if got.unavailable() {
				return false
			}
		}
		return true
	})
	for _, replica := range f.replicas {
		replica.requireDenied(t, token.Token, "revoked")
	}
}

// TestCommandOnASlowServer: a command waits for a Redis that stands for longer than a
// request would, as a disk that syncs slowly makes it.
func TestCommandOnASlowServer(t *testing.T) {
	t.Parallel()
	redis := testenv.Redis(t, testenv.RedisOptions{})
	server := serve(t, t.TempDir(), redis.URL(), "")
	redis.Pause()
	var code int
	var stderr string
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		code, _, stderr = cambio(t, "bootstrap", "--config", server.ConfigFile, "--who", "everyone")
	}()
	testenv.Wait(t, soon, func() bool { // a request has given up meanwhile, more than once
		for range 3 {
			if got, err := server.tryExchange(t, server.token); err != nil || !got.unavailable() {
				return false
			}
		}
		return true
	})
	redis.Resume()
	<-ended
	require.Zero(t, code, stderr)
}
