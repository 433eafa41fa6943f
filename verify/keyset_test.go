package verify_test

import (
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/verify"
)

// TestKeySet changes one member of a good key each; beside it there is another one.
func TestKeySet(t *testing.T) {
	s := newIssuer(time.Now)
	s.add("EdDSA")
	s.add("RS256")
	token := s.mint(nil, nil)
	small, err := rsa.GenerateKey(rand.Reader, 1024) // on purpose
	require.NoError(t, err)
	set := func(of int, name string, value any) string {
		key := s.keys[of].jwk()
		change(key, map[string]any{name: value})
		return text(map[string]any{"keys": []any{key, map[string]any{"kty": "oct", "kid": "secret", "alg": "HS256", "k": "AAAA"}}})
	}
	x, _ := s.keys[0].jwk()["x"].(string)
	ec, okp, rs := 0, 1, 2
	for name, tc := range map[string]struct {
		set  string
		want []string // algorithms of the key; nil: it is skipped
	}{
		"EC": {set(ec, "", nil), []string{"ES256"}}, "OKP": {set(okp, "", nil), []string{"EdDSA"}}, "RSA": {set(rs, "", nil), []string{"RS256"}},
		"no alg":     {set(ec, "alg", nil), []string{"ES256"}},
		"RSA no alg": {set(rs, "alg", nil), []string{"RS256"}}, // PS256 and others are not among the accepted ones
		"no use":     {set(ec, "use", nil), []string{"ES256"}}, "to encrypt": {set(ec, "use", "enc"), nil},
		"key_ops": {set(ec, "key_ops", []string{"verify"}), []string{"ES256"}}, "other key_ops": {set(ec, "key_ops", []string{"sign"}), nil},
		"no kid": {set(ec, "kid", nil), nil}, "long kid": {set(ec, "kid", strings.Repeat("k", 600)), nil},
		"alg of another curve": {set(ec, "alg", "ES384"), nil}, "alg of another type": {set(ec, "alg", "RS256"), nil}, "HS256": {set(rs, "alg", "HS256"), nil},
		"PS256": {set(rs, "alg", "PS256"), nil}, "another curve": {set(ec, "crv", "P-384"), nil}, "unknown curve": {set(ec, "crv", "secp256k1"), nil},
		"off the curve": {set(ec, "y", x), nil}, "point short": {set(ec, "x", x[:40]), nil}, "point padded": {set(ec, "x", x+"="), nil}, "no y": {set(ec, "y", nil), nil},
		"Ed448": {set(okp, "crv", "Ed448"), nil}, "X25519": {set(okp, "crv", "X25519"), nil}, "OKP short": {set(okp, "x", "AAAA"), nil},
		"RSA small": {set(rs, "n", encode(string(small.N.Bytes()))), nil}, "RSA huge": {set(rs, "n", encode(strings.Repeat("\xff", 1025))), nil},
		"RSA e is 1": {set(rs, "e", "AQ"), nil}, "RSA e is even": {set(rs, "e", encode(string(big.NewInt(65536).Bytes()))), nil}, "RSA e is long": {set(rs, "e", encode("\x01\x00\x00\x00\x01")), nil},
		"unknown type": {set(ec, "kty", "AKP"), nil}, "x is a number": {set(ec, "x", 1), nil},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := verify.KeySetAlgorithms([]byte(tc.set), token)
			if tc.want == nil {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Len(t, found, 1)
			for _, algs := range found {
				require.Equal(t, tc.want, algs)
			}
		})
	}
	many := `{"keys":[` + strings.TrimSuffix(strings.Repeat(text(s.keys[0].jwk())+",", 257), ",") + `]}`
	for _, set := range []string{"", "null", "[]", `{}`, `{"keys":[]}`, `{"keys":{}}`, `{"keys":[null,1,"x"]}`, many} {
		_, err := verify.KeySetAlgorithms([]byte(set), token)
		require.Error(t, err, set[:min(len(set), 20)])
	}
}
