package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// attempt is a request that must be refused.
type attempt struct {
	path   string // /whoami unless set
	header http.Header
	status int // 401 unless set
}

func token(token string) attempt { return attempt{header: bearer(token)} }

// TestBadTokens: what the server mints is taken, and so is what the test mints
// likewise; of both, everything that differs in one thing is refused.
func TestBadTokens(t *testing.T) {
	w := newWorld(t)
	info := w.server.Info
	good := w.mint(t, info.Audience, scope)
	f := w.forge(t, good)
	for _, token := range []string{good, f.with(nil, nil), info.Users.Alice.PAT.Token, f.with(map[string]any{"typ": "application/at+jwt"}, nil)} {
		got := w.call(t, w.url+"/whoami", bearer(token))
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.JSONEq(t, text(map[string]any{"sub": f.claims["sub"], "client_id": f.claims["client_id"], "scopes": []string{scope}}), got.body)
	}
	bad := w.badRequests(t, good)
	for name, made := range w.badTokens(t, f, good) {
		bad[name] = token(made)
	}
	require.Greater(t, len(bad), 120)
	for name, tried := range bad {
		t.Run(name, func(t *testing.T) {
			if tried.path == "" {
				tried.path = "/whoami"
			}
			if tried.status == 0 {
				tried.status = http.StatusUnauthorized
			}
			got := w.call(t, w.url+tried.path, tried.header)
			require.Equal(t, tried.status, got.status)
			require.True(t, strings.HasPrefix(got.challenge, "Bearer"))
			require.NotContains(t, got.body, f.claims["sub"])
		})
	}
}

// badRequests bring good tokens in a bad way, or credentials of other kinds.
func (w *world) badRequests(t *testing.T, good string) map[string]attempt {
	t.Helper()
	pat := w.server.Info.Users.Alice.PAT
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(pat.ID+":"+pat.Secret))
	return map[string]attempt{
		"no token":                      {},
		"empty header":                  {header: http.Header{"Authorization": {""}}},
		"another scheme":                {header: http.Header{"Authorization": {"DPoP " + good}}},
		"no scheme":                     {header: http.Header{"Authorization": {good}}},
		"Basic":                         {header: http.Header{"Authorization": {basic}}},
		"private-token":                 {header: http.Header{"Private-Token": {pat.Token}}},
		"cookie":                        {header: http.Header{"Cookie": {"access_token=" + good}}},
		"in the query":                  {path: "/whoami?access_token=" + good, status: 400},
		"in the query, and the header":  {path: "/whoami?access_token=" + good, header: bearer(good), status: 400},
		"two Authorization headers":     {header: http.Header{"Authorization": {"Bearer " + good, "Bearer " + good}}, status: 400},
		"Basic beside Bearer":           {header: http.Header{"Authorization": {basic, "Bearer " + good}}, status: 400},
		"two tokens":                    {header: bearer(good + " " + good), status: 400},
		"a list of tokens":              {header: bearer(good + ", " + good), status: 400},
		"scheme only":                   {header: http.Header{"Authorization": {"Bearer"}}, status: 400},
		"of another service":            token(w.mint(t, w.server.Info.APIAudience, "idn:my-personal-access-tokens:read")),
		"of another scope":              {header: bearer(w.mint(t, w.server.Info.Audience, "whoami:me:write")), status: 403},
		"PAT, checksum wrong":           token(flip(pat.Token, len(pat.Token)-1)),
		"PAT, id wrong":                 token(flip(pat.Token, 20)),
		"PAT, secret only":              token(pat.Secret),
		"PAT, id only":                  token(pat.ID),
		"PAT, truncated":                token(pat.Token[:len(pat.Token)-1]),
		"PAT, of nobody":                token("cambio_pat_00000000000000000000000000000000_0000000000000000000000000000000000000000000" + "4QpkYf"), // the checksum is right
		"PAT, in capitals":              token(strings.ToUpper(pat.Token)),
		"PAT, where a part of a JWT is": token(pat.Token + "." + pat.Token + "." + pat.Token),
	}
}

