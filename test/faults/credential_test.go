package faults

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// tokenOf puts a token together, its checksum right.
func tokenOf(id, secret string) string {
	head := "cambio_pat_" + id + "_" + secret
	sum := crc32.ChecksumIEEE([]byte(head))
	tail := make([]byte, 6)
	for i := range tail {
		tail[len(tail)-1-i] = base62[sum%62]
		sum /= 62
	}
	return head + string(tail)
}

// guess is a token that nobody made.
func guess(i int) string {
	return tokenOf(fmt.Sprintf("%032x", i+1), strings.Repeat("0", 43))
}

// TestMalformedTokens (A001, A002, A004, A005, A025): what is no token costs no
// store call, and an unknown one what a wrong secret costs.
func TestMalformedTokens(t *testing.T) {
	redis := testenv.Redis(t, testenv.RedisOptions{})
	server := testenv.Dev(t, "--redis", redis.URL())
	d, alice := devDoor(server), server.Info.Users.Alice.PAT
	d.mint(t, alice.Token) // Redis knows the script from now on
	require.Equal(t, alice.Token, tokenOf(alice.ID, alice.Secret[:43]), "the test makes checksums as the product does")
	whole := alice.Token
	last := whole[:len(whole)-1] + string(base62[(strings.IndexByte(base62, whole[len(whole)-1])+1)%62])
	malformed := map[string]string{
		"last character": last, "cut by 1": whole[:len(whole)-1], "cut by 6": whole[:len(whole)-6], "cut by 49": whole[:len(whole)-49],
		"upper case": strings.ToUpper(whole), "lower case": strings.ToLower(whole), "padded": whole + " ", "doubled": whole + whole,
	}
	for _, id := range []string{"..", "{}", "*", "\r\nFLUSHALL\r\n", "{cfg}:keys", strings.Repeat("*", 32), "{" + strings.Repeat("a", 30) + "}", strings.ToUpper(alice.ID)} {
		malformed[fmt.Sprintf("id %q", id)] = tokenOf(id, alice.Secret[:43])
	}
	rested(t, redis)
	seen := watch(t, redis)
	for name, token := range malformed {
		require.Equal(t, unproved, d.exchange(t, token).body, name)
		got := d.get(t, pathTokens, header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(token+":"+token))))
		require.Equal(t, http.StatusUnauthorized, got.status, name)
	}
	seen.settle(t, redis)
	require.Zero(t, seen.count(":pat:"), "%v", seen.find(":pat:"))

	other := tokenOf(alice.ID, strings.Repeat("0", 43))
	require.Equal(t, unproved, d.exchange(t, guess(1)).body)
	require.Equal(t, unproved, d.exchange(t, other).body)
	seen.settle(t, redis)
	unknown, wrong := seen.calls(guess(1)[len("cambio_pat_"):][:32]), seen.calls(alice.ID)
	require.Equal(t, []string{"EVALSHA", "HMGET"}, unknown, "one read")
	require.Equal(t, unknown, wrong)

	for _, id := range []string{"..%2f", "%7B%7D", "*", "%0d%0aFLUSHALL", "%00", strings.ToUpper(bobOf(server).ID)} {
		got := d.get(t, pathTokens+"/"+id, bearer(bobOf(server).Token))
		require.Equal(t, http.StatusNotFound, got.status, id)
	}
	require.Equal(t, "PONG", redis.MustDo("PING"))
	d.mint(t, whole)
}

func bobOf(server *testenv.DevServer) testenv.DevPAT { return server.Info.Users.Bob.PAT }

// calls lists the names of the commands that name a token, those of scripts too.
func (w *watched) calls(id string) []string {
	var names []string
	for _, line := range w.find(":pat:" + id) {
		_, rest, _ := strings.Cut(line, `] "`)
		name, _, _ := strings.Cut(rest, `"`)
		names = append(names, strings.ToUpper(name))
	}
	return names
}

