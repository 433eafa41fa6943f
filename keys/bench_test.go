package keys

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func BenchmarkMint(b *testing.B) {
	ring, _ := openRing(b, newClock(), everyAlg()...)
	claims := testClaims(start)
	claims.Groups, claims.Roles, claims.Name, claims.PreferredUsername, claims.Email = nil, nil, "", "", ""
	for _, alg := range everyAlg() {
		b.Run(string(alg), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ring.Mint(alg, claims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	ring, _ := openRing(b, newClock(), everyAlg()...)
	for _, alg := range everyAlg() {
		token, err := ring.Mint(alg, testClaims(start))
		require.NoError(b, err)
		want := Expected{Issuer: testIssuer, Now: start.Add(time.Second)}
		b.Run(string(alg), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ring.Verify(token, want); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
