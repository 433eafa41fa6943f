package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/pat"
)

func TestPatch(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	record, _ := w.token(&w.alice, "ci", func(d *pat.Draft) { d.Scope = []string{"a:b:c"} })
	for _, step := range []struct {
		patch, field string
		want         any
	}{
		{`[{"op":"replace","path":"/name","value":"renamed"}]`, "name", "renamed"},
		{`[{"op":"add","path":"/description","value":"why"}]`, "description", "why"},
		{`[{"op":"test","path":"/description","value":"why"},{"op":"remove","path":"/description"}]`, "description", nil},
		{`[{"op":"remove","path":"/description"}]`, "description", nil},
		{`[{"op":"add","path":"/scope/-","value":"x:y:z"}]`, "scope", []any{"a:b:c", "x:y:z"}},
		{`[{"op":"test","path":"/scope/0","value":"a:b:c"},{"op":"remove","path":"/scope/0"}]`, "scope", []any{"x:y:z"}},
		{`[{"op":"replace","path":"/scope","value":[]}]`, "scope", []any{"sp:scopes:default"}},
		{`[{"op":"replace","path":"/scope","value":null}]`, "scope", []any{"sp:scopes:all"}},
		{`[{"op":"replace","path":"/expirationDate","value":"2027-01-01t00:00:00.0009+00:00"}]`, "expirationDate", "2027-01-01T00:00:00.000Z"},
		{`[{"op":"test","path":"/expirationDate","value":"2027-01-01T00:00:00.000Z"}]`, "expirationDate", "2027-01-01T00:00:00.000Z"},
		{`[{"op":"replace","path":"/expirationDate","value":null},{"op":"replace","path":"/userAwareTokenNeverExpires","value":true}]`, "expirationDate", nil},
		{`[]`, "userAwareTokenNeverExpires", true},
		{`[{"op":"replace","path":"/allowedNetworks","value":["127.0.0.1","10.1.2.3/8"]}]`, "allowedNetworks", []any{"127.0.0.1/32", "10.0.0.0/8"}},
		{`[{"op":"remove","path":"/allowedNetworks"}]`, "allowedNetworks", nil},
		{`[{"op":"replace","path":"/audience","value":["https://api.example.com"]}]`, "audience", []any{"https://api.example.com"}},
		{`[{"op":"replace","path":"/audience","value":[]}]`, "audience", nil},
	} {
		got := w.call(token, http.MethodPatch, one(&record), step.patch)
		require.Equal(t, http.StatusOK, got.StatusCode, step.patch+string(got.body))
		require.Equal(t, step.want, got.json(t)[step.field], step.patch)
		require.Equal(t, got.body, w.call(token, http.MethodGet, one(&record), "").body)
	}
}