// TestGuessing (A028): failures are slowed down, a right secret is not, and a
// guess costs one read and no write.
func TestGuessing(t *testing.T) {
	redis := testenv.Redis(t, testenv.RedisOptions{})
	server := testenv.Dev(t, "--redis", redis.URL())
	d, alice := devDoor(server), server.Info.Users.Alice.PAT
	d.mint(t, alice.Token) // its first use is written down
	rested(t, redis)
	seen := watch(t, redis)
	limited := 0
	const guesses = 450
	began := time.Now()
	for i := range guesses {
		got := d.exchange(t, guess(i))
		switch got.status {
		case http.StatusTooManyRequests:
			require.Equal(t, "temporarily_unavailable", got.member("error"))
			require.Equal(t, "too many failed attempts", got.member("error_description"))
			require.NotEmpty(t, got.header.Get("Retry-After"))
			limited++
		default:
			require.Equal(t, unproved, got.body)
		}
		if i%50 == 0 {
			d.mint(t, alice.Token)
		}
	}
	allowed := 300 + int(time.Since(began)/(100*time.Millisecond)) + 1
	require.GreaterOrEqual(t, limited, guesses-allowed)
	require.Positive(t, limited)
	seen.settle(t, redis)
	require.Equal(t, guesses, seen.count(`"EVALSHA"`, ":pat:"+strings.Repeat("0", 20)), "one call a guess")
	for _, line := range seen.find("lua]", ":pat:"+strings.Repeat("0", 20)) {
		require.Contains(t, line, `"HMGET"`)
	}
	for range 20 {
		d.mint(t, alice.Token)
		got := d.send(t, http.MethodPost, pathToken, "grant_type=client_credentials", basic(alice.ID, alice.Secret), header("Content-Type", formType))
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Equal(t, http.StatusOK, d.get(t, pathTokens+"?owner-id=me", bearer(bobOf(server).Token)).status)
	}
	atAPI := 0
	for i := range 50 { // some are due again
		if got := d.get(t, pathTokens, bearer(guess(i))); got.status == http.StatusTooManyRequests {
			require.NotEmpty(t, got.header.Get("Retry-After"))
			atAPI++
		}
	}
	require.Positive(t, atAPI)

	// Who comes from elsewhere pays for nobody's failures.
	dialer := &net.Dialer{Timeout: soon, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	elsewhere := door{d.url, &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}}
	if _, err := elsewhere.try(t, http.MethodGet, pathJWKS, ""); err == nil { // not every system has 127.0.0.2
		require.Equal(t, unproved, elsewhere.exchange(t, guess(1)).body)
	}
	elsewhere.client.CloseIdleConnections()
}

// TestOneName (A020): of many creations of one name at once one succeeds.
func TestOneName(t *testing.T) {
	for name, args := range map[string][]string{"bolt": nil, "redis": {"--redis", testenv.Redis(t, testenv.RedisOptions{}).URL()}} {
		t.Run(name, func(t *testing.T) {
			server := testenv.Dev(t, args...)
			d, bob := devDoor(server), bobOf(server).Token
			mounts := []string{"/api/v1", "/v3", "/beta", "/v2024"} // each with a rate limit of its own
			samples := together(100, func(i int) (answer, error) {
				return d.try(t, http.MethodPost, mounts[i%4]+"/personal-access-tokens", draft("wanted"), bearer(bob), header("Content-Type", "application/json"))
			})
			counted := statuses(samples)
			busy := counted[http.StatusServiceUnavailable] // more than a small machine answers in time
			require.Equal(t, 100, counted[http.StatusOK]+counted[http.StatusBadRequest]+busy)
			require.Less(t, busy, 50)
			// One that was not answered in time may be the one that has the name.
			require.LessOrEqual(t, counted[http.StatusOK], 1)
			require.Equal(t, 1, strings.Count(d.get(t, "/v2025/personal-access-tokens?owner-id=me", bearer(bob)).body, `"wanted"`))
			for _, s := range samples {
				if s.status == http.StatusBadRequest {
					require.Contains(t, s.body, "name")
				}
			}
		})
	}
}

