package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/pat"
)

// A service of some organizations is unknown to the tokens of the others, and shown
// with the organizations that it is for.
func TestServiceOfAnOrganization(t *testing.T) {
	const ours, theirs = "https://ours.example.com", "https://theirs.example.com"
	w := newWorld(t)
	w.openPipeline(
		exchange.Service{Audience: ours, AnyScope: true, Organizations: []string{"nowhere", "acme"}},
		exchange.Service{Audience: theirs, AnyScope: true, Organizations: []string{"globex"}},
	)
	w.build()
	globex := w.newOrganization("globex")
	gus := w.newIdentity(globex.ID, "gus")
	w.assign(&w.alice, directory.PlatformAdmin)
	w.assign(&w.alice, directory.OrganizationAdmin)
	w.assign(&gus, directory.OrganizationAdmin)
	w.assign(&gus, directory.AccessAsNonInteractiveUser)
	w.clock.advance(2 * time.Second) // past the age of the snapshot
	alice, atGlobex := w.bearer(&w.alice, pat.ScopeAll), w.bearer(&gus, pat.ScopeAll)
	record, _ := w.token(&w.alice, "ci")
	inAcme := "/api/v1/organizations/" + string(w.organization.ID) + "/access-tokens"
	inGlobex := "/api/v1/organizations/" + string(globex.ID) + "/access-tokens"
	for _, row := range []struct{ by, method, path, body, refused string }{
		{alice, http.MethodPost, collection, `{"name":"a","audience":["SERVICE"]}`, theirs},
		{alice, http.MethodPatch, one(&record), `[{"op":"replace","path":"/audience","value":["SERVICE"]}]`, theirs},
		{alice, http.MethodPost, inAcme, `{"name":"b","audience":["SERVICE"]}`, theirs},
		{atGlobex, http.MethodPost, inGlobex, `{"name":"c","audience":["SERVICE"]}`, ours},
	} {
		accepted := ours
		if row.refused == ours {
			accepted = theirs
		}
		got := w.call(row.by, row.method, row.path, strings.ReplaceAll(row.body, "SERVICE", row.refused))
		require.Equal(t, http.StatusBadRequest, got.StatusCode, row.path+string(got.body))
		require.Contains(t, got.cause(t), "audience[0]: the service is unknown")
		got = w.call(row.by, row.method, row.path, strings.ReplaceAll(row.body, "SERVICE", accepted))
		require.Equal(t, http.StatusOK, got.StatusCode, row.path+string(got.body))
	}

	shown := map[any]any{}
	for _, service := range w.call(alice, http.MethodGet, "/api/v1/services", "").list(t) {
		shown[service["audience"]] = service["organizations"]
	}
	require.Equal(t, map[any]any{
		ours: []any{"nowhere", "acme"}, theirs: []any{"globex"}, "https://api.example.com": nil, issuer + "/api/v1": nil,
	}, shown)
}