func TestPatchRefuses(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	record, _ := w.token(&w.alice, "ci")
	before := w.stored(record.ID)
	for patch, want := range map[string]string{
		`[{"op":"replace","path":"/owner","value":{"id":"x"}}]`:                                                                "400.1.1 operation 1: only these can be changed: name, description",
		`[{"op":"test","path":"/name","value":"ci"},{"op":"add","path":"/id","value":"x"}]`:                                    "400.1.1 operation 2: only these",
		`[{"op":"replace","path":"","value":{}}]`:                                                                              "400.1.1 operation 1: only these",
		`[{"op":"replace","path":"name","value":"x"}]`:                                                                         "400.1.1 operation 1: only these",
		`[{"op":"replace","path":"/Name","value":"x"}]`:                                                                        "400.1.1 operation 1: only these",
		`[{"op":"test","path":"/status","value":"Active"}]`:                                                                    "400.1.1 operation 1: only these",
		`[{"op":"replace","path":"/accessTokenValiditySeconds","value":60}]`:                                                   "400.1.1 operation 1: only these",
		`[{"op":"move","from":"/name","path":"/description"}]`:                                                                 "400.1.1 operation 1: only add, replace",
		`[{"op":"copy","from":"/owner","path":"/description"}]`:                                                                "400.1.1 operation 1: only add, replace",
		`[{"op":"replace","from":"/owner","path":"/name","value":"x"}]`:                                                        "400.1.1 operation 1: only add, replace",
		`[{"op":"Replace","path":"/name","value":"x"}]`:                                                                        "400.1.1 operation 1: only add, replace",
		`[{"op":"replace","path":"/name"}]`:                                                                                    "400.1 operation 1: value is missing",
		`[{"op":"replace","path":"/name/0","value":"x"}]`:                                                                      "400.1 operation 1: the path does not exist",
		`[{"op":"replace","path":"/scope/7","value":"x"}]`:                                                                     "400.1 operation 1: the path does not exist",
		`[{"op":"remove","path":"/scope/-1"}]`:                                                                                 "400.1 operation 1: the path does not exist",
		`[{"op":"replace","path":"/scope/00","value":"x:y:z"}]`:                                                                "400.1 operation 1: the path does not exist",
		`[{"op":"add","path":"/scope/01","value":"x:y:z"}]`:                                                                    "400.1 operation 1: the path does not exist",
		`[{"op":"add","path":"/scope/+1","value":"x:y:z"}]`:                                                                    "400.1 operation 1: the path does not exist",
		`[{"op":"remove","path":"/scope/-0"}]`:                                                                                 "400.1 operation 1: the path does not exist",
		`[{"op":"remove","path":"/scope/"}]`:                                                                                   "400.1 operation 1: the path does not exist",
		`[{"op":"add","path":"/scope/0/1","value":"x:y:z"}]`:                                                                   "400.1 operation 1: the path does not exist",
		`[{"op":"add","path":"/allowedNetworks/-","value":"127.0.0.1"}]`:                                                       "400.1 operation 1: the path does not exist",
		`[{"op":"replace","path":"/name","value":null}]`:                                                                       "400.1 name: must not be null",
		`[{"op":"remove","path":"/name"}]`:                                                                                     "400.1 name: must not be null",
		`[{"op":"replace","path":"/name","value":7}]`:                                                                          "400.1 name: must be a string",
		`[{"op":"replace","path":"/name","value":{"a":1}}]`:                                                                    "400.1 name: must be a string",
		`[{"op":"replace","path":"/scope","value":"a:b:c"}]`:                                                                   "400.1 scope: must be a list of strings",
		`[{"op":"add","path":"/scope/-","value":7}]`:                                                                           "400.1 scope: must be a list of strings",
		`[{"op":"replace","path":"/userAwareTokenNeverExpires","value":"no"}]`:                                                 "400.1 userAwareTokenNeverExpires: must be true or false",
		`[{"op":7,"path":"/scope"}]`:                                                                                           "400.1 [0].op: must be a string",
		`[{"op":"replace","path":"/expirationDate","value":"soon"}]`:                                                           "400.1 expirationDate: must be an RFC 3339 time such as 2027-01-31T00:00:00.000Z",
		`[{"op":"replace","path":"/expirationDate","value":"2020-01-01T00:00:00Z"}]`:                                           "400.1 expirationDate: must lie in the future",
		`[{"op":"replace","path":"/name","value":""}]`:                                                                         "400.1 name: must have 1 to 255 characters",
		`[{"op":"replace","path":"/name","value":"x","why":"y"}]`:                                                              "400.1 [0].why: the field is unknown",
		`[{"op":"replace","op":"add","path":"/name","value":"x"}]`:                                                             "400.1 [0].op: a parameter occurs more than once",
		`{"op":"replace","path":"/name","value":"x"}`:                                                                          "400.1 the body must be a list of JSON Patch operations",
		`[{"op":"test","path":"/name","value":"other"}]`:                                                                       "409 operation 1: the value is another",
		`[{"op":"replace","path":"/name","value":"x"},{"op":"test","path":"/name","value":"ci"}]`:                              "409 operation 2: the value is another",
		"[" + strings.Repeat(`{"op":"test","path":"/name","value":"ci"},`, 100) + `{"op":"test","path":"/name","value":"ci"}]`: "400.1 at most 100 operations",
	} {
		got := w.call(token, http.MethodPatch, one(&record), patch)
		code, _, _ := strings.Cut(fmt.Sprint(got.json(t)["detailCode"]), " ")
		require.Contains(t, code+" "+got.cause(t), want, patch)
	}
	got := w.call(token, http.MethodPatch, one(&record), `[]`, "Content-Type", "application/json")
	require.Equal(t, http.StatusUnsupportedMediaType, got.StatusCode)
	require.Equal(t, "Content-Type: must be application/json-patch+json", got.cause(t))
	require.Equal(t, before, w.stored(record.ID), "a refused patch leaves nothing behind")
}

