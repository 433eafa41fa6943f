package conformance

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// jwtCases are the minted JWT (RFC 9068 §2).
func jwtCases() []Case {
	header := func(alg string) map[string]any {
		return map[string]any{
			"header.typ": "at+jwt", "header.alg": alg, "header.kid": like(`^[A-Za-z0-9_-]{43}$`),
			"header.jwk": matcher(absent), "header.jku": matcher(absent), "header.x5u": matcher(absent), "header.x5c": matcher(absent),
		}
	}
	by := func(audience string) Request { return exchange(set("audience", audience), set("scope", "a:b:c")) }
	number := between(1, math.MaxInt32)
	payload := map[string]any{
		"iss": "${issuer}", "exp": number, "aud": "${audience}", "sub": "${alice.user}", "client_id": "${alice.id}", "azp": "${alice.id}",
		"iat": number, "jti": hex32(), "pat_id": "${alice.id}", "pat_gen": 1, "pat_level": "personal", "org": hex32(),
	}
	return []Case{
		accepted("C069", "ES256", exchange(), minted(header("ES256"))),
		{ID: "C069", Name: "the others", On: onServed, Steps: Steps{
			{Request: exchange(set("audience", ordersAudience)), Want: minted(header("ES256"))},
			{Request: by(rsAudience), Want: minted(header("RS256"))},
			{Request: by(edAudience), Want: minted(header("EdDSA"))},
			{Request: by(esAudience), Want: minted(header("ES384"))},
		}},
		{ID: "C071", Name: "of the configuration", On: onServed, Steps: Steps{{Request: by(rsAudience), Want: minted(map[string]any{"header.alg": "RS256"})}}},
		{ID: "C071", Name: "at the management API", On: onServed, Steps: Steps{
			{Request: exchange(set("audience", "${api}")), Want: minted(map[string]any{"header.alg": "RS256"}), Save: map[string]string{"jwt": "access_token"}},
			{Request: call("GET", pathMine, bearer("${jwt}")), Want: Want{Status: http.StatusOK}},
		}},
		accepted("C072", "an exchange", exchange(), minted(payload)),
		accepted("C072", "client_credentials", credentials(), minted(payload)),
		{ID: "C073", Name: "a million", On: onItsOwn, Run: jtiAreUnique},
		accepted("C074", "an exchange", exchange(), minted(map[string]any{"auth_time": matcher(absent), "acr": matcher(absent), "amr": matcher(absent)})),
		accepted("C075", "the management API", exchange(set("audience", "${api}")), minted(map[string]any{
			"scope": like(`^((idn|cambio|sp):\S+)( (idn|cambio|sp):\S+)*( openid| profile)*$`),
		})),
		{ID: "C075", Name: "a service", On: onServed, Steps: Steps{
			{Request: exchange(set("audience", ordersAudience)), Want: minted(map[string]any{"scope": "orders:read orders:write"})},
		}},
		{ID: "C076", Name: "as the service asks", On: onServed, Steps: Steps{
			{Request: exchange(set("audience", ordersAudience)), Want: Want{Status: http.StatusOK, Claims: map[string]any{
				"groups": []string{"order-clerks", "order-staff"},
				"roles":  []string{"AccessAsNonInteractiveUser", "ManageSystemSecurityGroups", "ManageSystemSecurityRoles", "platform_admin"},
			}}},
			{Request: by(rsAudience), Want: minted(map[string]any{"groups": matcher(absent), "roles": matcher(absent), "entitlements": matcher(absent)})},
		}},
		{ID: "C079", Name: "another service's", On: onServed, Steps: Steps{
			{Request: exchange(set("audience", ordersAudience), set("scope", "invoices:read orders:read")), Want: minted(map[string]any{"scope": "orders:read"})},
			{Request: exchange(set("audience", ordersAudience), set("scope", "invoices:read")), Want: fails(http.StatusBadRequest, "invalid_scope")},
			{Request: exchange(set("audience", "${api}"), set("scope", "orders:read")), Want: fails(http.StatusBadRequest, "invalid_scope")},
			// One JWT for two services: what the one refuses must not come by way of the other.
			{Request: exchange(set("audience", ordersAudience), add("audience", rsAudience), set("scope", "orders:read orders:audit")), Want: minted(map[string]any{"scope": "orders:read"})},
		}},
		refused("C079", "a right of the management API", exchange(set("scope", "idn:my-personal-access-tokens:read")), fails(http.StatusBadRequest, "invalid_scope")),
		accepted("C079", "a right beside another scope", exchange(set("scope", "a:b:c idn:my-personal-access-tokens:read")), minted(map[string]any{"scope": "a:b:c"})),

		{ID: "C080", Name: "typ JWT", Run: forgedIs(apiUnauthorized("JWT is invalid$"), func(f *forged) { f.header["typ"] = "JWT" })},
		{ID: "C080", Name: "no typ", Run: forgedIs(apiUnauthorized("JWT is invalid$"), func(f *forged) { delete(f.header, "typ") })},
		{ID: "C081", Name: "a slash more", Run: forgedIs(apiUnauthorized("JWT is invalid$"), func(f *forged) { f.claims["iss"] = f.claim("iss") + "/" })},
		{ID: "C082", Name: "minted for another service", Steps: Steps{
			{Request: exchange(), Want: minted(nil), Save: map[string]string{"jwt": "access_token"}},
			{Request: call("GET", pathMine, bearer("${jwt}")), Want: apiUnauthorized("JWT is invalid$")},
		}},
		{ID: "C082", Name: "no aud", Run: forgedIs(apiUnauthorized("JWT is invalid$"), func(f *forged) { delete(f.claims, "aud") })},
		{ID: "C083", Name: "at the second", Run: expiryIsExclusive},
		{ID: "C083", Name: "a second before", Run: forgedIs(Want{Status: http.StatusOK}, func(f *forged) { f.claims["exp"] = now().Unix() + 5 })},
	}
}

