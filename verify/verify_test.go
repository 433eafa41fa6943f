package verify_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/verify"
)

func TestVerify(t *testing.T) {
	s := newIssuer(time.Now)
	v := s.verifier(t)
	claims, err := v.Verify(t.Context(), s.mint(nil, map[string]any{"groups": []string{"ops"}, "custom": 7, "nbf": time.Now().Unix()}))
	require.NoError(t, err)
	require.Equal(t, "alice", claims.Subject)
	require.Equal(t, []string{testAudience}, claims.Audience)
	require.Equal(t, []string{"orders:read", "orders:write"}, claims.Scopes)
	require.True(t, claims.HasScope("orders:read"))
	require.False(t, claims.HasScope("orders"))
	require.Equal(t, []string{"ops"}, claims.Groups)
	require.EqualValues(t, 3, claims.PATGeneration)
	require.Equal(t, 5*time.Minute, claims.Expiry.Sub(claims.IssuedAt))
	var more struct{ Custom int }
	require.NoError(t, claims.Decode(&more))
	require.Equal(t, 7, more.Custom)
}

// TestTaken are tokens unlike the usual ones that are valid all the same.
func TestTaken(t *testing.T) {
	s := newIssuer(time.Now)
	v := s.verifier(t)
	now := time.Now()
	for name, token := range map[string]string{
		"typ with application/":       s.mint(map[string]any{"typ": "application/at+jwt"}, nil),
		"typ in other case":           s.mint(map[string]any{"typ": "AT+JWT"}, nil),
		"several audiences":           s.mint(nil, map[string]any{"aud": []string{"https://other.example.com", testAudience}}),
		"a fraction of a second":      s.mint(nil, map[string]any{"exp": float64(now.Unix()) + 60.5}),
		"no scope":                    s.mint(nil, map[string]any{"scope": nil}),
		"no claim of Cambio":          s.mint(nil, map[string]any{"pat_id": nil, "pat_gen": nil, "pat_level": nil, "org": nil}),
		"expired within the leeway":   s.mint(nil, map[string]any{"exp": now.Add(-2 * time.Second).Unix()}),
		"not begun within the leeway": s.mint(nil, map[string]any{"nbf": now.Add(3 * time.Second).Unix(), "iat": now.Add(3 * time.Second).Unix()}),
		"a header nobody knows":       s.mint(map[string]any{"x": "y"}, nil), // RFC 7515 §4: ignored
	} {
		_, err := v.Verify(t.Context(), token)
		require.NoError(t, err, name)
	}
}

// TestRefused breaks a good token in one place each.
func TestRefused(t *testing.T) {
	s := newIssuer(time.Now)
	v := s.verifier(t)
	for name, token := range badTokens(s) {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(t.Context(), token)
			require.ErrorIs(t, err, verify.ErrInvalidToken)
			var refused *verify.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, http.StatusUnauthorized, refused.Status)
			require.Equal(t, "invalid_token", refused.Code)
			if len(token) > 20 {
				require.NotContains(t, err.Error(), token[len(token)-20:])
			}
		})
	}
}