// Patches of one token at once all take effect: none is applied to a state that
// another has left behind.
func TestPatchesAtOnce(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	record, _ := w.token(&w.alice, "ci", func(d *pat.Draft) { d.Scope = []string{"a:b:c"} })
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() {
			for attempt := 0; ; attempt++ {
				got := w.call(token, http.MethodPatch, one(&record), fmt.Sprintf(`[{"op":"add","path":"/scope/-","value":"a:b:%d"}]`, i))
				if got.StatusCode == http.StatusOK || attempt == 20 {
					return
				}
			}
		})
	}
	all.Wait()
	require.ElementsMatch(t, []string{"a:b:c", "a:b:0", "a:b:1", "a:b:2", "a:b:3", "a:b:4"}, w.stored(record.ID).Scope)
}

// A token may be meant for a service that is not configured any more. It stays
// readable and can be changed, but gets no other such service.
func TestPatchKeepsTheAudienceItHas(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	record, _ := w.token(&w.alice, "ci", func(d *pat.Draft) { d.Audience = []string{"https://gone.example.com"} })
	require.Equal(t, []any{"https://gone.example.com"}, w.call(token, http.MethodGet, one(&record), "").json(t)["audience"])
	for _, step := range []struct {
		patch  string
		status int
		want   []any
	}{
		{`[{"op":"replace","path":"/name","value":"renamed"}]`, 200, []any{"https://gone.example.com"}},
		{`[{"op":"add","path":"/audience/-","value":"https://api.example.com"}]`, 200, []any{"https://gone.example.com", "https://api.example.com"}},
		{`[{"op":"add","path":"/audience/-","value":"https://also-gone.example.com"}]`, 400, nil},
		{`[{"op":"remove","path":"/audience/1"}]`, 200, []any{"https://gone.example.com"}},
		{`[{"op":"replace","path":"/audience","value":["https://sts.example.com/api/v1"]}]`, 200, []any{"https://sts.example.com/api/v1"}},
		{`[{"op":"replace","path":"/audience","value":["https://gone.example.com"]}]`, 400, nil},
	} {
		got := w.call(token, http.MethodPatch, one(&record), step.patch)
		require.Equal(t, step.status, got.StatusCode, step.patch+string(got.body))
		if step.status == http.StatusOK {
			require.Equal(t, step.want, got.json(t)["audience"], step.patch)
		} else {
			require.Contains(t, got.cause(t), "]: the service is unknown", step.patch)
			require.NotContains(t, string(got.body), "gone.example.com")
		}
	}
	_, parent := w.token(&w.alice, "parent", func(d *pat.Draft) { d.Audience = []string{issuer + "/api/v1", "https://gone.example.com"} })
	made := w.call(parent, http.MethodPost, collection, `{"name":"child"}`)
	require.Equal(t, http.StatusOK, made.StatusCode, "what is inherited was not asked for: "+string(made.body))
}

func TestPatchRevivesExpired(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	record, _ := w.token(&w.alice, "ci", func(d *pat.Draft) { d.Expiration = w.clock.now().Add(time.Hour) })
	w.clock.advance(time.Hour)
	require.Equal(t, "Expired", w.call(token, http.MethodGet, one(&record), "").json(t)["status"])
	got := w.call(token, http.MethodPatch, one(&record), `[{"op":"replace","path":"/expirationDate","value":"2026-11-23T00:00:00Z"}]`)
	require.Equal(t, "Active", got.json(t)["status"])
}
