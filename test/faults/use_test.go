package faults

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestFirstUses (A017): however many use a token at once, the time of use is
// written once, and later uses in the window write nothing (A018).
func TestFirstUses(t *testing.T) {
	redis := testenv.Redis(t, testenv.RedisOptions{})
	server := testenv.Dev(t, "--redis", redis.URL())
	d, bob := devDoor(server), bobOf(server)
	rested(t, redis)
	seen := watch(t, redis)
	samples := together(100, func(int) (answer, error) {
		var got answer
		for range times(2, 10) {
			var err error
			if got, err = patiently(func() (answer, error) { return d.tryExchange(t, bob.Token) }); err != nil {
				return got, err
			}
		}
		return got, nil
	})
	require.Equal(t, map[int]int{http.StatusOK: 100}, statuses(samples))
	seen.settle(t, redis)
	require.Equal(t, 1, seen.count(`"HSET"`, ":pat:"+bob.ID, `"last_used"`))
	admin := server.Info.Users.Admin.PAT.Token
	used := d.get(t, pathTokens+"/"+bob.ID, bearer(admin)).member("lastUsed")
	require.NotEmpty(t, used)
	d.mint(t, bob.Token)
	require.Equal(t, used, d.get(t, pathTokens+"/"+bob.ID, bearer(admin)).member("lastUsed"))
	require.Equal(t, http.StatusBadRequest, d.exchange(t, tokenOf(bob.ID, strings.Repeat("1", 43))).status)
	require.Equal(t, used, d.get(t, pathTokens+"/"+bob.ID, bearer(admin)).member("lastUsed"))
}

// expiring is a member that ends a token so long from now.
func expiring(in time.Duration) (member string, at time.Time) {
	at = time.Now().Add(in).UTC().Truncate(time.Millisecond)
	return `"expirationDate":"` + at.Format("2006-01-02T15:04:05.000Z") + `"`, at
}

// TestExpiry (A009, A010, A011): no use that begins at the end of a token or
// later succeeds, on any replica, and the token ends once.
func TestExpiry(t *testing.T) {
	t.Parallel()
	redis := testenv.Redis(t, testenv.RedisOptions{})
	dir := t.TempDir()
	args := []string{"--data-dir", dir, "--redis", redis.URL()}
	server := testenv.Dev(t, args...)
	doors := []door{devDoor(server), devDoor(testenv.Dev(t, args...)), devDoor(testenv.Dev(t, args...))}
	bob, admin := bobOf(server).Token, server.Info.Users.Admin.PAT.Token
	trailOf := filepath.Join(dir, "audit")
	status := func(id string) string {
		return doors[0].get(t, pathTokens+"/"+id, bearer(admin)).member("status")
	}

	member, end := expiring(1500 * time.Millisecond)
	racing := doors[0].create(t, bob, "racing", member)
	load := startLoad(12, func(i int) (answer, error) { return doors[i%3].tryExchange(t, racing.Token) })
	during(time.Until(end) + 300*time.Millisecond)
	samples := load.stop()
	late := within(samples, end, time.Now())
	require.NotEmpty(t, late)
	for _, s := range samples {
		require.NoError(t, s.err)
		if s.status == http.StatusOK {
			require.True(t, s.start.Before(end), "begun %v after the end", s.start.Sub(end))
			require.LessOrEqual(t, expiryOf(t, s.member("access_token")), end.Unix())
		} else {
			require.Contains(t, s.member("error_description"), "expire")
		}
	}
	require.Equal(t, "Auto-revoked", status(racing.ID))
	requireCount(t, trailOf, "EXPIRED", racing.ID, 1)

	member, end = expiring(time.Second)
	together200 := doors[0].create(t, bob, "together", member)
	alone := doors[0].create(t, bob, "alone", member)
	during(time.Until(end) + time.Millisecond)
	doors[0].requireDenied(t, tokenOf(alone.ID, strings.Repeat("0", 43)), "")
	require.Equal(t, "Expired", status(alone.ID), "a wrong secret ends nothing")
	samples = together(600, func(i int) (answer, error) { return doors[i%3].tryExchange(t, together200.Token) })
	require.Greater(t, statuses(samples)[http.StatusBadRequest], 300)
	for _, s := range samples {
		if s.unavailable() { // so many at once are more than a small machine answers in time
			continue
		}
		require.Equal(t, http.StatusBadRequest, s.status, s.body)
		require.Contains(t, s.member("error_description"), "and is now auto-revoked")
		require.NotEmpty(t, s.member("denial_id"))
	}
	requireCount(t, trailOf, "EXPIRED", together200.ID, 1)
	doors[0].requireDenied(t, alone.Token, "the token expired on "+end.Format("2006-01-02T15:04:05.000Z")+" and is now auto-revoked")
	require.Equal(t, "Auto-revoked", status(alone.ID))
	requireCount(t, trailOf, "EXPIRED", alone.ID, 1)
}