// TestNeverWider (A026): what is made by means of a token has no more than that.
func TestNeverWider(t *testing.T) {
	server := testenv.Dev(t)
	d, bob := devDoor(server), bobOf(server).Token
	member, end := expiring(time.Hour)
	parent := d.create(t, bob, "parent", member, `"scope":["idn:my-personal-access-tokens:manage"]`)
	jwt := d.mint(t, parent.Token, "audience", server.Info.APIAudience)
	within, _ := expiring(time.Until(end) - time.Minute)
	beyond, _ := expiring(time.Until(end) + time.Minute)
	for name, c := range map[string]struct {
		status  int
		members []string
	}{
		"as narrow":          {http.StatusOK, []string{within, `"scope":["idn:my-personal-access-tokens:read"]`}},
		"all scopes":         {http.StatusForbidden, []string{within, `"scope":["sp:scopes:all"]`}},
		"another scope":      {http.StatusForbidden, []string{within, `"scope":["orders:read"]`}},
		"no scope named":     {http.StatusForbidden, []string{within}},
		"longer":             {http.StatusForbidden, []string{beyond, `"scope":["idn:my-personal-access-tokens:read"]`}},
		"for ever":           {http.StatusForbidden, []string{`"userAwareTokenNeverExpires":true`, `"scope":["idn:my-personal-access-tokens:read"]`}},
		"no expiry is named": {http.StatusForbidden, []string{`"scope":["idn:my-personal-access-tokens:read"]`}},
	} {
		for by, token := range map[string]string{"PAT": parent.Token, "JWT": jwt} {
			got := d.json(t, http.MethodPost, pathTokens, token, draft(name+" by "+by, c.members...))
			require.Equal(t, c.status, got.status, "%s by %s: %s", name, by, got.body)
		}
	}
	narrow := d.create(t, parent.Token, "child", within, `"scope":["idn:my-personal-access-tokens:manage"]`)
	patch := func(body string) answer {
		return d.send(t, http.MethodPatch, pathTokens+"/"+narrow.ID, body, bearer(parent.Token), header("Content-Type", "application/json-patch+json"))
	}
	for _, body := range []string{
		`[{"op":"replace","path":"/scope","value":["sp:scopes:all"]}]`,
		`[{"op":"replace","path":"/expirationDate","value":"2999-01-01T00:00:00.000Z"}]`,
	} {
		require.Equal(t, http.StatusForbidden, patch(body).status, body)
	}
}

// TestForeignTokens (A116): somebody else's token is unknown, on every route.
func TestForeignTokens(t *testing.T) {
	server := testenv.Dev(t)
	d, alice, bob := devDoor(server), server.Info.Users.Alice.PAT.Token, bobOf(server)
	unknown := strings.Repeat("0", 32)
	for _, mount := range []string{"/api/v1/personal-access-tokens", "/v3/personal-access-tokens", "/v2025/personal-access-tokens", "/personal-access-tokens/v1"} {
		for _, route := range []struct{ method, tail, body string }{
			{http.MethodGet, "", ""},
			{http.MethodPatch, "", `[{"op":"replace","path":"/name","value":"mine"}]`},
			{http.MethodPost, "/revoke", ""},
			{http.MethodPost, "/rotate", ""},
			{http.MethodDelete, "", ""},
		} {
			request := func(id string) answer {
				media := "application/json"
				if route.method == http.MethodPatch {
					media = "application/json-patch+json"
				}
				return d.send(t, route.method, mount+"/"+id+route.tail, route.body, bearer(alice), header("Content-Type", media),
					header("Traceparent", "00-"+strings.Repeat("ab", 16)+"-00f067aa0ba902b7-01"))
			}
			foreign := request(bob.ID)
			require.Equal(t, http.StatusNotFound, foreign.status, "%s %s%s: %s", route.method, mount, route.tail, foreign.body)
			require.Equal(t, request(unknown).body, foreign.body, "and is answered as one that does not exist")
		}
	}
	listed := d.get(t, pathTokens+"?owner-id="+server.Info.Users.Bob.ID, bearer(alice))
	require.Equal(t, http.StatusForbidden, listed.status)
	require.NotContains(t, d.get(t, pathTokens+"?owner-id=me", bearer(alice)).body, bob.ID)
	d.mint(t, bob.Token)
}
