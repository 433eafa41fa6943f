package conformance

import (
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// secretCases are what secrets are made of, how they are kept, and how guessing is
// slowed down (ASVS 6 and 11, SP 800-63B).
func secretCases() []Case {
	return []Case{
		{ID: "C156", Name: "secrets", PATs: []draft{{name: "spun"}}, Run: secretsAreRandom},
		{ID: "C156", Name: "ids", Run: func(t *testing.T, w *world) {
			t.Helper()
			var set [128]int
			const count = 200
			for range count {
				_, claims := decodeJWT(t, w.mint(t))
				id, _ := claims["jti"].(string)
				countBits(t, id, &set)
			}
			requireUnbiased(t, set[:], count)
		}},
		{ID: "C157", Name: "entropy", Run: func(t *testing.T, w *world) {
			t.Helper()
			require.GreaterOrEqual(t, math.Log2(62)*secretLen, 256.0)
			require.Len(t, w.vars["alice.secret"], secretLen+6)
			require.Equal(t, craft(w.vars["alice.id"], w.vars["alice.secret"][:secretLen]), w.vars["alice.token"])
		}},
		{ID: "C157", Name: "what is kept", PATs: []draft{{name: "kept"}}, Run: func(t *testing.T, w *world) {
			t.Helper()
			require.NotEmpty(t, w.dataFiles)
			whole := ""
			for _, file := range w.dataFiles {
				text, err := os.ReadFile(file)
				require.NoError(t, err)
				whole += string(text)
			}
			require.Contains(t, whole, w.vars["kept.id"])
			require.NotContains(t, whole, w.vars["kept.secret"][:secretLen])
		}},
		{ID: "C158", Name: "wrong secrets of one token", PATs: []draft{{name: "guessed"}}, Run: guessingIsSlowed},
		{ID: "C159", Name: "the same answer", Run: func(t *testing.T, w *world) {
			t.Helper()
			for _, door := range doors() {
				known, unknown := w.send(t, door.request(craft(w.vars["bob.id"], aSecret))), w.send(t, door.request(craft(strings.Repeat("0", 32), aSecret)))
				require.Equal(t, known.Status, unknown.Status)
				require.Equal(t, known.Body, unknown.Body)
				for _, header := range []answer{known, unknown} {
					header.Header.Del("Date")
				}
				require.Equal(t, known.Header, unknown.Header)
			}
		}},
		{ID: "C159", Name: "the same time", Run: unknownTakesAsLong},
		{
			ID: "C163", Name: "many uses at once after expiry", PATs: []draft{{name: "old", expires: shortly}},
			Run: func(t *testing.T, w *world) {
				t.Helper()
				w.waitPast(t, "old.expires")
				w.atOnce(t, 40, http.StatusBadRequest, func(i int) Request {
					request := exchange(set("subject_token", "${old.token}"))
					request.Replica = i%2 == 0
					return request
				})
				w.happenedOnce(t, event{"event": "PERSONAL_ACCESS_TOKEN_EXPIRED", "pat_id": w.vars["old.id"]})
			},
		},
		{ID: "C154", Name: "the owner revokes", PATs: []draft{{name: "mine"}}, Steps: Steps{
			{Request: exchange(set("subject_token", "${mine.token}"), set("audience", "${api}")), Want: minted(nil), Save: map[string]string{"jwt": "access_token"}},
			{Request: call("GET", pathMine, bearer("${jwt}")), Want: Want{Status: http.StatusOK}},
			{Request: call("POST", pathTokens+"/${mine.id}/revoke", jsonBody(`{"reason":"other"}`)), Want: ok(map[string]any{"status": "Revoked", "revokeReason": "other"})},
			{Request: exchange(set("subject_token", "${mine.token}")), Want: denied("revoked")},
			{Request: call("GET", pathMine, bearer("${jwt}")), Want: Want{Status: http.StatusUnauthorized}},
		}},
		{ID: "C154", Name: "minimal scopes", PATs: []draft{{name: "least", members: `"scope":[]`}}, Steps: Steps{
			{Request: call("GET", pathTokens+"/${least.id}"), Want: ok(map[string]any{"scope": []string{"sp:scopes:default"}})},
			{Request: exchange(set("subject_token", "${least.token}")), Want: minted(map[string]any{"scope": "sp:scopes:default"})},
			{Request: call("GET", pathMine, bearer("${least.token}")), Want: Want{Status: http.StatusForbidden}},
		}},
	}
}

// door is a place where a token may be shown, or guessed.
type door struct {
	name    string
	request func(token string) Request
}

func doors() []door {
	return []door{
		{"exchange", func(token string) Request { return exchange(set("subject_token", token)) }},
		{"client credentials", func(token string) Request {
			return credentials(anonymous, set("client_id", token[len("cambio_pat_"):][:32]), set("client_secret", token))
		}},
		{"Bearer", func(token string) Request { return call("GET", pathMine, bearer(token)) }},
		{"private-token", func(token string) Request { return call("GET", pathMine, anonymous, head("Private-Token", token)) }},
		{"introspection", func(token string) Request { return introspect(set("token", token)) }},
		{"revocation", func(token string) Request { return revoke(token) }}, // the last: it ends the token
	}
}

// countBits adds the bits of 32 hex digits.
func countBits(t *testing.T, id string, set *[128]int) {
	t.Helper()
	require.Len(t, id, 32)
	for i := range len(id) {
		digit := strings.IndexByte("0123456789abcdef", id[i])
		require.GreaterOrEqual(t, digit, 0, id)
		for bit := range 4 {
			set[i*4+bit] += digit >> bit & 1
		}
	}
}

// secretsAreRandom gives a token one secret after another and counts characters:
// the chi-square statistic of 61 degrees of freedom exceeds 150 once in 10⁸ runs.
func secretsAreRandom(t *testing.T, w *world) {
	t.Helper()
	const count = 60
	var counts [62]int
	seen := map[string]bool{}
	for range count {
		secret := w.manage(t, "alice", "POST", "/${spun.id}/rotate", jsonBody(`{"gracePeriodSeconds":0}`)).text(t, "secret")
		require.False(t, seen[secret])
		seen[secret] = true
		for i := range secretLen {
			digit := strings.IndexByte(base62, secret[i])
			require.GreaterOrEqual(t, digit, 0)
			counts[digit]++
		}
	}
	expected := float64(count*secretLen) / 62
	statistic := 0.0
	for _, observed := range counts {
		statistic += (float64(observed) - expected) * (float64(observed) - expected) / expected
	}
	require.Less(t, statistic, 150.0)
}

// guessingIsSlowed fails more than a hundred times, from another network than the
// other cases.
func guessingIsSlowed(t *testing.T, w *world) {
	t.Helper()
	client := w.from(t, "127.0.0.2")
	wrong := exchange(set("subject_token", craft(w.vars["guessed.id"], aSecret)))
	limited := 0
	for range 110 {
		got := w.sendBy(t, client, wrong)
		if got.Status == http.StatusTooManyRequests {
			limited++
			require.Equal(t, "temporarily_unavailable", got.text(t, "error"))
			require.Equal(t, "too many failed attempts", got.text(t, "error_description"))
			require.Regexp(t, `^[1-9]\d*$`, got.Header.Get("Retry-After"))
			continue
		}
		uniform().check(t, w, wrong, got)
	}
	require.Greater(t, limited, 50)
	right := w.sendBy(t, client, exchange(set("subject_token", "${guessed.token}")))
	require.Equal(t, http.StatusOK, right.Status, "a right secret is never locked out: %s", right.Body)
	require.Equal(t, http.StatusBadRequest, w.send(t, wrong).Status, "another network is not slowed")
}

// unknownTakesAsLong compares the times of a known and an unknown id, in turns. A
// slow hash or a look-up that only one of them has would show; what the
// scheduler does must not.
func unknownTakesAsLong(t *testing.T, w *world) {
	t.Helper()
	known := exchange(set("subject_token", craft(w.vars["bob.id"], aSecret)))
	unknown := exchange(set("subject_token", craft(strings.Repeat("0", 32), aSecret)))
	times := map[bool][]time.Duration{}
	for _, address := range []string{"127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.14", "127.0.0.15", "127.0.0.16"} {
		client := w.from(t, address)
		w.sendBy(t, client, get(pathJWKS)) // opens the connection
		for range 18 {
			for isKnown, request := range map[bool]Request{true: known, false: unknown} {
				start := now()
				require.Equal(t, http.StatusBadRequest, w.sendBy(t, client, request).Status)
				times[isKnown] = append(times[isKnown], now().Sub(start))
			}
		}
	}
	quartile := func(all []time.Duration) time.Duration {
		slices.Sort(all)
		return all[len(all)/4]
	}
	require.InDelta(t, quartile(times[true]).Seconds(), quartile(times[false]).Seconds(), max(0.002, quartile(times[true]).Seconds()/2))
}
