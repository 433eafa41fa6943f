package peers

import (
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"
)

// TestGoJOSE: go-jose verifies a token of each algorithm by the published keys,
// and by no other algorithm.
func TestGoJOSE(t *testing.T) {
	for name, start := range worlds() {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			var metadata struct {
				Issuer        string `json:"issuer"`
				TokenEndpoint string `json:"token_endpoint"`
				JWKSURI       string `json:"jwks_uri"`
			}
			w.get(t, w.Issuer+"/.well-known/oauth-authorization-server", &metadata)
			require.Equal(t, w.Issuer, metadata.Issuer)
			var keys jose.JSONWebKeySet
			w.get(t, metadata.JWKSURI, &keys)
			for _, key := range keys.Keys {
				require.True(t, key.Valid(), key.KeyID)
				require.True(t, key.IsPublic(), key.KeyID)
			}
			for alg, audience := range w.Audiences {
				bob, err := w.bobsTokens(metadata.TokenEndpoint, audience, w.Bob.Secret).Token(w.context(t))
				require.NoError(t, err)
				alice := w.exchange(t, metadata.TokenEndpoint, audience, "")
				for name, token := range map[string]string{"bob": bob.AccessToken, "alice": alice} {
					t.Run(alg+" "+name, func(t *testing.T) { requireJWT(t, &keys, jose.SignatureAlgorithm(alg), w.Issuer, audience, token) })
				}
			}
		})
	}
}

func requireJWT(t *testing.T, keys *jose.JSONWebKeySet, alg jose.SignatureAlgorithm, issuer, audience, token string) {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{alg})
	require.NoError(t, err)
	require.Len(t, parsed.Headers, 1)
	require.Equal(t, "at+jwt", parsed.Headers[0].ExtraHeaders[jose.HeaderType])
	require.Len(t, keys.Key(parsed.Headers[0].KeyID), 1)
	var claims jwt.Claims
	require.NoError(t, parsed.Claims(keys, &claims))
	now := time.Now()
	expected := jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{audience}, Time: now}
	require.NoError(t, claims.ValidateWithLeeway(expected, 0))

	wrong := expected
	wrong.AnyAudience = jwt.Audience{elsewhere}
	require.ErrorIs(t, claims.Validate(wrong), jwt.ErrInvalidAudience)
	wrong = expected
	wrong.Issuer = elsewhere
	require.ErrorIs(t, claims.Validate(wrong), jwt.ErrInvalidIssuer)
	wrong = expected
	wrong.Time = now.Add(24 * time.Hour)
	require.ErrorIs(t, claims.Validate(wrong), jwt.ErrExpired)

	_, err = jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.HS256, jose.PS256, jose.ES512})
	require.Error(t, err)
	forged, err := jwt.ParseSigned(tampered(token), []jose.SignatureAlgorithm{alg})
	require.NoError(t, err)
	require.ErrorIs(t, forged.Claims(keys, &claims), jose.ErrCryptoFailure)
}