// forgedIs is a case that changes one thing about a good JWT.
func forgedIs(want Want, change func(f *forged)) func(t *testing.T, w *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		f := w.forge(t)
		w.expect(t, call("GET", pathMine, bearer(f.sign(t))), Want{Status: http.StatusOK})
		change(f)
		w.expect(t, call("GET", pathMine, bearer(f.sign(t))), want)
	}
}

// expiryIsExclusive sends a token again and again over the second in which it
// expires: never accepted if it was sent then, always if it was answered before.
func expiryIsExclusive(t *testing.T, w *world) {
	t.Helper()
	f := w.forge(t)
	expiry := now().Add(2 * second).Truncate(second)
	f.claims["exp"] = expiry.Unix()
	request := call("GET", pathMine, bearer(f.sign(t)))
	before, after := 0, 0
	testenv.Wait(t, 10*second, func() bool {
		if now().Before(expiry.Add(-100 * second / 1000)) {
			if before == 0 {
				require.Equal(t, http.StatusOK, w.send(t, request).Status)
				before++
			}
			return false
		}
		sent := now()
		got := w.send(t, request)
		switch {
		case !sent.Before(expiry):
			require.Equal(t, http.StatusUnauthorized, got.Status, "sent %v after exp", sent.Sub(expiry))
			require.Equal(t, "JWT validation failed: JWT is expired", got.text(t, "error"))
			after++
		case now().Before(expiry):
			require.Equal(t, http.StatusOK, got.Status, "answered before exp")
			before++
		}
		return after > 0
	})
	require.Positive(t, before)
}

// jtiAreUnique mints many tokens. Their ids are distinct, and each of the 128 bits
// is set in about half of them: a UUID has six that never change.
func jtiAreUnique(t *testing.T, _ *world) {
	t.Helper()
	w := newDevWorld(testenv.Dev(t), nil, nil)
	const workers = 4
	count := marathon(1_000_000) / workers
	found := make([][]string, workers)
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for range count {
				got, err := w.try(t, w.client, exchange())
				if err != nil || got.Status != http.StatusOK {
					t.Errorf("%v: %v", err, got)
					return
				}
				found[worker] = append(found[worker], jtiIn(got.Body))
			}
		})
	}
	all.Wait()
	seen := make(map[string]bool, count*workers)
	var set [128]int
	for _, ids := range found {
		for _, id := range ids {
			require.Regexp(t, `^[0-9a-f]{32}$`, id)
			require.False(t, seen[id], "jti %s twice", id)
			seen[id] = true
			countBits(t, id, &set)
		}
	}
	require.Len(t, seen, count*workers)
	requireUnbiased(t, set[:], len(seen))
}

// jtiIn returns the jti of the JWT in an answer, empty if there is none.
func jtiIn(body string) string {
	var issued struct {
		AccessToken string `json:"access_token"`
	}
	var claims struct {
		ID string `json:"jti"`
	}
	_ = json.Unmarshal([]byte(body), &issued) // what cannot be read has no jti
	_, rest, _ := strings.Cut(issued.AccessToken, ".")
	payload, _, _ := strings.Cut(rest, ".")
	text, _ := base64.RawURLEncoding.DecodeString(payload)
	_ = json.Unmarshal(text, &claims)
	return claims.ID
}

// requireUnbiased holds counts of bits that were set against half of n, within six
// standard deviations.
func requireUnbiased(t *testing.T, set []int, n int) {
	t.Helper()
	tolerance := 6 * math.Sqrt(float64(n)) / 2
	for bit, count := range set {
		require.InDelta(t, float64(n)/2, count, tolerance, "bit %d", bit)
	}
}
