package verify_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/verify"
)

func TestMiddleware(t *testing.T) {
	s := newIssuer(time.Now)
	const metadata = testAudience + "/.well-known/oauth-protected-resource"
	v := s.verifier(t, verify.WithResourceMetadata(metadata))
	good, expired := s.mint(nil, nil), s.mint(nil, map[string]any{"exp": 1})
	const invalid = `Bearer error="invalid_token", error_description="the access token is invalid", resource_metadata="` + metadata + `"`
	malformed := func(description string) string {
		return `Bearer error="invalid_request", error_description="` + description + `", resource_metadata="` + metadata + `"`
	}
	query, several, one := malformed("an access token is not taken from the query"), malformed("there is more than one Authorization header"), malformed("the Authorization header has not exactly one token")
	for name, tc := range map[string]struct {
		target    string
		header    []string
		require   []string
		status    int
		challenge string
	}{
		"good":                  {header: []string{"Bearer " + good}, status: 200},
		"scheme in lower case":  {header: []string{"bearer " + good}, status: 200}, // RFC 9110 §11.1
		"two blanks":            {header: []string{"Bearer  " + good}, status: 200},
		"scope held":            {header: []string{"Bearer " + good}, require: []string{"orders:read"}, status: 200},
		"scopes held":           {header: []string{"Bearer " + good}, require: []string{"orders:write", "orders:read"}, status: 200},
		"none":                  {status: 401, challenge: `Bearer resource_metadata="` + metadata + `"`},
		"another scheme":        {header: []string{"Basic Zm9vOmJhcg=="}, status: 401, challenge: `Bearer resource_metadata="` + metadata + `"`},
		"expired":               {header: []string{"Bearer " + expired}, status: 401, challenge: strings.Replace(invalid, "is invalid", "expired", 1)},
		"invalid":               {header: []string{"Bearer " + good[1:]}, status: 401, challenge: invalid},
		"scope lacking":         {header: []string{"Bearer " + good}, require: []string{"orders:read", "orders:delete"}, status: 403, challenge: `Bearer error="insufficient_scope", error_description="the access token lacks a scope that this needs", scope="orders:read orders:delete", resource_metadata="` + metadata + `"`},
		"invalid, and lacking":  {header: []string{"Bearer x"}, require: []string{"orders:delete"}, status: 401, challenge: invalid},
		"two headers":           {header: []string{"Bearer " + good, "Bearer " + good}, status: 400, challenge: several},
		"Basic and Bearer":      {header: []string{"Basic x", "Bearer " + good}, status: 400, challenge: several},
		"no token":              {header: []string{"Bearer"}, status: 400, challenge: one},
		"no token but blanks":   {header: []string{"Bearer  "}, status: 400, challenge: one},
		"two tokens":            {header: []string{"Bearer " + good + " " + good}, status: 400, challenge: one},
		"in the query":          {target: "/?access_token=" + good, status: 400, challenge: query},
		"in the query, besides": {target: "/?access_token=" + good, header: []string{"Bearer " + good}, status: 400, challenge: query},
	} {
		t.Run(name, func(t *testing.T) {
			reached := false
			handler := v.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				claims, ok := verify.FromContext(r.Context())
				reached = ok && claims.Subject == "alice"
			}), verify.Require(tc.require...))
			if tc.target == "" {
				tc.target = "/"
			}
			r := httptest.NewRequest(http.MethodGet, tc.target, http.NoBody)
			r.Header["Authorization"] = tc.header
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			require.Equal(t, tc.status, w.Code)
			require.Equal(t, tc.challenge, w.Header().Get("WWW-Authenticate"))
			require.Equal(t, tc.status == http.StatusOK, reached)
			require.Equal(t, tc.status != http.StatusOK, w.Header().Get("Cache-Control") == "no-store")
		})
	}
	_, ok := verify.FromContext(t.Context())
	require.False(t, ok)
}

func TestMiddlewareInAnOutage(t *testing.T) {
	s := newIssuer(time.Now)
	v := s.verifier(t, verify.AcceptPAT(verify.PATOptions{}))
	s.fail = http.StatusServiceUnavailable
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+pat(1))
	w := httptest.NewRecorder()
	v.Middleware(http.NotFoundHandler()).ServeHTTP(w, r)
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Empty(t, w.Header().Get("WWW-Authenticate"))
}

// TestChallengeIsQuotable: whatever a scope is made of, the header stays one.
func TestChallengeIsQuotable(t *testing.T) {
	err := verify.Check(&verify.Claims{}, verify.Require("a\"\r\nX: y\\", "ü"))
	var refused *verify.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, `Bearer error="insufficient_scope", error_description="the access token lacks a scope that this needs", scope="aX: y "`, refused.Challenge(""))
}
