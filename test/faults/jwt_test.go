package faults

import (
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestForgedJWTs (A059, A061, A064, A066) breaks a good JWT in one place. What
// needs a key to forge with is held by docs/conformance.md, rows C128 to C133.
func TestForgedJWTs(t *testing.T) {
	redis := testenv.Redis(t, testenv.RedisOptions{})
	server := testenv.Dev(t, "--redis", redis.URL())
	d, alice := devDoor(server), server.Info.Users.Alice.PAT
	good := d.mint(t, alice.Token, "audience", server.Info.APIAudience)
	parts := strings.Split(good, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[2])
	require.NoError(t, err)
	require.Len(t, raw, 64)
	half := func(from []byte) *big.Int { return new(big.Int).SetBytes(from) }
	der, err := asn1.Marshal(struct{ R, S *big.Int }{half(raw[:32]), half(raw[32:])})
	require.NoError(t, err)
	signed := func(signature []byte) string {
		return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	headed := func(header string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + parts[1] + "." + parts[2]
	}
	var zero [32]byte
	forged := map[string]string{
		"A066 r and s are 0": signed(make([]byte, 64)), "A066 r is 0": signed(append(zero[:32:32], raw[32:]...)), "A066 s is 0": signed(append(raw[:32:32], zero[:]...)),
		"A066 DER": signed(der), "A066 short": signed(raw[:63]), "A066 long": signed(append(raw[:64:64], 0)), "A066 swapped": signed(append(raw[32:64:64], raw[:32]...)),
		"A066 padded": good + "=", "A066 of another alphabet": parts[0] + "." + parts[1] + "." + base64.RawStdEncoding.EncodeToString(append(raw[:62:62], 0xfb, 0xff)),
		"A059 empty": parts[0] + "." + parts[1] + ".", "A059 absent": parts[0] + "." + parts[1],
		"A061 kid is NUL": headed(`{"alg":"ES256","kid":"\u0000","typ":"at+jwt"}`), "A061 kid twice": headed(`{"alg":"ES256","kid":"a","kid":"b","typ":"at+jwt"}`),
		"A062 jku": headed(`{"alg":"ES256","jku":"http://127.0.0.1:1/","typ":"at+jwt"}`), "A062 x5u": headed(`{"alg":"ES256","x5u":"http://127.0.0.1:1/","typ":"at+jwt"}`),
		"A064 dots": strings.Repeat(".", 20<<10), "A064 one long part": parts[0] + "." + strings.Repeat("A", 20<<10) + "." + parts[2],
		"no header": "." + parts[1] + "." + parts[2], "header of nothing": headed("null"), "nested": headed(strings.Repeat("[", 10_000)),
	}
	for _, none := range []string{"none", "None", "nOnE", "NONE", ""} {
		forged["A059 alg "+none] = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+none+`","typ":"at+jwt"}`)) + "." + parts[1] + "."
	}
	rested(t, redis)
	seen := watch(t, redis)
	for name, token := range forged {
		require.Equal(t, http.StatusUnauthorized, d.get(t, pathUserinfo, bearer(token)).status, name)
		require.Equal(t, http.StatusUnauthorized, d.get(t, pathTokens, bearer(token)).status, name)
		require.Equal(t, unproved, d.exchange(t, token).body, name)
		require.Equal(t, http.StatusUnauthorized, d.send(t, http.MethodPost, pathIntrospect, encode("token", good), bearer(token), header("Content-Type", formType)).status, name)
	}
	seen.settle(t, redis)
	require.Zero(t, seen.count(":pat:"), "a forged JWT is refused before any look at the store")
	for name, size := range map[string]int{"A064 dots": 1 << 20, "A064 a megabyte": 1 << 20} {
		fill := "a"
		if strings.HasSuffix(name, "dots") {
			fill = "."
		}
		got := talk(t, d.url, "GET "+pathTokens+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+strings.Repeat(fill, size)+"\r\n\r\n", soon)
		status, _ := parseAnswer(t, got)
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, status, name)
		require.Equal(t, http.StatusRequestEntityTooLarge, d.form(t, pathIntrospect, "token", strings.Repeat(fill, size)).status, name)
	}
	require.Equal(t, http.StatusOK, d.get(t, pathTokens+"?owner-id=me", bearer(good)).status)
}

// TestKeysFromMemory (A077): however often the keys are fetched, the store is not
// asked.
func TestKeysFromMemory(t *testing.T) {
	redis := testenv.Redis(t, testenv.RedisOptions{})
	server := testenv.Dev(t, "--redis", redis.URL())
	d := devDoor(server)
	first := d.get(t, pathJWKS)
	require.Contains(t, first.header.Get("Cache-Control"), "public, max-age=")
	require.NotEmpty(t, first.header.Get("Etag"))
	require.Equal(t, http.StatusNotModified, d.get(t, pathJWKS, header("If-None-Match", first.header.Get("Etag"))).status)
	rested(t, redis)
	seen := watch(t, redis)
	began := time.Now()
	const fetches = 2000
	for range fetches {
		require.Equal(t, first.body, d.get(t, pathJWKS).body)
	}
	seen.settle(t, redis)
	// What goes on by itself reads the keys each 5 s: a script, and its command.
	require.LessOrEqual(t, seen.count("{cfg}:keys"), 2*(int(time.Since(began)/keyPoll)+1))
}
