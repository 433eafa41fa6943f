package authz_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/keys"
)

// changingKeys publishes what the test says.
type changingKeys struct {
	body []byte
	algs []keys.Alg
}

func (k *changingKeys) JWKS() (body []byte, etag string, maxAge int) { return k.body, `"e"`, 7 }

func (k *changingKeys) Algs() []keys.Alg { return k.algs }

func worldWithKeys(t *testing.T, published *changingKeys) *world {
	t.Helper()
	return newWorld(t, func(_ *exchange.Config, c *authz.Config) { c.Keys = published })
}

func TestPublicDocuments(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{authz.PathServer, authz.PathOpenID, authz.PathJWKS, authz.PathManagementAPI} {
		t.Run(path, func(t *testing.T) {
			calls := w.store.calls
			answer := w.do(http.MethodGet, path, nil)
			require.Equal(t, http.StatusOK, answer.Code)
			members(t, answer)
			etag := answer.Header().Get("Etag")
			require.Regexp(t, `^"[\w-]{8,}"$`, etag)
			require.Regexp(t, `^public, max-age=[1-9][0-9]*$`, answer.Header().Get("Cache-Control"))
			require.Equal(t, "*", answer.Header().Get("Access-Control-Allow-Origin"))

			for _, match := range []string{etag, `"x", W/` + etag, "*"} {
				again := w.do(http.MethodGet, path, nil, withHeader("If-None-Match", match))
				require.Equal(t, http.StatusNotModified, again.Code, match)
				require.Empty(t, again.Body.String())
				require.Equal(t, etag, again.Header().Get("Etag"))
				require.NotEmpty(t, again.Header().Get("Cache-Control"))
			}
			other := w.do(http.MethodGet, path, nil, withHeader("If-None-Match", `"x"`))
			require.Equal(t, http.StatusOK, other.Code)

			head := w.do(http.MethodHead, path, nil)
			require.Equal(t, http.StatusOK, head.Code)
			require.Equal(t, etag, head.Header().Get("Etag"))

			preflight := w.do(http.MethodOptions, path, nil)
			require.Equal(t, http.StatusNoContent, preflight.Code)
			require.Equal(t, "GET, HEAD", preflight.Header().Get("Access-Control-Allow-Methods"))

			attack := w.do(http.MethodGet, path, nil, func(r *http.Request) { r.Host = "evil.example" },
				withHeader("X-Forwarded-Host", "evil.example"), withHeader("Forwarded", "host=evil.example"))
			require.Equal(t, answer.Body.String(), attack.Body.String())
			require.Equal(t, calls, w.store.calls, "served from memory")
		})
	}
	for _, path := range []string{authz.PathInfo, authz.PathUserinfo, authz.PathToken} {
		require.Empty(t, w.do(http.MethodGet, path, nil).Header().Get("Access-Control-Allow-Origin"), path)
	}
}

func TestMetadataIsTrue(t *testing.T) {
	w := newWorld(t)
	metadata := members(t, w.do(http.MethodGet, authz.PathServer, nil))
	require.Equal(t, issuer, metadata["issuer"])
	for member, value := range metadata {
		if list, ok := value.([]any); ok {
			require.NotEmpty(t, list, "%s: RFC 8414 §3.2", member)
		}
		address, ok := value.(string)
		if !ok || (!strings.HasSuffix(member, "_endpoint") && member != "jwks_uri") {
			continue
		}
		path, ours := strings.CutPrefix(address, issuer)
		require.True(t, ours, member)
		require.NotEqual(t, http.StatusNotFound, w.do(http.MethodGet, path, nil).Code, member)
	}
	require.Equal(t, []any{"none"}, metadata["response_types_supported"])
	require.Equal(t, []any{grantExchange, "client_credentials"}, metadata["grant_types_supported"])
	require.Equal(t, []any{"public"}, metadata["subject_types_supported"])
	require.Equal(t, []any{"ES256"}, metadata["id_token_signing_alg_values_supported"])
	require.Equal(t, issuer+"/revocations", metadata["revocations_uri"], "served by another package")
	without := newWorld(t, func(_ *exchange.Config, c *authz.Config) { c.Revocations = "" })
	require.NotContains(t, members(t, without.do(http.MethodGet, authz.PathServer, nil)), "revocations_uri")
	openID := w.do(http.MethodGet, authz.PathOpenID, nil)
	require.Equal(t, metadata, members(t, openID))
	resource := members(t, w.do(http.MethodGet, authz.PathManagementAPI, nil))
	require.Equal(t, management, resource["resource"])
	require.Equal(t, []any{issuer}, resource["authorization_servers"])
	require.Equal(t, []any{"header"}, resource["bearer_methods_supported"])
}

func TestMetadataFollowsTheKeys(t *testing.T) {
	published := &changingKeys{}
	w := worldWithKeys(t, published)
	require.NotContains(t, members(t, w.do(http.MethodGet, authz.PathOpenID, nil)), "id_token_signing_alg_values_supported")
	before := w.do(http.MethodGet, authz.PathOpenID, nil).Header().Get("Etag")
	published.algs = []keys.Alg{keys.ES256, keys.RS256}
	answer := w.do(http.MethodGet, authz.PathOpenID, nil)
	require.Equal(t, []any{"ES256", "RS256"}, members(t, answer)["id_token_signing_alg_values_supported"])
	require.NotEqual(t, before, answer.Header().Get("Etag"))
}

func TestJWKS(t *testing.T) {
	published := &changingKeys{}
	w := worldWithKeys(t, published)
	answer := w.do(http.MethodGet, authz.PathJWKS, nil)
	requireError(t, answer, http.StatusServiceUnavailable, "temporarily_unavailable", "try again later")
	published.body = []byte(`{"keys":[]}`)
	answer = w.do(http.MethodGet, authz.PathJWKS, nil)
	require.JSONEq(t, `{"keys":[]}`, answer.Body.String())
	require.Equal(t, `"e"`, answer.Header().Get("Etag"))
	require.Equal(t, "public, max-age=7", answer.Header().Get("Cache-Control"))
}

func TestInfo(t *testing.T) {
	w := newWorld(t)
	var found map[string]string
	require.NoError(t, json.Unmarshal(w.do(http.MethodGet, authz.PathInfo, nil).Body.Bytes(), &found))
	require.Equal(t, map[string]string{
		"tenantId": string(home), "tenantName": "default", "authorizeEndpoint": issuer + "/console/login",
		"tokenEndpoint": issuer + "/oauth/token", "cloudDomainUrl": issuer, "logoutUrl": issuer + "/console/logout", "pod": "cambio",
	}, found)
}
