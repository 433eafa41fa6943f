package faults

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestRedisEndsUnderLoad takes Redis away from a server that 32 connections
// exchange at, and brings it back.
func TestRedisEndsUnderLoad(t *testing.T) {
	for name, outage := range map[string]struct{ take, bring func(*testenv.RedisServer) }{
		"stopped": {(*testenv.RedisServer).Stop, (*testenv.RedisServer).Start},
		"killed":  {(*testenv.RedisServer).Kill, (*testenv.RedisServer).Start},
		"stalled": {stall, (*testenv.RedisServer).Resume},
	} {
		t.Run(name, func(t *testing.T) {
			redis := testenv.Redis(t, testenv.RedisOptions{})
			server := testenv.Dev(t, "--redis", redis.URL())
			d := devDoor(server)
			testenv.Wait(t, soon, func() bool { // a machine that does something else is slow to begin
				return d.exchange(t, server.Info.Users.Alice.PAT.Token).status == http.StatusOK
			})
			exchanges := exchanging(t, d, 32, server.Info.Users.Alice.PAT.Token)
			static := startLoad(1, func(int) (answer, error) {
				got, err := d.try(t, http.MethodGet, pathJWKS, "")
				if err != nil || got.status != http.StatusOK {
					return got, err
				}
				return d.try(t, http.MethodGet, pathMetadata, "")
			})
			during(500 * time.Millisecond)
			stopping := time.Now()
			outage.take(redis)
			stopped := time.Now()
			during(1500 * time.Millisecond)
			require.Equal(t, http.StatusServiceUnavailable, d.ready(t).status)
			returning := time.Now()
			outage.bring(redis)
			returned := time.Now()
			during(2300 * time.Millisecond)
			require.Equal(t, http.StatusOK, d.ready(t).status)
			samples, public := exchanges.stop(), static.stop()
			end := time.Now()

			for _, s := range public {
				require.NoError(t, s.err)
				require.Equal(t, http.StatusOK, s.status, s.body)
			}
			for _, s := range samples {
				require.NoError(t, s.err)
				require.True(t, s.status == http.StatusOK || s.unavailable(), "%d %s", s.status, s.body)
			}
			before := ended(samples, stopping)
			require.NotEmpty(t, before)
			require.Equal(t, map[int]int{http.StatusOK: len(before)}, statuses(before), "all well before the outage")
			outside := within(samples, stopped, returning.Add(-time.Second)) // ended before Redis returned
			require.NotEmpty(t, outside)
			slow := 0
			for _, s := range outside {
				require.True(t, s.unavailable(), "%d %s, begun %v after the end", s.status, s.body, s.start.Sub(stopped))
				if s.end.Sub(s.start) >= time.Second {
					slow++
				}
			}
			require.LessOrEqual(t, slow, len(outside)/20, "of %d: a few on a machine that does something else, too", len(outside))
			require.Less(t, outside[0].end.Sub(stopped), time.Second)
			back := within(samples, returned.Add(2*time.Second), end)
			require.NotEmpty(t, back)
			require.Equal(t, map[int]int{http.StatusOK: len(back)}, statuses(back))
		})
	}
}

// stall pauses a server and waits until it stands.
func stall(redis *testenv.RedisServer) {
	redis.Pause()
	for {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", redis.PID()))
		if err != nil || strings.Contains(string(stat), ") T ") {
			return
		}
	}
}

// TestRedisKilledInARevocation kills Redis while revocations are on their way
// (A080, A081): an answer is 200 or "unknown", which may be repeated, and then
// the token has ended, once.
func TestRedisKilledInARevocation(t *testing.T) {
	redis := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--appendfsync", "always"}})
	server := testenv.Dev(t, "--redis", redis.URL())
	d, bob := devDoor(server), server.Info.Users.Bob.PAT.Token
	var ended []string
	for round := range times(4, 40) {
		token := d.create(t, bob, fmt.Sprintf("round %d", round))
		revoke := func(int) (answer, error) {
			return d.try(t, http.MethodPost, pathRevoke, encode("token", token.Token), header("Content-Type", formType))
		}
		done := make(chan []sample)
		go func() { done <- together(8, revoke) }()
		during(time.Duration(round%8) * time.Millisecond)
		redis.Kill()
		samples := <-done
		redis.Start()
		acknowledged := false
		for _, s := range samples {
			require.NoError(t, s.err)
			require.True(t, s.status == http.StatusOK || s.unavailable(), "%d %s", s.status, s.body)
			acknowledged = acknowledged || s.status == http.StatusOK
		}
		if acknowledged {
			d.requireDenied(t, token.Token, "revoked")
		}
		testenv.Wait(t, soon, func() bool {
			got, err := revoke(0)
			return err == nil && got.status == http.StatusOK
		})
		d.requireDenied(t, token.Token, "revoked")
		require.Equal(t, http.StatusNoContent, d.json(t, http.MethodDelete, pathTokens+"/"+token.ID, bob, "").status)
		ended = append(ended, token.ID)
	}
	for _, id := range ended {
		requireCount(t, filepath.Join(server.Info.DataDir, "audit"), "REVOKED", id, 1)
	}
}

