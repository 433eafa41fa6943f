package api_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// A mistyped parameter never passes for an absent one, on any route or alias.
func TestUnknownQueryParameters(t *testing.T) {
	w := newWorld(t)
	w.assign(&w.alice, directory.PlatformAdmin)
	w.clock.advance(2e9)
	token := w.bearer(&w.alice, pat.ScopeAll)
	record, _ := w.token(&w.alice, "target")
	before := w.stored(record.ID)
	const list, none = "; those of this route are owner-id, limit, offset, count, sorters, filters", "; this route has none"
	for _, at := range []string{collection, "/v3/personal-access-tokens", "/v2026/personal-access-tokens", "/personal-access-tokens/v1"} {
		target := at + "/" + string(record.ID)
		for _, c := range []struct{ method, path, body, cause string }{
			{http.MethodGet, at + "?owner-id=me&filter=x", "", "filter: the query parameter is unknown" + list},
			{http.MethodGet, at + "?owner-id=me&Filters=x", "", "Filters: the query parameter is unknown" + list},
			{http.MethodHead, at + "?owner-id=me&filter=x", "", ""},
			{http.MethodGet, at + "?owner-id=me&b=1&a=1", "", "a: the query parameter is unknown" + list},
			{http.MethodGet, at + "?owner-id=me&=x", "", "?: the query parameter is unknown" + list},
			{http.MethodGet, at + "?owner-id=me&%3Cb%3E=x", "", "?: the query parameter is unknown" + list},
			{http.MethodGet, at + "?owner-id=me&" + strings.Repeat("s", 49) + "=x", "", "?: the query parameter is unknown" + list},
			{http.MethodPost, at + "?limit=1", `{"name":"x"}`, "limit: the query parameter is unknown" + none},
			{http.MethodGet, target + "?x", "", "x: the query parameter is unknown" + none},
			{http.MethodPatch, target + "?cascade=true", `[{"op":"replace","path":"/name","value":"x"}]`, "cascade: the query parameter is unknown" + none},
			{http.MethodPost, target + "/revoke?cascade=true&reason=unused", "", "reason: the query parameter is unknown; those of this route are cascade"},
			{http.MethodPost, target + "/rotate?gracePeriodSeconds=0", "", "gracePeriodSeconds: the query parameter is unknown" + none},
			{http.MethodDelete, target + "?dryRun=true", "", "dryRun: the query parameter is unknown" + none},
		} {
			got := w.call(token, c.method, c.path, c.body)
			require.Equal(t, http.StatusBadRequest, got.StatusCode, c.method+" "+c.path)
			if c.cause != "" {
				require.Equal(t, c.cause, got.cause(t), c.path)
			}
		}
	}
	for _, c := range [][2]string{{http.MethodGet, "/api/v1/keys?x=1"}, {http.MethodPost, "/api/v1/keys/rotate?x=1"}, {http.MethodPost, "/api/v1/keys/k/revoke?x=1"}} {
		got := w.call(token, c[0], c[1], "")
		require.Equal(t, http.StatusBadRequest, got.StatusCode, c[1])
		require.Equal(t, "x: the query parameter is unknown"+none, got.cause(t))
	}
	require.Equal(t, before, w.stored(record.ID), "nothing was done")
	require.Equal(t, http.StatusUnauthorized, w.call("", http.MethodGet, collection+"?filter=x", "").StatusCode, "who is nobody learns nothing of routes")
}

// What the description says of query parameters is what is checked.
func TestQueryParametersAreDescribed(t *testing.T) {
	text, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	var described struct {
		Paths      map[string]map[string]yaml.Node
		Components struct {
			Parameters map[string]struct{ Name, In string }
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &described))
	for path, operations := range described.Paths {
		for method, node := range operations {
			if method == "parameters" {
				continue // of the path itself
			}
			var operation struct {
				Parameters []struct {
					Ref      string `yaml:"$ref"`
					Name, In string
				}
			}
			require.NoError(t, node.Decode(&operation))
			var names []string
			for _, one := range operation.Parameters {
				if one.Ref != "" {
					shared := described.Components.Parameters[one.Ref[strings.LastIndex(one.Ref, "/")+1:]]
					one.Name, one.In = shared.Name, shared.In
				}
				if one.In == "query" {
					names = append(names, one.Name)
				}
			}
			route := strings.ToUpper(method) + " " + path
			require.Equal(t, names, api.QueryParameters(route), route)
		}
	}
}
