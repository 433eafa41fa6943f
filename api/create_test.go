package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// masked replaces what differs from run to run.
func masked(w *world, body []byte) string {
	text := strings.NewReplacer(string(w.alice.ID), "<alice>", string(w.bob.ID), "<bob>").Replace(string(body))
	text = regexp.MustCompile(`[0-9A-Za-z]{49}"`).ReplaceAllString(text, `<secret>"`)
	text = regexp.MustCompile(`[0-9a-f]{32}`).ReplaceAllString(text, "<id>")
	var indented strings.Builder
	encoder := json.NewEncoder(&indented)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(json.RawMessage(text)); err != nil {
		return text
	}
	return indented.String()
}

func TestCreateAndGet(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	made := w.call(token, http.MethodPost, collection, `{"name":"ci"}`)
	require.Equal(t, http.StatusOK, made.StatusCode, string(made.body))
	require.Equal(t, "no-store", made.Header.Get("Cache-Control"))
	golden(t, "create_minimal.json", masked(w, made.body))
	full := w.call(token, http.MethodPost, collection, `{"name":"deploy <b>","description":"for é","scope":["a:b:c","openid"],"accessTokenValiditySeconds":900,
		"expirationDate":"2026-12-22T13:00:00.1239+01:00","userAwareTokenNeverExpires":true,"audience":["https://sts.example.com/api/v1"],
		"allowedNetworks":["127.0.0.0/8","2001:db8::/32"]}`)
	require.Equal(t, http.StatusForbidden, full.StatusCode, "openid goes only to who has it by name: "+string(full.body))
	withOpenID := w.bearer(&w.alice, pat.ScopeAll, pat.ScopeOpenID)
	full = w.call(withOpenID, http.MethodPost, collection, `{"name":"deploy <b>","description":"for é","scope":["a:b:c","openid"],"accessTokenValiditySeconds":900,
		"expirationDate":"2026-12-22T13:00:00.1239+01:00","userAwareTokenNeverExpires":true,"audience":["https://sts.example.com/api/v1"],
		"allowedNetworks":["127.0.0.0/8","2001:db8::/32"]}`)
	require.Equal(t, http.StatusOK, full.StatusCode, string(full.body))
	golden(t, "create_full.json", masked(w, full.body))

	secretOnce := made.text(t, "token")
	require.Equal(t, "cambio_pat_"+made.text(t, "id")+"_"+made.text(t, "secret"), secretOnce)
	read := w.call(secretOnce, http.MethodGet, collection+"/"+made.text(t, "id"), "")
	require.Equal(t, http.StatusOK, read.StatusCode)
	require.NotContains(t, string(read.body), made.text(t, "secret"))
	golden(t, "get.json", masked(w, read.body))
}

