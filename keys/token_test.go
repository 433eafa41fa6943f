package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func everyAlg() []Alg { return []Alg{ES256, RS256, EdDSA, ES384} }

func TestParseAlg(t *testing.T) {
	for _, name := range []string{"ES256", "RS256", "EdDSA", "ES384"} {
		alg, err := ParseAlg(name)
		require.NoError(t, err)
		require.Equal(t, name, string(alg))
		require.Equal(t, name, alg.method().Alg())
	}
	for _, name := range []string{"", "none", "None", "nOnE", "HS256", "PS256", "ES512", "es256", "ES256 "} {
		_, err := ParseAlg(name)
		require.ErrorIs(t, err, ErrUnknownAlg, name)
	}
	require.Nil(t, Alg("none").method())
	_, err := Alg("none").generate()
	require.ErrorIs(t, err, ErrUnknownAlg)
}

func TestThumbprint(t *testing.T) {
	for name, tc := range map[string]struct {
		jwk  JWK
		want string
	}{
		"RFC 7638 3.1": {JWK{
			KeyType: "RSA", Algorithm: RS256, KeyID: "2011-04-29", Exponent: "AQAB",
			Modulus: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W" +
				"-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt" +
				"-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
		}, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		"RFC 8037 A.3": {JWK{
			KeyType: "OKP", Curve: "Ed25519", X: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
		}, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
	} {
		require.Equal(t, tc.want, tc.jwk.thumbprint(), name)
	}
}

func TestNewJWKRefusesForeignKeys(t *testing.T) {
	p256, err := ES256.generate()
	require.NoError(t, err)
	for _, alg := range []Alg{ES384, RS256, EdDSA, "HS256"} {
		_, err := newJWK(alg, p256.Public())
		require.ErrorIs(t, err, errKeyType, alg)
	}
	_, err = newJWK(ES256, "no key")
	require.ErrorIs(t, err, errKeyType)
	_, err = newJWK(ES256, &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}) //nolint:staticcheck // a point off the curve cannot be made otherwise
	require.Error(t, err)
}

func TestMintAndVerify(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock, everyAlg()...)
	require.Equal(t, []Alg{ES256, ES384, EdDSA, RS256}, ring.Algs())
	for _, alg := range everyAlg() {
		t.Run(string(alg), func(t *testing.T) {
			claims := testClaims(clock.now())
			token := mint(t, ring, alg)

			parts := strings.Split(token, ".")
			require.Len(t, parts, 3)
			header, err := base64.RawURLEncoding.DecodeString(parts[0])
			require.NoError(t, err)
			kid := infos(ring, alg, Active)[0].KID
			require.Equal(t, `{"alg":"`+string(alg)+`","kid":"`+kid+`","typ":"at+jwt"}`, string(header))

			got, err := ring.Verify(token, expected())
			require.NoError(t, err)
			require.Equal(t, claims, got)
			for _, audiences := range [][]string{{"https://api.example.com"}, {"x", "https://api.example.com"}} {
				_, err = ring.Verify(token, Expected{Issuer: testIssuer, Audiences: audiences, Now: clock.now()})
				require.NoError(t, err)
			}
		})
	}
}

func TestPayload(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	payload := func(c Claims) string {
		token, err := ring.Mint(ES256, c)
		require.NoError(t, err)
		raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		require.NoError(t, err)
		got, err := ring.Verify(token, expected())
		require.NoError(t, err)
		require.Equal(t, c, got)
		return string(raw)
	}
	full := testClaims(clock.now())
	full.Audience = append(full.Audience, "https://other.example.com")
	require.JSONEq(t, `{"iss":"https://sts.example.com","sub":"7f000000000000000000000000000001",
		"aud":["https://api.example.com","https://other.example.com"],"iat":1772366400,"exp":1772366700,
		"jti":"0123456789abcdef0123456789abcdef","client_id":"7f3c0000000000000000000000000002",
		"azp":"7f3c0000000000000000000000000002","scope":"orders:read orders:write","pat_id":"7f3c0000000000000000000000000002",
		"pat_gen":3,"pat_level":"group","pat_level_id":"aa000000000000000000000000000003","pat_role":"group_user",
		"org":"bb000000000000000000000000000004","groups":["order-clerks","A & B <c>"],"roles":["group_user"],
		"name":"Älice","preferred_username":"alice","email":"alice@example.com"}`, payload(full))

	bare := testClaims(clock.now())
	bare.PATLevelID, bare.PATRole, bare.Groups, bare.Roles, bare.Name, bare.PreferredUsername, bare.Email = "", "", nil, nil, "", "", ""
	bare.PATGeneration, bare.Scope = 0, ""
	require.JSONEq(t, `{"iss":"https://sts.example.com","sub":"7f000000000000000000000000000001",
		"aud":"https://api.example.com","iat":1772366400,"exp":1772366700,
		"jti":"0123456789abcdef0123456789abcdef","client_id":"7f3c0000000000000000000000000002",
		"azp":"7f3c0000000000000000000000000002","pat_id":"7f3c0000000000000000000000000002",
		"pat_gen":0,"pat_level":"group","org":"bb000000000000000000000000000004"}`, payload(bare))
}

