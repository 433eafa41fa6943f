package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// A policy that would lock its author out is refused, whether tried or meant.
func TestPolicyKeepsItsAuthorIn(t *testing.T) {
	w := newWorld(t)
	w.assign(&w.alice, directory.OrganizationAdmin)
	w.clock.advance(2 * time.Second)
	token := w.bearer(&w.alice, pat.ScopeAll)
	path := "/api/v1/organizations/" + string(w.organization.ID) + "/policy"
	for _, query := range []string{"", "?preview=true"} {
		got := w.call(token, http.MethodPut, path+query, `{"allowedNetworks":["192.0.2.0/24"]}`)
		require.Equal(t, http.StatusBadRequest, got.StatusCode)
		require.Equal(t, "allowedNetworks: must contain 127.0.0.1, from where you come: you could not change it back", got.cause(t))
	}
	got := w.call(token, http.MethodPut, path, `{"allowedNetworks":["192.0.2.0/24","127.0.0.0/8"]}`)
	require.Equal(t, http.StatusOK, got.StatusCode, string(got.body))
}

// An administrator of tokens that are not their own may act by a JWT as well.
func TestLevelTokensByJWT(t *testing.T) {
	w := newWorld(t)
	w.assign(&w.alice, directory.OrganizationAdmin)
	w.clock.advance(2 * time.Second)
	jwt := w.jwt(w.bearer(&w.alice, pat.ScopeAll), "")
	path := "/api/v1/organizations/" + string(w.organization.ID) + "/access-tokens"
	got := w.call(jwt, http.MethodPost, path, `{"name":"nightly"}`)
	require.Equal(t, http.StatusOK, got.StatusCode, string(got.body))
	require.Len(t, w.call(jwt, http.MethodGet, path, "").list(t), 1)
	require.Equal(t, http.StatusForbidden, w.call(jwt, http.MethodGet, collection, "").StatusCode, "the scope is no right to see everyone's")
}
