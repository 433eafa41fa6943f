package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/pat"
)

// contract is openapi.yaml, as whoever reads it has it.
type contract struct {
	document *openapi3.T
	routes   routers.Router
}

// openContract reads openapi.yaml once, and refuses one that is not sound, with its
// examples. An answer has no member that its schema does not name.
var openContract = sync.OnceValues(func() (*contract, error) {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	for _, schema := range document.Components.Schemas {
		if more := &schema.Value.AdditionalProperties; len(schema.Value.Properties) > 0 && more.Has == nil && more.Schema == nil {
			more.Has = new(false)
		}
	}
	document.Servers = nil // paths are found without the mount
	if err := document.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
		return nil, err
	}
	routes, err := legacy.NewRouter(document)
	return &contract{document: document, routes: routes}, err
})

func theContract(t *testing.T) *contract {
	t.Helper()
	opened, err := openContract()
	require.NoError(t, err)
	return opened
}

// unmounted is the path of a request as the contract has it, wherever it is mounted.
func unmounted(path string) string {
	if rest, ok := strings.CutPrefix(path, "/personal-access-tokens/v1"); ok {
		return "/personal-access-tokens" + rest
	}
	for _, mount := range []string{"/api/v1", "/v3", "/beta", "/v2024", "/v2025", "/v2026"} {
		if rest, ok := strings.CutPrefix(path, mount+"/"); ok {
			return "/" + rest
		}
	}
	return path
}

// exchanged fails a test whose request and answer the contract does not have.
func (w *world) exchanged(request *http.Request, got *answer) {
	w.Helper()
	require.NoError(w, theContract(w.T).check(request, got), "%s %s: %s", request.Method, request.URL, got.Status)
}

// check refuses a request that the API took although the contract does not, and an
// answer that is none of those of the route.
func (c *contract) check(request *http.Request, got *answer) error {
	if slices.Contains(api.PublicPaths(), request.URL.Path) {
		return nil // the contract itself, and the pages made from it
	}
	asked := request.Clone(request.Context())
	asked.URL = &url.URL{Path: unmounted(request.URL.Path), RawQuery: request.URL.RawQuery}
	if asked.Method == http.MethodHead {
		asked.Method = http.MethodGet
	}
	route, parameters, err := c.routes.FindRoute(asked)
	if err != nil || strings.HasSuffix(asked.URL.Path, "/") { // which the router overlooks
		if got.StatusCode == http.StatusNotFound || got.StatusCode == http.StatusMethodNotAllowed {
			return nil
		}
		return errors.New("the contract does not know the route")
	}
	if request.GetBody != nil {
		if asked.Body, err = request.GetBody(); err != nil {
			return err
		}
	}
	input := &openapi3filter.RequestValidationInput{Request: asked, PathParams: parameters, Route: route, Options: &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, SkipSettingDefaults: true,
	}}
	if got.StatusCode < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(request.Context(), input); err != nil {
			return err
		}
		if route.Operation.RequestBody == nil && asked.ContentLength > 0 {
			return errors.New("the route has no request body")
		}
	}
	if request.Method == http.MethodHead {
		return nil
	}
	if err := openapi3filter.ValidateResponse(request.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: got.StatusCode, Header: got.Header, Options: input.Options,
		Body: io.NopCloser(bytes.NewReader(got.body)),
	}); err != nil {
		return err
	}
	return checkHeaders(asked.URL, got)
}

// checkHeaders refuses what a schema cannot say of headers.
func checkHeaders(asked *url.URL, got *answer) error {
	counted := got.StatusCode == http.StatusOK && asked.Query().Get("count") == "true"
	switch {
	case counted && got.Header.Get("X-Total-Count") == "":
		return errors.New("it was asked for the count")
	case got.StatusCode == http.StatusServiceUnavailable && got.Header.Get("Retry-After") == "":
		return errors.New("it does not say when to try again")
	default:
		return nil
	}
}

// A difference between the API and its contract is noticed wherever it is.
func TestContractIsHeld(t *testing.T) {
	w := newWorld(t)
	record, _ := w.token(&w.alice, "ci")
	token := w.bearer(&w.alice, pat.ScopeAll)
	request := func(method, path, body string) *http.Request {
		made, err := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(body))
		require.NoError(t, err)
		made.Header.Set("Content-Type", "application/json-patch+json")
		return made
	}
	rename := `[{"op":"replace","path":"/name","value":"x"}]`
	patched := w.call(token, http.MethodPatch, one(&record), rename)
	listed := w.call(token, http.MethodGet, mine+"&count=true", "")
	missing := w.call(token, http.MethodGet, collection+"/x", "")
	other := func(a *answer, change func(*answer)) *answer {
		changed := &answer{Response: &http.Response{StatusCode: a.StatusCode, Header: a.Header.Clone()}, body: a.body}
		change(changed)
		return changed
	}
	with := func(old, replacement string) func(*answer) {
		return func(a *answer) { a.body = []byte(strings.Replace(string(a.body), old, replacement, 1)) }
	}
	same := func(*answer) {}
	for name, c := range map[string]struct {
		request *http.Request
		got     *answer
		refused string
	}{
		"patch":           {request(http.MethodPatch, one(&record), rename), other(patched, same), ""},
		"alias":           {request(http.MethodPatch, "/v3/personal-access-tokens/"+string(record.ID), rename), other(patched, same), ""},
		"list":            {request(http.MethodGet, mine+"&count=true", ""), other(listed, same), ""},
		"refusal":         {request(http.MethodGet, collection+"/x", ""), other(missing, same), ""},
		"route":           {request(http.MethodGet, "/api/v1/secrets", ""), other(listed, same), "does not know the route"},
		"method":          {request(http.MethodPut, one(&record), rename), other(patched, same), "does not know the route"},
		"request":         {request(http.MethodPatch, one(&record), `[{"op":"move","path":"/name"}]`), other(patched, same), "/0/op"},
		"request body":    {request(http.MethodGet, mine, "{}"), other(listed, same), "has no request body"},
		"status":          {request(http.MethodGet, mine, ""), other(listed, func(a *answer) { a.StatusCode = http.StatusAccepted }), "status is not supported"},
		"member":          {request(http.MethodPatch, one(&record), rename), other(patched, with(`"name"`, `"nom"`)), "nom"},
		"member too many": {request(http.MethodPatch, one(&record), rename), other(patched, with(`"name"`, `"hash":"x","name"`)), "hash"},
		"type":            {request(http.MethodPatch, one(&record), rename), other(patched, with(`"managed":false`, `"managed":null`)), "managed"},
		"time":            {request(http.MethodPatch, one(&record), rename), other(patched, with(`.123Z"`, `"`)), "date-time"},
		"no ETag":         {request(http.MethodPatch, one(&record), rename), other(patched, func(a *answer) { a.Header.Del("ETag") }), "ETag"},
		"no count":        {request(http.MethodGet, mine+"&count=true", ""), other(listed, func(a *answer) { a.Header.Del("X-Total-Count") }), "the count"},
		"media type":      {request(http.MethodGet, collection+"/x", ""), other(missing, func(a *answer) { a.Header.Set("Content-Type", "text/html") }), "Content-Type"},
	} {
		t.Run(name, func(t *testing.T) {
			err := theContract(t).check(c.request, c.got)
			if c.refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.refused)
		})
	}
}