// What is told beside the claims that each JWT has is told to others, and not read back.
func TestExtraClaims(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	claims := testClaims(clock.now())
	claims.Extra = map[string]string{"policy": `a"b<`, "https://example.com/team": "x"}
	token, err := ring.Mint(ES256, claims)
	require.NoError(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	var told map[string]any
	require.NoError(t, json.Unmarshal(raw, &told))
	require.Equal(t, `a"b<`, told["policy"])
	require.Equal(t, "x", told["https://example.com/team"])
	require.Equal(t, claims.Subject, told["sub"])
	got, err := ring.Verify(token, expected())
	require.NoError(t, err)
	claims.Extra = nil
	require.Equal(t, claims, got)
	for field := range reflect.TypeFor[wire]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		require.True(t, TakenClaim(name), name)
	}
	for _, name := range []string{"sub", "SUB", "nbf", "act", "cnf", "groups", "", "a\n"} {
		require.True(t, TakenClaim(name))
		claims.Extra = map[string]string{name: "x"}
		_, err := ring.Mint(ES256, claims)
		require.ErrorIs(t, err, ErrClaims, name)
	}
}

func TestMintLintsClaims(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	secret := "cambio_pat_7f3c9a0d7f3c9a0d7f3c9a0d7f3c9a0d_" + strings.Repeat("aB3", 16) + "x"
	for name, change := range map[string]func(*Claims){
		"iss":                   func(c *Claims) { c.Issuer = "" },
		"sub":                   func(c *Claims) { c.Subject = "" },
		"aud":                   func(c *Claims) { c.Audience = nil },
		"aud ":                  func(c *Claims) { c.Audience = []string{"a", ""} },
		"jti":                   func(c *Claims) { c.ID = "" },
		"jti ":                  func(c *Claims) { c.ID = c.ID[2:] },
		"jti  ":                 func(c *Claims) { c.ID = strings.ToUpper(c.ID) },
		"jti   ":                func(c *Claims) { c.ID = strings.Repeat(c.ID, 5) },
		"jti    ":               func(c *Claims) { c.ID += "0" },
		"an extra claim":        func(c *Claims) { c.Extra = map[string]string{"policy": "a\n"} },
		"an extra claim ":       func(c *Claims) { c.Extra = map[string]string{"policy": ""} },
		"client_id":             func(c *Claims) { c.ClientID = "" },
		"azp":                   func(c *Claims) { c.AuthorizedParty = "" },
		"pat_id":                func(c *Claims) { c.PATID = "" },
		"pat_gen":               func(c *Claims) { c.PATGeneration = -1 },
		"pat_level":             func(c *Claims) { c.PATLevel = "" },
		"org":                   func(c *Claims) { c.Organization = "" },
		"iat":                   func(c *Claims) { c.IssuedAt = time.Time{} },
		"iat ":                  func(c *Claims) { c.IssuedAt = c.IssuedAt.Add(time.Millisecond) },
		"exp":                   func(c *Claims) { c.Expiry = time.Time{} },
		"exp ":                  func(c *Claims) { c.Expiry = c.Expiry.Add(time.Millisecond) },
		"exp  ":                 func(c *Claims) { c.Expiry = c.IssuedAt },
		"exp   ":                func(c *Claims) { c.Expiry = c.IssuedAt.Add(testLife + time.Second) },
		"exp    ":               func(c *Claims) { c.IssuedAt = c.IssuedAt.Add(testLife); c.Expiry = c.IssuedAt.Add(time.Minute) },
		"scope":                 func(c *Claims) { c.Scope = "a  b" },
		"scope ":                func(c *Claims) { c.Scope = " a" },
		"scope  ":               func(c *Claims) { c.Scope = `a"` },
		"scope   ":              func(c *Claims) { c.Scope = `a\` },
		"scope    ":             func(c *Claims) { c.Scope = "ä" },
		"scope     ":            func(c *Claims) { c.Scope = "a\tb" },
		"groups":                func(c *Claims) { c.Groups = []string{"a", "b\nc"} },
		"roles":                 func(c *Claims) { c.Roles = []string{""} },
		"name":                  func(c *Claims) { c.Name = "a\x00" },
		"name ":                 func(c *Claims) { c.Name = "a\u0085" },
		"name  ":                func(c *Claims) { c.Name = "a\xff" },
		"preferred_username":    func(c *Claims) { c.PreferredUsername = "a\r" },
		"email":                 func(c *Claims) { c.Email = secret },
		"sub holds a secret":    func(c *Claims) { c.Subject = "x" + secret + "y" },
		"aud holds a secret":    func(c *Claims) { c.Audience = []string{"https://a/?t=" + secret} },
		"groups hold a secret":  func(c *Claims) { c.Groups = []string{secret} },
		"pat_role has a secret": func(c *Claims) { c.PATRole = strings.Replace(secret, "cambio_pat", "other", 1) },
		"pat_level_id":          func(c *Claims) { c.PATLevelID = secret[11:] },
	} {
		t.Run(name, func(t *testing.T) {
			claims := testClaims(clock.now())
			change(&claims)
			token, err := ring.Mint(ES256, claims)
			require.ErrorIs(t, err, ErrClaims)
			require.ErrorContains(t, err, strings.Fields(name)[0])
			require.NotContains(t, err.Error(), "aB3")
			require.Empty(t, token)
		})
	}
	for name, change := range map[string]func(*Claims){
		"longest life":      func(c *Claims) { c.Expiry = c.IssuedAt.Add(testLife) },
		"almost a secret":   func(c *Claims) { c.Name = secret[:len(secret)-1] },
		"not a secret's id": func(c *Claims) { c.Name = "g" + secret[12:] },
		"underscores":       func(c *Claims) { c.Name = strings.Repeat("_", 100) },
		"clock of exchange": func(c *Claims) { c.IssuedAt = c.IssuedAt.Add(clockSkew); c.Expiry = c.IssuedAt.Add(testLife) },
	} {
		t.Run(name, func(t *testing.T) {
			claims := testClaims(clock.now())
			change(&claims)
			_, err := ring.Mint(ES256, claims)
			require.NoError(t, err)
		})
	}
	t.Run("too long", func(t *testing.T) {
		claims := testClaims(clock.now())
		claims.Name = strings.Repeat("n", maxTokenLen)
		_, err := ring.Mint(ES256, claims)
		require.ErrorIs(t, err, ErrTooLong)
	})
	t.Run("algorithm not configured", func(t *testing.T) {
		for _, alg := range []Alg{RS256, "", "none", "HS256"} {
			_, err := ring.Mint(alg, testClaims(clock.now()))
			require.ErrorIs(t, err, ErrUnknownAlg)
		}
	})
}

// forge signs header and payload with the active key of alg.
func forge(t *testing.T, ring *Ring, alg Alg, header, payload string) string {
	t.Helper()
	key := ring.snapshot.Load().signer(alg, ring.now())
	input := encode([]byte(header)) + "." + encode([]byte(payload))
	signature, err := key.method.Sign(input, key.private)
	require.NoError(t, err)
	return input + "." + encode(signature)
}

func activeKID(ring *Ring, alg Alg) string { return infos(ring, alg, Active)[0].KID }

func TestVerifyHeader(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock, ES256, EdDSA)
	claims := testClaims(clock.now())
	raw, err := claims.appendJSON(nil)
	require.NoError(t, err)
	kid, other := activeKID(ring, ES256), activeKID(ring, EdDSA)
	deep := strings.Repeat("[", 20) + strings.Repeat("]", 20)

	for name, tc := range map[string]struct {
		header string
		want   error // nil: accepted
	}{
		"as minted":           {`{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt"}`, nil},
		"spaces, other order": {` { "typ" : "at+jwt", "kid":"` + kid + `","alg":"ES256"} `, nil},
		"full media type":     {`{"alg":"ES256","kid":"` + kid + `","typ":"application/at+jwt"}`, nil},
		"media type case":     {`{"alg":"ES256","kid":"` + kid + `","typ":"Application/AT+jwt"}`, nil},
		"typ JWT":             {`{"alg":"ES256","kid":"` + kid + `","typ":"JWT"}`, errType},
		"typ logout+jwt":      {`{"alg":"ES256","kid":"` + kid + `","typ":"logout+jwt"}`, errType},
		"typ text/at+jwt":     {`{"alg":"ES256","kid":"` + kid + `","typ":"text/at+jwt"}`, errType},
		"typ missing":         {`{"alg":"ES256","kid":"` + kid + `"}`, errHeader},
		"typ null":            {`{"alg":"ES256","kid":"` + kid + `","typ":null}`, errHeader},
		"alg none":            {`{"alg":"none","kid":"` + kid + `","typ":"at+jwt"}`, errAlg},
		"alg nOnE":            {`{"alg":"nOnE","kid":"` + kid + `","typ":"at+jwt"}`, errAlg},
		"alg HS256":           {`{"alg":"HS256","kid":"` + kid + `","typ":"at+jwt"}`, errAlg},
		"alg of another key":  {`{"alg":"EdDSA","kid":"` + kid + `","typ":"at+jwt"}`, errAlg},
		"alg missing":         {`{"kid":"` + kid + `","typ":"at+jwt","x":"y"}`, errHeader},
		"alg a number":        {`{"alg":1,"kid":"` + kid + `","typ":"at+jwt"}`, errHeader},
		"Alg beside alg":      {`{"Alg":"none","alg":"ES256","kid":"` + kid + `","typ":"at+jwt"}`, errHeader},
		"ALG alone":           {`{"ALG":"ES256","kid":"` + kid + `","typ":"at+jwt"}`, errHeader},
		"another key":         {`{"alg":"EdDSA","kid":"` + other + `","typ":"at+jwt"}`, errSignature},
		"kid a path":          {`{"alg":"ES256","kid":"../../etc/passwd","typ":"at+jwt"}`, errKey},
		"kid SQL":             {`{"alg":"ES256","kid":"' OR 1=1 --","typ":"at+jwt"}`, errKey},
		"kid NUL":             {`{"alg":"ES256","kid":"` + kid + `\u0000","typ":"at+jwt"}`, errKey},
		"kid empty":           {`{"alg":"ES256","kid":"","typ":"at+jwt"}`, errKey},
		"kid of 10 KB":        {`{"alg":"ES256","kid":"` + strings.Repeat("k", 10<<10) + `","typ":"at+jwt"}`, errKey},
		"kid of 20 KB":        {`{"alg":"ES256","kid":"` + strings.Repeat("k", 20<<10) + `","typ":"at+jwt"}`, errTooLong},
		"kid missing":         {`{"alg":"ES256","typ":"at+jwt"}`, errHeader},
		"kid twice":           {`{"alg":"ES256","kid":"` + kid + `","kid":"` + kid + `","typ":"at+jwt"}`, errDuplicate},
		"alg twice, escaped":  {`{"alg":"ES256","\u0061lg":"none","kid":"` + kid + `","typ":"at+jwt"}`, errDuplicate},
		"jku":                 {`{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt","jku":"https://evil"}`, errHeader},
		"x5u":                 {`{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt","x5u":"https://evil"}`, errHeader},
		"jwk":                 {`{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt","jwk":{"kty":"oct"}}`, errHeader},
		"jwk with duplicates": {`{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt","jwk":[{"a":1,"a":2}]}`, errDuplicate},
		"crit":                {`{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt","crit":["exp"]}`, errHeader},
		"deep":                {`{"alg":"ES256","kid":` + deep + `,"typ":"at+jwt"}`, errTooDeep},
		"deep objects":        {`{"a":` + strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20) + `}`, errTooDeep},
		"an array":            {`["ES256"]`, errNotObject},
		"null":                {`null`, errNotObject},
		"not JSON":            {`alg=ES256`, errNotObject},
		"cut":                 {`{"alg":"ES256"`, errNotObject},
		"cut in a value":      {`{"alg":"ES256","kid":[`, errNotObject},
		"no value":            {`{"alg"}`, errNotObject},
		"name not a string":   {`{1:2}`, errNotObject},
		"trailing":            {`{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt"}{}`, errNotObject},
		"not UTF-8":           {`{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt` + "\xff" + `"}`, errNotObject},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ring.Verify(forge(t, ring, ES256, tc.header, string(raw)), expected())
			if tc.want == nil {
				require.NoError(t, err)
				require.Equal(t, claims, got)
				return
			}
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorIs(t, err, tc.want)
			require.Empty(t, got)
		})
	}
}