// badTokens are good ones that were changed in one place.
func badTokens(s *issuer) map[string]string {
	header := func(name string, value any) string { return s.mint(map[string]any{name: value}, nil) }
	claim := func(name string, value any) string { return s.mint(nil, map[string]any{name: value}) }
	now := s.now()
	key := s.signer()
	head := `{"alg":"ES256","kid":"` + key.kid + `","typ":"at+jwt"}`
	payload := text(s.claims())
	good := s.mint(nil, nil)
	parts := strings.Split(good, ".")
	hmac := func(secret string) string {
		signed := encode(strings.Replace(head, "ES256", "HS256", 1)) + "." + parts[1]
		return signed + "." + encode(string(must(jwt.SigningMethodHS256.Sign(signed, []byte(secret)))))
	}
	bad := map[string]string{
		"empty": "", "one part": parts[0], "two parts": parts[0] + "." + parts[1], "four parts": good + "." + parts[2],
		"no signature": parts[0] + "." + parts[1] + ".", "padded": good + "=", "line break": parts[0] + "." + parts[1] + "\n." + parts[2],
		"blank": " " + good, "spare bits": spareBits(good), "too long": s.mint(nil, map[string]any{"x": strings.Repeat("x", 16<<10)}),
		"header is an array": key.sign(`[]`, payload), "payload is text": key.sign(head, `"x"`), "two objects": key.sign(head, payload+payload),
		"many members": key.sign(head, strings.Replace(payload, "{", "{"+strings.Repeat(`"x":1,`, 60), 1)),
		"not UTF-8":    key.sign(head, strings.Replace(payload, "alice", "al\xffce", 1)), "a comma too many": key.sign(head, strings.Replace(payload, "}", ",}", 1)),
		"deep":      key.sign(head, strings.Replace(payload, "{", `{"x":`+strings.Repeat("[", 50)+strings.Repeat("]", 50)+",", 1)),
		"kid twice": key.sign(strings.Replace(head, "{", `{"kid":"x",`, 1), payload), "sub twice": key.sign(head, strings.Replace(payload, "{", `{"sub":"bob",`, 1)),
		"sub twice, escaped":  key.sign(head, strings.Replace(payload, "{", `{"\u0073ub":"bob",`, 1)),
		"member twice inside": key.sign(head, strings.Replace(payload, "{", `{"x":[{"a":1,"a":2}],`, 1)),
		"EXP for exp":         key.sign(head, strings.Replace(payload, `"exp"`, `"EXP"`, 1)), "HMAC by kid": hmac(key.kid), "HMAC by JWK": hmac(text(key.jwk())),
		"alg none": encode(`{"alg":"none","kid":"`+key.kid+`","typ":"at+jwt"}`) + "." + parts[1] + ".", "alg none with a signature": header("alg", "none"),
		"another payload": parts[0] + "." + encode(text(map[string]any{"sub": "bob"})) + "." + parts[2],
		"short signature": good[:len(good)-4], "long signature": good + "AAAA", "zero signature": parts[0] + "." + parts[1] + "." + encode(strings.Repeat("\x00", 64)),
	}
	for _, typ := range []any{"JWT", "id_token", "logout+jwt", "at+jwt ", "application/application/at+jwt", "", 1, nil} {
		bad["typ "+text(typ)] = header("typ", typ)
	}
	for _, alg := range []any{"es256", "RS256", "ES384", "PS256", "EdDSA", "HS256", "", 1, nil} {
		bad["alg "+text(alg)] = header("alg", alg)
	}
	for _, kid := range []any{"", "../../etc/passwd", "key-1", strings.Repeat("k", 10<<10), 1, nil} {
		bad["kid "+text(kid)] = header("kid", kid)
	}
	for name, value := range map[string]any{"crit": []string{"exp"}, "b64": false, "zip": "DEF", "jwk": key.jwk(), "jku": testIssuer + "/jwks", "x5u": testIssuer, "x5c": []string{"x"}} {
		bad[name] = header(name, value)
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id"} {
		bad["no "+name] = claim(name, nil)
		bad[name+" is true"] = claim(name, true)
		bad[name+" is null"] = claim(name, json.RawMessage("null"))
	}
	for _, name := range []string{"nbf", "scope", "groups", "roles", "entitlements", "name", "email", "pat_id", "pat_gen"} {
		bad[name+" is null"] = claim(name, json.RawMessage("null"))
	}
	for name, values := range map[string][]any{
		"iss": {testIssuer + "/", "https://STS.example.com", ""}, "sub": {""}, "jti": {""}, "client_id": {""},
		"aud": {[]string{}, "", testAudience + "/", []string{"https://other.example.com"}, []any{testAudience, 1}, []any{testAudience, nil}},
		"exp": {now.Add(-6 * time.Second).Unix(), 0, -1, "9999999999", 1e300, now.Add(time.Hour).UnixMicro()},
		"nbf": {now.Add(time.Minute).Unix(), "0"}, "iat": {now.Add(time.Minute).Unix(), "0"},
		"scope": {[]string{"a"}, 1}, "groups": {"ops", []any{nil}, []any{1}, map[string]any{}}, "name": {[]string{"a"}, 1}, "pat_gen": {1.5, "3", true},
	} {
		for _, value := range values {
			bad[name+" "+text(value)] = claim(name, value)
		}
	}
	return bad
}

// spareBits sets a bit that base64url leaves over: the bytes stay the same.
func spareBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	changed := token[:len(token)-1] + alphabet[last|1:last|1+1]
	if _, err := base64.RawURLEncoding.DecodeString(changed[strings.LastIndex(changed, ".")+1:]); err != nil {
		panic(err)
	}
	return changed
}

