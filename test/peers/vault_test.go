package peers

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hashicorp/cap/jwt"
	"github.com/stretchr/testify/require"
)

// TestVault: cap/jwt, by which Vault's and Consul's JWT logins verify, takes access
// tokens found by discovery.
func TestVault(t *testing.T) {
	t.Parallel()
	g := newGuardedTLS(t)
	keys, err := jwt.NewOIDCDiscoveryKeySet(t.Context(), g.issuer, readFile(t, g.caFile))
	require.NoError(t, err)
	validator, err := jwt.NewValidator(keys)
	require.NoError(t, err)
	expected := jwt.Expected{
		Issuer: g.issuer, Audiences: []string{apiAudience}, SigningAlgorithms: []jwt.Alg{jwt.ES256},
		ExpirationLeeway: -1, ClockSkewLeeway: -1, // none; the default is 150 s and 60 s
	}
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		claims, err := validator.Validate(r.Context(), token, expected)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		if claims["scope"] != "orders:read" { // as bound_claims of a role
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(login.Close)
	g.checks(guard{url: login.URL, refused: http.StatusUnauthorized, lacking: http.StatusForbidden})
}