func TestVerifyPayload(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	claims := testClaims(clock.now())
	raw, err := claims.appendJSON(nil)
	require.NoError(t, err)
	good := string(raw)
	header := `{"alg":"ES256","kid":"` + activeKID(ring, ES256) + `","typ":"at+jwt"}`
	replace := func(old, by string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, by, 1)
	}
	for name, tc := range map[string]struct {
		payload string
		want    error // nil: accepted
	}{
		"as minted":          {good, nil},
		"aud an array":       {replace(`"aud":"https://api.example.com"`, `"aud":["x","https://api.example.com"]`), nil},
		"unknown member":     {replace(`"iss"`, `"later":{"a":[1,{"b":null}]},"iss"`), nil},
		"iss of other case":  {replace(testIssuer, strings.ToUpper(testIssuer)), ErrInvalid},
		"iss with slash":     {replace(testIssuer, testIssuer+"/"), ErrInvalid},
		"iss null":           {replace(`"iss":"`+testIssuer+`"`, `"iss":null`), errNull},
		"ISS overrides":      {replace(`"exp"`, `"ISS":"https://evil","exp"`), nil},
		"exp as string":      {replace(`"exp":1772366700`, `"exp":"1772366700"`), ErrInvalid},
		"exp a fraction":     {replace(`"exp":1772366700`, `"exp":1772366700.5`), ErrInvalid},
		"exp huge":           {replace(`"exp":1772366700`, `"exp":1e400`), ErrInvalid},
		"exp missing":        {replace(`"exp":1772366700,`, ``), ErrInvalid},
		"exp null":           {replace(`"exp":1772366700`, `"exp":null`), errNull},
		"exp twice":          {replace(`"exp":1772366700`, `"exp":1772366700,"exp":9999999999`), errDuplicate},
		"nested twice":       {replace(`"iss"`, `"later":{"a":1,"a":2},"iss"`), errDuplicate},
		"exp now":            {replace(`"exp":1772366700`, `"exp":1772366400`), ErrExpired},
		"exp past":           {replace(`"exp":1772366700`, `"exp":1`), ErrExpired},
		"sub missing":        {replace(`"sub":"7f000000000000000000000000000001",`, ``), ErrInvalid},
		"aud missing":        {replace(`"aud":"https://api.example.com",`, ``), ErrInvalid},
		"aud empty":          {replace(`"aud":"https://api.example.com"`, `"aud":[]`), ErrInvalid},
		"aud null":           {replace(`"aud":"https://api.example.com"`, `"aud":null`), errNull},
		"aud another":        {replace(`"aud":"https://api.example.com"`, `"aud":"https://api.example.com/"`), ErrInvalid},
		"aud an object":      {replace(`"aud":"https://api.example.com"`, `"aud":{"https://api.example.com":1}`), ErrInvalid},
		"pat_gen as string":  {replace(`"pat_gen":3`, `"pat_gen":"3"`), ErrInvalid},
		"array":              {`[]`, errNotObject},
		"not UTF-8":          {replace("Älice", "\xc4lice"), errNotObject},
		"byte order mark":    {"\ufeff" + good, errNotObject},
		"a second document":  {good + good, errNotObject},
		"array not finished": {strings.TrimSuffix(good, "}") + `,"later":[1}`, errNotObject},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ring.Verify(forge(t, ring, ES256, header, tc.payload),
				Expected{Issuer: testIssuer, Audiences: []string{"https://api.example.com"}})
			if tc.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tc.want)
		})
	}
}

