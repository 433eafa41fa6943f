package faults

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const (
	pathToken      = "/oauth2/token"
	pathIntrospect = "/oauth2/introspect"
	pathRevoke     = "/oauth2/revoke"
	pathUserinfo   = "/oauth2/userinfo"
	pathJWKS       = "/.well-known/jwks.json"
	pathMetadata   = "/.well-known/oauth-authorization-server"
	pathTokens     = "/api/v1/personal-access-tokens"

	formType = "application/x-www-form-urlencoded"
)

// times is how often something is done: few, or in full many.
func times(few, many int) int {
	if testenv.Full() {
		return many
	}
	return few
}

// door is where requests go.
type door struct {
	url    string // scheme, host and port
	client *http.Client
}

func devDoor(server *testenv.DevServer) door { return door{server.Info.Addr, server.Client()} }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// member returns a text member of the JSON body; empty if there is none.
func (a answer) member(name string) string {
	var members map[string]any
	if json.Unmarshal([]byte(a.body), &members) != nil {
		return ""
	}
	text, _ := members[name].(string)
	return text
}

// unavailable reports whether an answer of an OAuth endpoint says to try later.
func (a answer) unavailable() bool {
	return a.status == http.StatusServiceUnavailable && a.member("error") == "temporarily_unavailable" && a.header.Get("Retry-After") != ""
}

// change is done to a request before it is sent.
type change func(*http.Request)

func header(name, value string) change {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func bearer(token string) change { return header("Authorization", "Bearer "+token) }

func basic(user, password string) change {
	return func(r *http.Request) { r.SetBasicAuth(user, password) }
}

// try sends a request from any goroutine.
func (d door) try(t *testing.T, method, path, body string, changes ...change) (answer, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body == "" {
		request.Body = http.NoBody
	}
	for _, c := range changes {
		c(request)
	}
	response, err := d.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(text)}, errors.Join(err, response.Body.Close())
}

func (d door) send(t *testing.T, method, path, body string, changes ...change) answer {
	t.Helper()
	got, err := d.try(t, method, path, body, changes...)
	require.NoError(t, err)
	return got
}

func (d door) get(t *testing.T, path string, changes ...change) answer {
	t.Helper()
	return d.send(t, http.MethodGet, path, "", changes...)
}

// form posts pairs, given as name, value, name, value.
func (d door) form(t *testing.T, path string, pairs ...string) answer {
	t.Helper()
	return d.send(t, http.MethodPost, path, encode(pairs...), header("Content-Type", formType))
}

func encode(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values.Encode()
}

// exchangeForm is a token exchange, with pairs added.
func exchangeForm(token string, pairs ...string) string {
	return encode(append([]string{
		"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange",
		"subject_token", token, "subject_token_type", "urn:ietf:params:oauth:token-type:access_token",
	}, pairs...)...)
}

func (d door) tryExchange(t *testing.T, token string) (answer, error) {
	t.Helper()
	return d.try(t, http.MethodPost, pathToken, exchangeForm(token), header("Content-Type", formType))
}

// patiently does something again while the answer is 503: on a busy machine a
// Redis server may be slower than the product waits for it.
func patiently(do func() (answer, error)) (got answer, err error) {
	for range 20 {
		if got, err = do(); err != nil || !got.unavailable() {
			break
		}
	}
	return got, err
}

func (d door) exchange(t *testing.T, token string, pairs ...string) answer {
	t.Helper()
	return d.send(t, http.MethodPost, pathToken, exchangeForm(token, pairs...), header("Content-Type", formType))
}

// answered exchanges a token, again while that is 503: for who wants to know what
// becomes of a token, not whether the store is there at this very moment.
func (d door) answered(t *testing.T, token string, pairs ...string) (got answer) {
	t.Helper()
	testenv.Wait(t, soon, func() bool {
		got = d.exchange(t, token, pairs...)
		return !got.unavailable()
	})
	return got
}

// mint exchanges a token and returns the JWT.
func (d door) mint(t *testing.T, token string, pairs ...string) string {
	t.Helper()
	got := d.answered(t, token, pairs...)
	require.Equal(t, http.StatusOK, got.status, got.body)
	return got.member("access_token")
}

// json sends a body to the management API.
func (d door) json(t *testing.T, method, path, as, body string) answer {
	t.Helper()
	return d.send(t, method, path, body, bearer(as), header("Content-Type", "application/json"))
}

// create makes a token, with members added to the body, such as `"scope":[]`.
func (d door) create(t *testing.T, as, name string, members ...string) testenv.DevPAT {
	t.Helper()
	got := d.json(t, http.MethodPost, pathTokens, as, draft(name, members...))
	require.Equal(t, http.StatusOK, got.status, got.body)
	return made(got)
}

func draft(name string, members ...string) string {
	return "{" + strings.Join(append([]string{`"name":"` + name + `"`}, members...), ",") + "}"
}

func made(a answer) testenv.DevPAT {
	return testenv.DevPAT{ID: a.member("id"), Secret: a.member("secret"), Token: a.member("token")}
}

// requireDenied proves that a token mints nothing. cause is a part of what its
// holder is told; empty is the one answer to a secret that was not proved.
func (d door) requireDenied(t *testing.T, token, cause string) {
	t.Helper()
	got := d.answered(t, token)
	require.Equal(t, http.StatusBadRequest, got.status, got.body)
	require.Equal(t, "invalid_request", got.member("error"))
	if cause == "" {
		require.Equal(t, unproved, got.body)
		return
	}
	require.Contains(t, got.member("error_description"), cause)
}

// unproved is the answer to a subject token whose secret was not proved.
const unproved = `{"error":"invalid_request","error_description":"subject_token is invalid"}`
