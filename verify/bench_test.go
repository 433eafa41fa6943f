package verify_test

import (
	"errors"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/verify"
)

// accessClaims are what a service would decode with golang-jwt alone.
type accessClaims struct {
	jwt.RegisteredClaims

	ClientID      string `json:"client_id"`
	Scope         string `json:"scope"`
	Organization  string `json:"org"`
	PATID         string `json:"pat_id"`
	PATGeneration int64  `json:"pat_gen"`
	PATLevel      string `json:"pat_level"`
}

var benchedAlgorithms = []string{"ES256", "RS256", "EdDSA"}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range benchedAlgorithms {
		b.Run(alg, func(b *testing.B) {
			s := newIssuer(time.Now)
			s.add(alg)
			v := s.verifier(b)
			token := s.mint(nil, nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGolangJWT is golang-jwt with a map of keys at hand.
func BenchmarkGolangJWT(b *testing.B) {
	for _, alg := range benchedAlgorithms {
		b.Run(alg, func(b *testing.B) {
			s := newIssuer(time.Now)
			s.add(alg)
			token := s.mint(nil, nil)
			keys := map[string]any{s.signer().kid: s.signer().private.Public()}
			parser := jwt.NewParser(jwt.WithValidMethods([]string{alg}), jwt.WithIssuer(testIssuer), jwt.WithAudience(testAudience), jwt.WithExpirationRequired())
			b.ReportAllocs()
			for b.Loop() {
				_, err := parser.ParseWithClaims(token, &accessClaims{}, func(t *jwt.Token) (any, error) {
					kid, _ := t.Header["kid"].(string)
					key, ok := keys[kid]
					if !ok {
						return nil, errors.New("no such key")
					}
					return key, nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPAT is a personal access token that was seen before.
func BenchmarkPAT(b *testing.B) {
	s := newIssuer(time.Now)
	v := s.verifier(b, verify.AcceptPAT(verify.PATOptions{}))
	token := pat(1)
	_, err := v.Verify(b.Context(), token)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