func TestVerifyExpectations(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	token := mint(t, ring, ES256)
	expiry := testClaims(clock.now()).Expiry
	for name, tc := range map[string]struct {
		want Expected
		err  error
	}{
		"any audience":          {Expected{Issuer: testIssuer}, nil},
		"no audience at all":    {Expected{Issuer: testIssuer, Audiences: []string{}}, ErrInvalid},
		"another audience":      {Expected{Issuer: testIssuer, Audiences: []string{"https://api.example.org"}}, ErrInvalid},
		"another issuer":        {Expected{Issuer: testIssuer + "/"}, ErrInvalid},
		"no issuer":             {Expected{}, ErrInvalid},
		"a moment before exp":   {Expected{Issuer: testIssuer, Now: expiry.Add(-time.Nanosecond)}, nil},
		"exp is now":            {Expected{Issuer: testIssuer, Now: expiry}, ErrExpired},
		"before it was issued":  {Expected{Issuer: testIssuer, Now: start.Add(-time.Minute)}, nil},
		"long after the key is": {Expected{Issuer: testIssuer, Now: start.Add(365 * 24 * time.Hour)}, ErrInvalid},
	} {
		_, err := ring.Verify(token, tc.want)
		require.ErrorIs(t, err, tc.err, name)
	}
	clock.move(5 * time.Minute)
	_, err := ring.Verify(token, expected())
	require.ErrorIs(t, err, ErrExpired, "the ring's own clock")
}