func TestCreateBodies(t *testing.T) {
	w := newWorld(t)
	w.setPolicy(func(p *directory.Policy) { p.MaxTokensPerOwner = 0; p.DefaultScopes = []string{"orders:read:all"} })
	token := w.bearer(&w.alice, pat.ScopeAll)
	for body, want := range map[string]string{
		`{"name":"scope absent"}`:            `["orders:read:all"]`,
		`{"name":"scope null","scope":null}`: `["orders:read:all"]`,
		`{"name":"scope empty","scope":[]}`:  `["sp:scopes:default"]`,
		`{"name":"given","scope":["x:y:z"]}`: `["x:y:z"]`,
		`{"name":"nulls","description":null,"accessTokenValiditySeconds":null,"expirationDate":null,"userAwareTokenNeverExpires":null,"audience":null,"allowedNetworks":null}`: `["orders:read:all"]`,
	} {
		got := w.call(token, http.MethodPost, collection, body)
		require.Equal(t, http.StatusOK, got.StatusCode, body+string(got.body))
		scope, err := json.Marshal(got.json(t)["scope"])
		require.NoError(t, err)
		require.JSONEq(t, want, string(scope), body)
	}
	for body, cause := range map[string]string{
		`{}`:                                                            "name: must have 1 to 255 characters",
		`{"name":""}`:                                                   "name: must have 1 to 255 characters",
		`{"name":"a\r\nb"}`:                                             "name: must not contain control or direction characters",
		`{"name":"a\u202eb"}`:                                           "name: must not contain control or direction characters",
		`{"name":"x","owner":{"id":"y"}}`:                               "owner: the field is unknown",
		`{"name":"x","Scope":[]}`:                                       "Scope: the field is unknown",
		`{"name":"x","name":"y"}`:                                       "name: a parameter occurs more than once",
		`{"name":1}`:                                                    "name: must be a string",
		`{"name":"x","scope":"all"}`:                                    "scope: must be a list of strings",
		`{"name":"x","audience":[1]}`:                                   "audience[0]: must be a string",
		`{"name":"x","allowedNetworks":{}}`:                             "allowedNetworks: must be a list of strings",
		`{"name":"x","description":[]}`:                                 "description: must be a string",
		`{"name":"x","userAwareTokenNeverExpires":"yes"}`:               "userAwareTokenNeverExpires: must be true or false",
		`{"name":"x","expirationDate":1801353600}`:                      "expirationDate: must be an RFC 3339 time such as",
		`{"name":"x","accessTokenValiditySeconds":"5m"}`:                "accessTokenValiditySeconds: must be a whole number of seconds",
		`{"name":"x","accessTokenValiditySeconds":60.5}`:                "accessTokenValiditySeconds: must be a whole number of seconds",
		`{"name":"x","scope":["a b"]}`:                                  "scope: each entry must be",
		`{"name":"x","expirationDate":"tomorrow"}`:                      "expirationDate: must be an RFC 3339 time such as 2027-01-31T00:00:00.000Z",
		`{"name":"x","expirationDate":"0001-01-01T00:00:00Z"}`:          "expirationDate: must be an RFC 3339 time such as",
		`{"name":"x","expirationDate":"2026-11-22T12:00:00.123Z"}`:      "expirationDate: must lie in the future",
		`{"name":"x","accessTokenValiditySeconds":0}`:                   "accessTokenValiditySeconds: must be between 15 and 43200",
		`{"name":"x","accessTokenValiditySeconds":9223372036854775807}`: "accessTokenValiditySeconds: must be between 15 and 43200",
		`{"name":"x","accessTokenValiditySeconds":1e30}`:                "accessTokenValiditySeconds: must be a whole number of seconds",
		`{"name":"x","allowedNetworks":["here"]}`:                       "allowedNetworks: each entry must be a network",
		`{"name":"x","audience":[""]}`:                                  "audience[0]: the service is unknown",
		`{"name":"x","audience":["https://api.example.com/"]}`:          "audience[0]: the service is unknown: name a configured one exactly as it is configured, or the management API, https://sts.example.com/api/v1",
		`{"name":"x","audience":["https://api.example.com","https://gone.example.com"]}`: "audience[1]: the service is unknown",
		`[]`:              "the body must be a JSON object",
		`{"name":"x"`:     "the request body is malformed",
		`{"name":"x"} {}`: "the request body is malformed",
		`null`:            "the body must be a JSON object",
	} {
		got := w.call(token, http.MethodPost, collection, body)
		require.Equal(t, http.StatusBadRequest, got.StatusCode, body+string(got.body))
		require.Contains(t, got.cause(t), cause, body)
		require.Equal(t, "400.1 Bad Request Content", got.json(t)["detailCode"], body)
	}
	several := w.call(token, http.MethodPost, collection, `{"name":"","scope":["a b"]}`)
	require.Len(t, several.json(t)["causes"], 2, "all that is wrong is told at once")
	got := w.call(token, http.MethodPost, collection, "")
	require.Equal(t, http.StatusUnsupportedMediaType, got.StatusCode, "no body, no type")
	got = w.call(token, http.MethodPost, collection, `{"name":"x"}`, "Content-Type", "text/plain")
	require.Equal(t, http.StatusUnsupportedMediaType, got.StatusCode)
	require.Equal(t, "Content-Type: must be application/json", got.cause(t))
	got = w.call(token, http.MethodPost, collection, `{"name":"x"}`, "Content-Encoding", "gzip")
	require.Equal(t, http.StatusUnsupportedMediaType, got.StatusCode)
	got = w.call(token, http.MethodPost, collection, `{"name":"`+strings.Repeat("x", 64<<10)+`"}`)
	require.Equal(t, http.StatusRequestEntityTooLarge, got.StatusCode)
	require.Equal(t, "the body must have at most 65536 bytes", got.cause(t))
}