// expiryOf is the exp of a JWT.
func expiryOf(t *testing.T, jwt string) int64 {
	t.Helper()
	parts := strings.Split(jwt, ".")
	require.Len(t, parts, 3)
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var claims struct {
		Expiry int64 `json:"exp"`
	}
	require.NoError(t, json.Unmarshal(raw, &claims))
	return claims.Expiry
}

// TestRevocationRaces (A013): no exchange that begins after the answer to a
// revocation succeeds, on whatever replica, nor does a JWT work any more.
func TestRevocationRaces(t *testing.T) {
	redis := testenv.Redis(t, testenv.RedisOptions{})
	shared := []string{"--data-dir", t.TempDir(), "--redis", redis.URL()}
	first, second, alone := testenv.Dev(t, shared...), testenv.Dev(t, shared...), testenv.Dev(t)
	for name, place := range map[string]struct {
		server *testenv.DevServer
		doors  []door
	}{
		"bolt":         {alone, []door{devDoor(alone)}},
		"two replicas": {first, []door{devDoor(first), devDoor(second)}},
	} {
		t.Run(name, func(t *testing.T) {
			d, bob := place.doors[0], bobOf(place.server).Token
			for round := range times(6, 60) {
				token := d.create(t, bob, fmt.Sprintf("%d", round))
				jwt := d.mint(t, token.Token, "audience", place.server.Info.APIAudience)
				var served atomic.Int64
				load := startLoad(16, func(i int) (answer, error) {
					defer served.Add(1)
					return place.doors[i%len(place.doors)].tryExchange(t, token.Token)
				})
				testenv.Wait(t, soon, func() bool { return served.Load() > int64(times(60, 1000)) })
				var got answer
				if round%2 == 0 {
					got = d.form(t, pathRevoke, "token", token.Token)
				} else {
					got = d.json(t, http.MethodPost, pathTokens+"/"+token.ID+"/revoke", bob, "")
				}
				acknowledged := time.Now()
				require.Equal(t, http.StatusOK, got.status, got.body)
				for _, at := range place.doors {
					require.Equal(t, http.StatusUnauthorized, at.get(t, pathTokens, bearer(jwt)).status)
				}
				during(30 * time.Millisecond)
				samples := load.stop()
				late := within(samples, acknowledged, time.Now())
				require.NotEmpty(t, late)
				require.Equal(t, map[int]int{http.StatusBadRequest: len(late)}, statuses(late))
				require.Positive(t, statuses(samples)[http.StatusOK])
				require.Equal(t, http.StatusNoContent, d.json(t, http.MethodDelete, pathTokens+"/"+token.ID, bob, "").status)
			}
		})
	}
}

// TestCancelledRevocations (A058): a client that goes away leaves a revocation
// done, with its event, or not done.
func TestCancelledRevocations(t *testing.T) {
	t.Parallel()
	server := serve(t, t.TempDir(), "", "")
	var done []string
	for round := range times(40, 400) {
		token := server.create(t, server.token, fmt.Sprintf("%d", round))
		conn := dial(t, server.url)
		body := encode("token", token.Token)
		_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", pathRevoke, formType, len(body), body)
		require.NoError(t, err)
		during(time.Duration(round%20) * 100 * time.Microsecond)
		require.NoError(t, conn.Close())
		var state string
		testenv.Wait(t, soon, func() bool { // it may still be under way
			before := state
			state = server.get(t, pathTokens+"/"+token.ID, bearer(server.token)).member("status")
			return state == "Revoked" || state == before
		})
		if state == "Revoked" {
			done = append(done, token.ID)
			server.requireDenied(t, token.Token, "revoked")
		}
	}
	require.NotEmpty(t, done)
	for _, id := range done {
		requireCount(t, server.auditDir(), "REVOKED", id, 1)
	}
	for _, e := range trail(t, server.auditDir()) {
		if e["event"] == "PERSONAL_ACCESS_TOKEN_REVOKED" {
			id, _ := e["pat_id"].(string)
			require.Equal(t, "Revoked", server.get(t, pathTokens+"/"+id, bearer(server.token)).member("status"))
		}
	}
}