func TestVerifyForm(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock, everyAlg()...)
	for _, alg := range everyAlg() {
		token := mint(t, ring, alg)
		parts := strings.Split(token, ".")
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		require.NoError(t, err)
		input := parts[0] + "." + parts[1] + "."
		zero := make([]byte, len(signature))
		for name, bad := range map[string]string{
			"empty":                 "",
			"dots":                  "..",
			"no signature":          input,
			"two parts":             parts[0] + "." + parts[1],
			"four parts":            token + ".",
			"a million dots":        strings.Repeat(".", 1_000_000),
			"a megabyte":            strings.Repeat("A", 1<<20) + token,
			"a megabyte of header":  strings.Repeat("A", 1<<20) + "." + parts[1] + "." + parts[2],
			"padding":               token + "=",
			"line break":            token + "\n",
			"line break inside":     token[:10] + "\r\n" + token[10:],
			"line break in payload": parts[0] + ".\n" + parts[1] + "." + parts[2],
			"space":                 " " + token,
			"standard base64":       parts[0] + "." + parts[1] + ".+/+/",
			"zero signature":        input + encode(zero),
			"short signature":       input + encode(signature[:len(signature)-1]),
			"long signature":        input + encode(append(slices.Clone(signature), 0)),
			"long signature before": input + encode(append([]byte{0}, signature...)),
			"other payload":         parts[0] + "." + encode([]byte(`{}`)) + "." + parts[2],
		} {
			_, err := ring.Verify(bad, expected())
			require.ErrorIs(t, err, ErrInvalid, "%s: %s", alg, name)
		}
	}
}

