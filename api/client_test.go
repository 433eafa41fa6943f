package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/pat"
)

// answer is a response, read.
type answer struct {
	*http.Response

	body []byte
}

func (a *answer) json(t *testing.T) map[string]any {
	t.Helper()
	var decoded map[string]any
	require.NoError(t, json.Unmarshal(a.body, &decoded), string(a.body))
	return decoded
}

func (a *answer) list(t *testing.T) []map[string]any {
	t.Helper()
	var decoded []map[string]any
	require.NoError(t, json.Unmarshal(a.body, &decoded), string(a.body))
	return decoded
}

// names returns the names of the tokens in a list.
func (a *answer) names(t *testing.T) []string {
	t.Helper()
	names := []string{}
	for _, one := range a.list(t) {
		name, _ := one["name"].(string)
		names = append(names, name)
	}
	return names
}

// text returns a member that is text.
func (a *answer) text(t *testing.T, member string) string {
	t.Helper()
	text, ok := a.json(t)[member].(string)
	require.True(t, ok, "%s: %s", member, a.body)
	return text
}

// cause returns the text of the first cause.
func (a *answer) cause(t *testing.T) string {
	t.Helper()
	failure := a.failure(t)
	require.NotEmpty(t, failure.Causes, string(a.body))
	return failure.Causes[0].Text
}

func (a *answer) failure(t *testing.T) api.Failure {
	t.Helper()
	var failure api.Failure
	require.NoError(t, json.Unmarshal(a.body, &failure), string(a.body))
	return failure
}

// call sends a request with a Bearer token, none if it is empty. header is
// names and values in turn.
func (w *world) call(token, method, path, body string, header ...string) *answer {
	w.Helper()
	request, err := http.NewRequestWithContext(w.Context(), method, w.url+path, strings.NewReader(body))
	require.NoError(w, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
		if method == http.MethodPatch {
			request.Header.Set("Content-Type", "application/json-patch+json")
		}
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
		if header[i] == "Content-Type" {
			request.Header.Set(header[i], header[i+1])
		}
	}
	return w.do(request)
}

func (w *world) do(request *http.Request) *answer {
	w.Helper()
	response, err := (&http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(request)
	require.NoError(w, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(w, err)
	got := &answer{Response: response, body: body}
	w.exchanged(request, got)
	return got
}

const collection = "/api/v1/personal-access-tokens"

func one(record *pat.Record) string { return collection + "/" + string(record.ID) }

// stored reads a token from the store.
func (w *world) stored(id pat.ID) pat.Record {
	w.Helper()
	record, err := w.tokens.Find(w.Context(), id)
	require.NoError(w, err)
	return record
}