// A020: one of 100 concurrent creates of one name succeeds.
func TestCreateOneName(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	var all sync.WaitGroup
	answers := make([]*answer, 100)
	for i := range answers {
		all.Go(func() { answers[i] = w.call(token, http.MethodPost, collection, `{"name":"same"}`) })
	}
	all.Wait()
	created := 0
	for _, got := range answers {
		if got.StatusCode == http.StatusOK {
			created++
			continue
		}
		require.Equal(t, http.StatusBadRequest, got.StatusCode)
		require.Equal(t, "name: the owner has another token of that name", got.cause(t))
	}
	require.Equal(t, 1, created)
}

func TestCreateLimit(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	for i := range 9 {
		require.Equal(t, http.StatusOK, w.call(token, http.MethodPost, collection, fmt.Sprintf(`{"name":"%d"}`, i)).StatusCode)
	}
	got := w.call(token, http.MethodPost, collection, `{"name":"one more"}`)
	require.Equal(t, http.StatusBadRequest, got.StatusCode)
	require.Contains(t, got.cause(t), "as many tokens as are allowed")
}

// A026: nothing made by means of a token is wider than it.
func TestCreateWiderThanParent(t *testing.T) {
	w := newWorld(t)
	end := w.clock.now().Add(24 * time.Hour)
	_, parent := w.token(&w.alice, "parent", func(d *pat.Draft) {
		d.Scope, d.Expiration = []string{"idn:my-personal-access-tokens:manage", "a:b:c"}, end
		d.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	allowed := `{"name":"child","scope":["a:b:c"],"expirationDate":"2026-11-23T12:00:00.123Z","allowedNetworks":["127.0.0.1"]}`
	for _, token := range []string{parent, w.jwt(parent, "")} {
		for wider, c := range map[string]struct{ narrow, cause string }{
			`"scope":["x:y:z"]`:                           {`"scope":["a:b:c"]`, "scope: wider than the token you act with: give only scopes that it covers"},
			`"scope":["sp:scopes:all"]`:                   {`"scope":["a:b:c"]`, "scope: wider"},
			`"expirationDate":"2026-11-23T12:00:00.124Z"`: {`"expirationDate":"2026-11-23T12:00:00.123Z"`, "expirationDate: wider than the token you act with: give an expirationDate no later than its own"},
			`"expirationDate":null`:                       {`"expirationDate":"2026-11-23T12:00:00.123Z"`, "expirationDate: wider"},
			`"allowedNetworks":["10.0.0.0/8"]`:            {`"allowedNetworks":["127.0.0.1"]`, "allowedNetworks: wider than the token you act with: give only networks"},
		} {
			got := w.call(token, http.MethodPost, collection, strings.Replace(allowed, c.narrow, wider, 1))
			require.Equal(t, http.StatusForbidden, got.StatusCode, wider)
			require.Contains(t, got.cause(t), c.cause)
		}
	}
	made := w.call(w.jwt(parent, ""), http.MethodPost, collection, allowed)
	require.Equal(t, http.StatusOK, made.StatusCode, string(made.body))
	require.NotNil(t, made.json(t)["createdByPat"])
	child := collection + "/" + made.text(t, "id")
	got := w.call(parent, http.MethodPatch, child, `[{"op":"replace","path":"/expirationDate","value":null}]`)
	require.Equal(t, http.StatusForbidden, got.StatusCode)
	require.Contains(t, got.cause(t), "expirationDate: wider than the token you act with")
	all := w.bearer(&w.alice, pat.ScopeAll)
	got = w.call(all, http.MethodPatch, child, `[{"op":"replace","path":"/expirationDate","value":null}]`)
	require.Equal(t, http.StatusForbidden, got.StatusCode)
	require.Contains(t, got.cause(t), "expirationDate: wider than the token that made it (createdByPat)")
	wide, _ := w.token(&w.alice, "wide")
	got = w.call(parent, http.MethodPost, one(&wide)+"/rotate", "")
	require.Equal(t, http.StatusForbidden, got.StatusCode)
	require.Contains(t, got.cause(t), "scope: wider than the token you act with, whose holder would get the new secret: rotate the token by means of itself")
	require.Equal(t, http.StatusOK, w.call(parent, http.MethodPatch, child, `[{"op":"replace","path":"/name","value":"renamed"}]`).StatusCode)
}