func TestVerifyRefusesDER(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	token := mint(t, ring, ES256)
	at := strings.LastIndexByte(token, '.')
	raw, err := base64.RawURLEncoding.DecodeString(token[at+1:])
	require.NoError(t, err)
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	require.NoError(t, err)
	_, err = ring.Verify(token[:at+1]+encode(der), expected())
	require.ErrorIs(t, err, errSignature)
}

// RFC 8725 §3.1: the public key as an HMAC secret.
func TestVerifyRefusesPublicKeyAsSecret(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock, ES256, RS256)
	for _, alg := range []Alg{ES256, RS256} {
		key := ring.snapshot.Load().signer(alg, clock.now())
		der, err := x509.MarshalPKIXPublicKey(key.public)
		require.NoError(t, err)
		jwkText, err := json.Marshal(key.jwk)
		require.NoError(t, err)
		payload := strings.Split(mint(t, ring, alg), ".")[1]
		for _, secret := range [][]byte{der, jwkText} {
			for _, claimed := range []string{"HS256", string(alg)} {
				input := encode([]byte(`{"alg":"`+claimed+`","kid":"`+key.rec.KID+`","typ":"at+jwt"}`)) + "." + payload
				mac := hmac.New(sha256.New, secret)
				mac.Write([]byte(input))
				_, err = ring.Verify(input+"."+encode(mac.Sum(nil)), expected())
				require.ErrorIs(t, err, ErrInvalid)
			}
		}
	}
}

func TestProveRefusesBrokenKeys(t *testing.T) {
	one, err := ES256.generate()
	require.NoError(t, err)
	two, err := ES256.generate()
	require.NoError(t, err)
	mixed, err := newMaterial(ES256, one)
	require.NoError(t, err)
	require.NoError(t, mixed.prove())
	mixed.public = two.Public()
	require.ErrorContains(t, mixed.prove(), "verify")
	mixed.private = brokenSigner{}
	require.ErrorContains(t, mixed.prove(), "sign")
	_, err = newMaterial(RS256, one)
	require.ErrorIs(t, err, errKeyType)
}

type brokenSigner struct{ crypto.Signer }

func (brokenSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("broken")
}
