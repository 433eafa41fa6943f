package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/manage"
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

// Where access tokens name people by what is unique within one organization only,
// there is no second one.
func TestSecondOrganization(t *testing.T) {
	w := newWorld(t)
	w.assign(&w.alice, directory.PlatformAdmin)
	w.clock.advance(2 * time.Second)
	token := w.bearer(&w.alice, pat.ScopeAll)
	for subject, status := range map[exchange.SubjectKind]int{
		"": http.StatusOK, exchange.SubjectID: http.StatusOK,
		exchange.SubjectExternalID: http.StatusBadRequest, exchange.SubjectUsername: http.StatusBadRequest,
	} {
		t.Run(string(subject), func(t *testing.T) {
			w.build(func(c *api.Config) {
				var err error
				c.Manager, err = manage.New(manage.Config{
					Tokens: w.tokens, Directory: w.people, Keys: w.ring, Services: w.exchanger.Services, Trail: audit.NewArchive(w.trail), Now: w.clock.now,
					Subject: subject,
				})
				require.NoError(t, err)
			})
			got := w.call(token, http.MethodPost, "/api/v1/organizations", `{"name":"second by: `+string(subject)+`."}`)
			require.Equal(t, status, got.StatusCode, string(got.body))
			snapshot, err := w.people.Snapshot(t.Context())
			require.NoError(t, err)
			_, made := snapshot.OrganizationByName("second by: " + string(subject) + ".")
			require.Equal(t, status == http.StatusOK, made)
			if !made {
				require.Equal(t, "name: there can be only one organization while access tokens name their owner by "+string(subject)+
					", which two could share: set token.subject to id in the configuration of the server", got.cause(t))
			}
		})
	}
}