// badTokens are JWTs, each a good one but for one thing.
func (w *world) badTokens(t *testing.T, f *forged, good string) map[string]string {
	t.Helper()
	parts := strings.Split(good, ".")
	bad := map[string]string{
		"truncated": good[:len(good)-1], "signature gone": parts[0] + "." + parts[1] + ".", "two parts": parts[0] + "." + parts[1], "four parts": good + "." + parts[2],
		"padded": good + "=", "trailing dot": good + ".", "quoted": `"` + good + `"`, "payload changed": parts[0] + "." + flip(parts[1], 30) + "." + parts[2],
		"header changed": flip(parts[0], 10) + "." + parts[1] + "." + parts[2], "signature changed": flip(good, len(good)-20), "spare bits": spareBits(good),
		"standard alphabet": parts[0] + "." + parts[1] + "." + strings.Repeat("+/", 43), "dots": strings.Repeat(".", 20<<10), "long": parts[0] + "." + strings.Repeat("A", 20<<10) + "." + parts[2],
		"signature of another token": parts[0] + "." + parts[1] + "." + strings.Split(w.mint(t, w.server.Info.Audience, scope), ".")[2],
		"encrypted":                  encode([]byte(`{"alg":"dir","enc":"A256GCM","typ":"at+jwt"}`)) + ".a2V5.aXY.Y2lwaGVydGV4dA.dGFn",
	}
	w.addSignatures(t, bad, parts)
	w.addHeaders(t, bad, f)
	addClaims(bad, f)
	w.addKeys(t, bad, f)
	return bad
}

// addSignatures adds forms of a signature that are not the one there is.
func (w *world) addSignatures(t *testing.T, bad map[string]string, parts []string) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(parts[2])
	require.NoError(t, err)
	require.Len(t, raw, 64)
	number := func(half []byte) *big.Int { return new(big.Int).SetBytes(half) }
	der, err := asn1.Marshal(struct{ R, S *big.Int }{number(raw[:32]), number(raw[32:])})
	require.NoError(t, err)
	order := elliptic.P256().Params().N
	beyond := new(big.Int).Add(number(raw[32:]), order)
	for name, signature := range map[string][]byte{
		"DER": der, "r and s zero": make([]byte, 64), "r zero": append(make([]byte, 32), raw[32:]...), "s zero": append(raw[:32:32], make([]byte, 32)...),
		"short": raw[:63], "long": append(raw[:64:64], 0), "swapped": append(raw[32:64:64], raw[:32]...), "leading zero": append(append([]byte{0}, raw[:32]...), append([]byte{0}, raw[32:]...)...),
		"s is the order": append(raw[:32:32], order.Bytes()...), "s beyond the order": append(raw[:32:32], beyond.Bytes()...),
	} {
		bad["signature, "+name] = parts[0] + "." + parts[1] + "." + encode(signature)
	}
}

func (w *world) addHeaders(t *testing.T, bad map[string]string, f *forged) {
	t.Helper()
	key := w.jwk(t)
	for name, values := range map[string][]any{
		"typ": {"JWT", "id_token", "logout+jwt", "dpop+jwt", "at+jwt;x", "", 1, nil},
		"alg": {"none", "None", "HS256", "RS256", "ES384", "es256", "", nil},
		"kid": {"unknown", "../../etc/passwd", "' OR 1=1 --", "\x00", strings.Repeat("k", 5<<10), "", 1, nil},
		"jwk": {key}, "jku": {"http://127.0.0.1:1/"}, "x5u": {"http://127.0.0.1:1/"}, "x5c": {[]string{"MIIB"}},
		"crit": {[]string{"exp"}, []string{}}, "b64": {false}, "zip": {"DEF"},
	} {
		for _, value := range values {
			bad[fmt.Sprintf("%s %.20v", name, value)] = f.with(map[string]any{name: value}, nil)
		}
	}
}

