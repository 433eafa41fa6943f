package keys

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSignRevocations: an answer of the feed is signed by a key of the JWKS, and is never
// taken for an access token, not even when it says what one says.
func TestSignRevocations(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock, everyAlg()...)
	for _, alg := range everyAlg() {
		token := mint(t, ring, alg)
		parts := strings.Split(token, ".")
		claims, err := base64.RawURLEncoding.DecodeString(parts[1])
		require.NoError(t, err)
		signed, err := ring.SignRevocations(alg, claims)
		require.NoError(t, err)

		got := strings.Split(signed, ".")
		require.Len(t, got, 3)
		require.Equal(t, parts[1], got[1])
		header, err := base64.RawURLEncoding.DecodeString(got[0])
		require.NoError(t, err)
		kid, err := ring.KeyID(alg)
		require.NoError(t, err)
		require.Equal(t, `{"alg":"`+string(alg)+`","kid":"`+kid+`","typ":"revocations+jwt"}`, string(header))
		signature, err := base64.RawURLEncoding.DecodeString(got[2])
		require.NoError(t, err)
		key, err := ring.activeKey(alg, clock.now())
		require.NoError(t, err)
		require.NoError(t, key.method.Verify(got[0]+"."+got[1], signature, key.public))

		_, err = ring.Verify(token, expected())
		require.NoError(t, err)
		_, err = ring.Verify(signed, expected())
		require.ErrorIs(t, err, ErrInvalid)
	}
	long := []byte(`{"ended":"` + strings.Repeat("x", 4*maxTokenLen) + `"}`)
	_, err := ring.SignRevocations(ES256, long)
	require.NoError(t, err, "it is as long as it has to be")

	_, err = ring.SignRevocations("HS256", long)
	require.ErrorIs(t, err, ErrUnknownAlg)
	clock.move(24 * time.Hour)
	_, err = ring.SignRevocations(ES256, long)
	require.ErrorIs(t, err, ErrStale)
}