func TestExpiredIsToldOfSignedTokensOnly(t *testing.T) {
	s := newIssuer(time.Now)
	v := s.verifier(t)
	expired := map[string]any{"exp": 1000}
	_, err := v.Verify(t.Context(), s.mint(nil, expired))
	require.ErrorIs(t, err, verify.ErrExpired)
	require.ErrorIs(t, err, verify.ErrInvalidToken)
	_, err = v.Verify(t.Context(), s.mint(map[string]any{"kid": "other"}, expired))
	require.NotErrorIs(t, err, verify.ErrExpired)
	token := s.mint(nil, expired)
	_, err = v.Verify(t.Context(), token[:len(token)-6]+"AAAAAA")
	require.NotErrorIs(t, err, verify.ErrExpired)
}

func TestAlgorithms(t *testing.T) {
	all := []string{"ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	s := newIssuer(time.Now)
	tokens := map[string]string{}
	for _, alg := range all {
		s.add(alg)
		tokens[alg] = s.mint(nil, nil)
	}
	usual := map[string]bool{"ES256": true, "ES384": true, "EdDSA": true, "RS256": true}
	v, every := s.verifier(t), s.verifier(t, verify.WithAlgorithms(all...))
	only := s.verifier(t, verify.WithAlgorithms("RS256"))
	for _, alg := range all {
		_, err := every.Verify(t.Context(), tokens[alg])
		require.NoError(t, err, alg)
		_, err = v.Verify(t.Context(), tokens[alg])
		require.Equal(t, usual[alg], err == nil, alg)
		_, err = only.Verify(t.Context(), tokens[alg])
		require.Equal(t, alg == "RS256", err == nil, alg)
	}
}

func TestLeeway(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	s := newIssuer(func() time.Time { return at })
	expires := func(in time.Duration) string { return s.mint(nil, map[string]any{"exp": at.Add(in).Unix()}) }
	for leeway, last := range map[time.Duration]time.Duration{0: time.Second, time.Minute: -59 * time.Second} {
		v := s.verifier(t, verify.WithLeeway(leeway))
		_, err := v.Verify(t.Context(), expires(last))
		require.NoError(t, err)
		_, err = v.Verify(t.Context(), expires(last-time.Second)) // exp is exclusive
		require.ErrorIs(t, err, verify.ErrExpired)
	}
}

func TestNewRefuses(t *testing.T) {
	s := newIssuer(time.Now)
	for name, option := range map[string]verify.Option{
		"leeway": verify.WithLeeway(time.Hour), "negative leeway": verify.WithLeeway(-1), "stale": verify.WithStaleIfError(-1),
		"none": verify.WithAlgorithms("none"), "HS256": verify.WithAlgorithms("ES256", "HS256"), "no algorithm": verify.WithAlgorithms(),
		"no prefix": verify.AcceptPAT(verify.PATOptions{Prefixes: []string{}}), "entries": verify.AcceptPAT(verify.PATOptions{MaxEntries: -1}),
	} {
		_, err := verify.New(t.Context(), testIssuer, testAudience, verify.WithHTTPClient(s.client()), option)
		require.Error(t, err, name)
	}
	_, err := verify.New(t.Context(), testIssuer, "", verify.WithHTTPClient(s.client()))
	require.Error(t, err)
	for _, issuer := range []string{
		"", "sts.example.com", "http://sts.example.com", "https://sts.example.com?x=1", "https://sts.example.com#", "https://u:p@sts.example.com",
		"ftp://sts.example.com", testIssuer + "/", "https://sts.example.com/other", "https://STS.example.com",
	} {
		_, err := verify.New(t.Context(), issuer, testAudience, verify.WithHTTPClient(s.client()))
		require.Error(t, err, issuer)
	}
	for name, value := range map[string]any{"issuer": testIssuer + "/", "jwks_uri": "http://sts.example.com/jwks", "token_endpoint": "http://sts.example.com/token"} {
		old := s.metadata[name]
		s.metadata[name] = value
		_, err := verify.New(t.Context(), testIssuer, testAudience, verify.WithHTTPClient(s.client()))
		require.Error(t, err, name)
		s.metadata[name] = old
	}
	s.verifier(t)
}
