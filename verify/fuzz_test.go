package verify_test

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/cambio-sts/cambio/verify"
)

// FuzzVerify: of all texts, those are valid that the issuer signed. Ed25519 has
// one signature for one text, so a token has no second form.
func FuzzVerify(f *testing.F) {
	at := time.Unix(1_800_000_000, 0)
	s := newIssuer(func() time.Time { return at })
	s.add("EdDSA")
	v := s.verifier(f)
	good := s.mint(nil, nil)
	f.Add(good)
	for _, bad := range badTokens(s) {
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := v.Verify(t.Context(), token)
		if accepted := err == nil; accepted != (token == good) {
			t.Fatalf("accepted: %v: %q", accepted, token)
		}
	})
}

// FuzzClaims: whatever payload is signed and taken, golang-jwt takes too, and a
// plain decoder reads the same.
func FuzzClaims(f *testing.F) {
	at := time.Unix(1_800_000_000, 0)
	s := newIssuer(func() time.Time { return at })
	s.add("EdDSA")
	v := s.verifier(f, verify.WithLeeway(0))
	key := s.signer()
	f.Add(text(s.claims()))
	for _, token := range badTokens(s) {
		if _, rest, ok := strings.Cut(token, "."); ok {
			payload, _, _ := strings.Cut(rest, ".")
			raw, _ := jwt.NewParser().DecodeSegment(payload)
			f.Add(string(raw))
		}
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithIssuer(testIssuer), jwt.WithAudience(testAudience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithStrictDecoding(), jwt.WithTimeFunc(s.now),
	)
	f.Fuzz(func(t *testing.T, payload string) {
		token := key.sign(text(map[string]any{"alg": "EdDSA", "kid": key.kid, "typ": "at+jwt"}), payload)
		claims, err := v.Verify(t.Context(), token)
		if err != nil {
			return
		}
		read := jwt.MapClaims{}
		if _, err := parser.ParseWithClaims(token, read, func(*jwt.Token) (any, error) { return key.private.Public(), nil }); err != nil {
			t.Fatalf("golang-jwt refuses %q: %v", payload, err)
		}
		if !utf8.ValidString(payload) {
			t.Fatalf("taken: %q", payload)
		}
		names := map[string]string{
			"iss": claims.Issuer, "sub": claims.Subject, "jti": claims.ID, "client_id": claims.ClientID, "org": claims.Organization,
			"pat_id": claims.PATID, "name": claims.Name, "email": claims.Email, "preferred_username": claims.Username,
			"pat_level": claims.PATLevel, "pat_level_id": claims.PATLevelID, "pat_role": claims.PATRole,
		}
		for name, got := range names {
			if want, _ := read[name].(string); want != got {
				t.Fatalf("%s is %q, not %q: %q", name, want, got, payload)
			}
		}
		aud, _ := read.GetAudience()
		scope, _ := read["scope"].(string)
		if split := slices.DeleteFunc(strings.Split(scope, " "), func(part string) bool { return part == "" }); !slices.Equal(aud, claims.Audience) || !slices.Equal(split, claims.Scopes) {
			t.Fatalf("aud %q, scope %q: %q", claims.Audience, claims.Scopes, payload)
		}
		var decoded map[string]any
		if err := claims.Decode(&decoded); err != nil || !slices.Equal(slices.Sorted(maps.Keys(decoded)), slices.Sorted(maps.Keys(read))) {
			t.Fatalf("members of %q: %v", payload, err)
		}
	})
}

// FuzzKeySet: a set that is taken makes keys that each fit their algorithm, and
// the verifier that has them lives.
func FuzzKeySet(f *testing.F) {
	s := newIssuer(time.Now)
	for _, alg := range []string{"ES384", "EdDSA", "RS256"} {
		s.add(alg)
	}
	var keys []any
	for _, key := range s.keys {
		keys = append(keys, key.jwk())
		f.Add(text(map[string]any{"keys": []any{key.jwk()}}))
	}
	f.Add(text(map[string]any{"keys": keys}))
	good := s.mint(nil, nil)
	f.Fuzz(func(t *testing.T, set string) {
		algs, err := verify.KeySetAlgorithms([]byte(set), good)
		if err != nil {
			return
		}
		var read struct {
			Keys []map[string]any `json:"keys"`
		}
		if json.Unmarshal([]byte(set), &read) != nil && len(algs) == 0 {
			t.Fatalf("taken: %q", set)
		}
		for kid := range algs {
			if kid == "" {
				t.Fatalf("a key without a name: %q", set)
			}
		}
	})
}

// FuzzFeedAnswer: of a payload that is taken, a plain decoder reads the same entries, and
// what is read, printed as the server would, is read again alike.
func FuzzFeedAnswer(f *testing.F) {
	f.Add(`{"iss":"` + testIssuer + `","iat":1,"since":0,"next":0,"window":1,"ended":[{"h":"` + hashed("x") + `","gen":1},{"h":"` + hashed("y") + `","iat":2},{"h":"` + hashed("z") + `"}]}`)
	f.Add(`{"iss":"` + testIssuer + `","iat":1,"since":1,"next":2,"window":1,"ended":[]}`)
	f.Add(`{"ISS":"` + testIssuer + `","iat":1,"since":0,"next":-1,"window":1,"ended":[{"h":null,"gen":null}]}`)
	f.Fuzz(func(t *testing.T, payload string) {
		entries, since, next, err := verify.FeedAnswer([]byte(payload), testIssuer)
		if err != nil {
			return
		}
		var ended []any
		for _, e := range entries {
			made := map[string]any{"h": encode(string(e.Mark[:]))}
			if e.Generation != math.MaxInt64 {
				made["gen"] = e.Generation
			}
			if e.IssuedAt != math.MaxInt64 {
				made["iat"] = e.IssuedAt
			}
			ended = append(ended, made)
		}
		if ended == nil {
			ended = []any{}
		}
		var read struct {
			Ended []struct {
				Hash string `json:"h"`
			} `json:"ended"`
		}
		if err := json.Unmarshal([]byte(payload), &read); err != nil || len(read.Ended) != len(entries) {
			t.Fatalf("%d entries, not %d: %v: %q", len(read.Ended), len(entries), err, payload)
		}
		for i := range entries {
			if read.Ended[i].Hash != encode(string(entries[i].Mark[:])) {
				t.Fatalf("h is %q: %q", read.Ended[i].Hash, payload)
			}
		}
		if since < 0 || next < since {
			t.Fatalf("taken: %q", payload)
		}
		printed := text(map[string]any{"iss": testIssuer, "iat": 1, "since": since, "next": next, "window": 1, "ended": ended})
		again, _, _, err := verify.FeedAnswer([]byte(printed), testIssuer)
		if err != nil || !slices.Equal(again, entries) {
			t.Fatalf("%v: %q is not read like %q", err, printed, payload)
		}
	})
}