// TestRedisKilledInAFirstUse: the time of a first use is written once, whatever
// happened to the reply (A080).
func TestRedisKilledInAFirstUse(t *testing.T) {
	redis := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--appendfsync", "always"}})
	server := testenv.Dev(t, "--redis", redis.URL())
	d := devDoor(server)
	exchanges := exchanging(t, d, 8, server.Info.Users.Alice.PAT.Token)
	during(20 * time.Millisecond)
	redis.Kill()
	redis.Start()
	seen := watch(t, redis)
	during(time.Second)
	samples := exchanges.stop()
	require.Equal(t, http.StatusOK, samples[len(samples)-1].status)
	require.LessOrEqual(t, seen.count(server.Info.Users.Alice.PAT.ID, `"HSET"`, `"last_used"`), 1)
}

// TestRedisIsFull (A086): at maxmemory only what creates is refused.
func TestRedisIsFull(t *testing.T) {
	redis := testenv.Redis(t, testenv.RedisOptions{})
	server := testenv.Dev(t, "--redis", redis.URL())
	d, bob := devDoor(server), server.Info.Users.Bob.PAT.Token
	doomed := d.create(t, bob, "doomed")
	redis.MustDo("CONFIG", "SET", "maxmemory", "1")
	got := d.json(t, http.MethodPost, pathTokens, bob, draft("one more"))
	require.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
	require.NotEmpty(t, got.header.Get("Retry-After"))
	d.mint(t, bob)
	require.Equal(t, http.StatusOK, d.json(t, http.MethodPost, pathTokens+"/"+doomed.ID+"/revoke", bob, "").status)
	d.requireDenied(t, doomed.Token, "revoked")
	redis.MustDo("CONFIG", "SET", "maxmemory", "0")
	d.create(t, bob, "one more")
}

// TestRedisIsEmptied (A088): a store that lost everything denies everybody, and
// nothing is made anew.
func TestRedisIsEmptied(t *testing.T) {
	t.Parallel()
	redis := testenv.Redis(t, testenv.RedisOptions{})
	server := serve(t, t.TempDir(), redis.URL(), "")
	jwt := server.mint(t, server.token, "audience", server.url+"/api/v1")
	redis.MustDo("FLUSHALL")
	flushed := time.Now()
	for time.Since(flushed) < keyPoll+3*time.Second {
		for _, got := range []answer{
			server.exchange(t, server.token),
			server.get(t, pathTokens, bearer(jwt)),
			server.get(t, pathTokens, bearer(server.token)),
			server.form(t, pathIntrospect, "token", jwt),
		} {
			require.GreaterOrEqual(t, got.status, http.StatusBadRequest, got.body)
		}
		if time.Since(flushed) > keyPoll+time.Second {
			require.Equal(t, http.StatusServiceUnavailable, server.ready(t).status)
		}
		for key := range strings.FieldsSeq(redis.MustDo("KEYS", "*")) {
			require.Contains(t, []string{"cambio:{cfg}:audit:lease", "cambio:{cfg}:lease:jobs", "cambio:{cfg}:jobs", "cambio:{cfg}:served", "cambio:{cfg}:repeated", "cambio:{cfg}:notes"}, key, "something was made anew")
		}
		during(100 * time.Millisecond)
	}
	server.Signal(syscall.SIGTERM)
	require.Zero(t, server.ExitCode())
	code, _, complaint := cambio(t, "serve", "--config", server.ConfigFile)
	require.Equal(t, 1, code)
	require.Contains(t, complaint, "store_not_prepared")
}

// keyPoll is how soon a server looks at the canary of its store again.
const keyPoll = 5 * time.Second