func addClaims(bad map[string]string, f *forged) {
	audience, _ := f.claims["aud"].(string)
	issuer, _ := f.claims["iss"].(string)
	for name, values := range map[string][]any{
		"iss": {issuer + "/", strings.ToUpper(issuer), "https://other.example.com", nil}, "sub": {"", 1, nil}, "client_id": {"", nil}, "jti": {"", nil},
		"aud": {audience + "/", "https://other.example.com", []string{}, []string{"https://other.example.com"}, true, nil},
		"exp": {now().Add(-time.Minute).Unix(), 0, "9999999999", nil}, "nbf": {now().Add(time.Minute).Unix(), "0"},
		"iat": {now().Add(time.Minute).Unix(), nil},
	} {
		for _, value := range values {
			bad[fmt.Sprintf("%s %.30v", name, value)] = f.with(nil, map[string]any{name: value})
		}
	}
	head, payload := text(f.header), text(f.claims)
	twice := func(of, member string) string { return strings.Replace(of, "{", "{"+member+",", 1) }
	bad["kid twice"] = f.sign(twice(head, `"kid":"x"`), payload)
	bad["alg twice"] = f.sign(twice(head, `"alg":"none"`), payload)
	bad["sub twice"] = f.sign(head, twice(payload, `"sub":"admin"`))
	bad["exp twice"] = f.sign(head, twice(payload, `"exp":9999999999`))
	bad["aud twice, escaped"] = f.sign(head, twice(payload, `"\u0061ud":"x"`))
	bad["payload is an array"] = f.sign(head, "["+payload+"]")
	bad["payload and more"] = f.sign(head, payload+"{}")
	bad["payload not UTF-8"] = f.sign(head, strings.Replace(payload, `"sub":"`, `"sub":"`+"\xff", 1))
	bad["ID token"] = f.with(map[string]any{"typ": "JWT"}, map[string]any{"nonce": "n", "auth_time": now().Unix(), "at_hash": "x"})
	bad["ID token with the typ of an access token"] = f.with(nil, map[string]any{"client_id": nil, "jti": nil, "scope": nil, "nonce": "n"})
	bad["logout token"] = f.with(map[string]any{"typ": "logout+jwt"}, map[string]any{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}})
	bad["client assertion"] = f.with(map[string]any{"typ": nil}, map[string]any{"iss": "client", "sub": "client"})
}

// addKeys adds what others than the server can sign.
func (w *world) addKeys(t *testing.T, bad map[string]string, f *forged) {
	t.Helper()
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	byStranger := &forged{f.header, f.claims, stranger}
	bad["by a stranger"] = byStranger.with(nil, nil)
	point, err := stranger.PublicKey.Bytes()
	require.NoError(t, err)
	own := map[string]any{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}
	bad["by a stranger who brings the key"] = byStranger.with(map[string]any{"jwk": own}, nil)
	bad["by a stranger who brings the key and its kid"] = byStranger.with(map[string]any{"jwk": own, "kid": "stranger"}, nil)
	der, err := x509.MarshalPKIXPublicKey(w.key.Public())
	require.NoError(t, err)
	for name, secret := range map[string][]byte{
		"DER": der, "PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "JWK": []byte(text(w.jwk(t))), "kid": []byte(testKeyID), "nothing": {},
	} {
		signed := encode([]byte(text(changed(f.header, map[string]any{"alg": "HS256"})))) + "." + encode([]byte(text(f.claims)))
		signature, err := jwt.SigningMethodHS256.Sign(signed, secret)
		require.NoError(t, err)
		bad["HS256 by the "+name] = signed + "." + encode(signature)
	}
}

// flip changes one character of what base64url and base62 have in common.
func flip(text string, at int) string {
	changed := byte('A')
	if text[at] == changed {
		changed = 'B'
	}
	return text[:at] + string(changed) + text[at+1:]
}

// spareBits sets a bit that base64url leaves over: the bytes stay the same.
func spareBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + alphabet[last|1:last|1+1]
}

// TestProgram runs the service as its users would.
func TestProgram(t *testing.T) {
	server := testenv.Dev(t)
	binary := filepath.Join(t.TempDir(), "whoami")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(output))
	addr := fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(t))
	testenv.Start(t, []string{"ISSUER=" + server.Info.Issuer, "AUDIENCE=" + server.Info.Audience, "ADDR=" + addr}, binary)
	w := &world{server: server, client: server.Client()}
	testenv.Wait(t, 10*time.Second, func() bool {
		request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, "http://"+addr+"/whoami", http.NoBody)
		require.NoError(t, err)
		answer, err := w.client.Do(request)
		return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusUnauthorized
	})
	for _, token := range []string{w.mint(t, server.Info.Audience, scope), server.Info.Users.Alice.PAT.Token} {
		got := w.call(t, "http://"+addr+"/whoami", bearer(token))
		require.Equal(t, http.StatusOK, got.status, got.body)
	}
}
