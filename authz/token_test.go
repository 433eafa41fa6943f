package authz_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

func TestTokenExchangeAnswers(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, func(r *pat.Record) { r.Expiration = start.Add(time.Hour) })
	for name, test := range map[string]struct {
		form   url.Values
		change []func(*http.Request)
		path   string
		want   map[string]any
	}{
		"as a PAT": {form: exchangeForm(token), want: map[string]any{"issued_token_type": typeAT, "scope": pat.ScopeAll + " openid profile"}},
		"as an access token": {
			form: with(exchangeForm(token), "subject_token_type", typeAT), want: map[string]any{"issued_token_type": typeAT},
		},
		"asked for an access token": {
			form: with(exchangeForm(token), "requested_token_type", typeAT), want: map[string]any{"issued_token_type": typeAT},
		},
		"asked for a JWT": {
			form: with(exchangeForm(token), "requested_token_type", typeJWT), want: map[string]any{"issued_token_type": typeJWT},
		},
		"a bare client_id is ignored": {form: with(exchangeForm(token), "client_id", "whoever"), want: map[string]any{"client_id": string(token.ID())}},
		"an empty parameter is omitted": {
			form: with(exchangeForm(token), "actor_token", ""), want: map[string]any{"token_type": "Bearer"},
		},
		"an unknown parameter is ignored": {form: with(exchangeForm(token), "future", "1"), want: map[string]any{"token_type": "Bearer"}},
		"several targets": {
			form: with(with(exchangeForm(token), "audience", api), "resource", orders), want: map[string]any{"token_type": "Bearer"},
		},
		"with its own Basic credentials": {
			form: exchangeForm(token), change: []func(*http.Request){basicOf(token)}, want: map[string]any{"token_type": "Bearer"},
		},
		"with its own credentials in the form": {
			form: with(with(exchangeForm(token), "client_id", string(token.ID())), "client_secret", token.Secret().Reveal()),
			want: map[string]any{"token_type": "Bearer"},
		},
		"for the management API": {
			form: with(exchangeForm(token), "scope", pat.ScopeDefault), path: authz.PathPATToken, want: map[string]any{"scope": pat.ScopeDefault},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := authz.PathToken
			if test.path != "" {
				path = test.path
			}
			answer := w.post(path, test.form, test.change...)
			require.Equal(t, http.StatusOK, answer.Code, answer.Body)
			require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
			require.Equal(t, "no-cache", answer.Header().Get("Pragma"))
			found := members(t, answer)
			for member, value := range test.want {
				require.Equal(t, value, found[member], member)
			}
			require.Equal(t, issuer, found["issuer"])
			require.Equal(t, "2026-10-05T09:30:00.250Z", found["pat_expires_at"])
			require.NotContains(t, found, "refresh_token")
			text, ok := found["access_token"].(string)
			require.True(t, ok)
			claims, err := w.signer.Verify(text, keys.Expected{Issuer: issuer})
			require.NoError(t, err)
			require.Equal(t, found["scope"], claims.Scope)
			if path == authz.PathPATToken {
				require.Equal(t, []string{management}, claims.Audience)
			}
		})
	}
}

func TestTokenExchangeRefuses(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, nil)
	foreign := w.token(admin, nil)
	own := w.jwt(t, token, api, "")
	const invalidRequest = "invalid_request"
	for name, test := range map[string]struct {
		form        url.Values
		change      []func(*http.Request)
		status      int
		code        string
		description string
	}{
		"no grant type":            {form: with(exchangeForm(token), "grant_type"), description: "grant_type is required"},
		"a blank grant type":       {form: with(exchangeForm(token), "grant_type", "  "), description: "grant_type is required"},
		"no subject token":         {form: with(exchangeForm(token), "subject_token"), description: "subject_token is required"},
		"an empty subject token":   {form: with(exchangeForm(token), "subject_token", ""), description: "subject_token is required"},
		"no subject token type":    {form: with(exchangeForm(token), "subject_token_type"), description: "subject_token_type is required"},
		"an unknown token type":    {form: with(exchangeForm(token), "subject_token_type", "urn:x"), description: "subject_token_type is not supported"},
		"a token type in capitals": {form: with(exchangeForm(token), "subject_token_type", strings.ToUpper(typePAT)), description: "subject_token_type is not supported"},
		"a PAT as a JWT":           {form: with(exchangeForm(token), "subject_token_type", typeJWT), description: "subject_token is invalid"},
		"a JWT as a PAT":           {form: with(exchangeForm(token), "subject_token", own), description: "subject_token is invalid"},
		"an unknown PAT":           {form: exchangeForm(w.format.New(pat.NewID(alice))), description: "subject_token is invalid"},
		"a wrong secret":           {form: exchangeForm(w.format.New(token.ID())), description: "subject_token is invalid"},
		"a refresh token asked for": {
			form:        with(exchangeForm(token), "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
			description: "requested_token_type is not supported",
		},
		"an actor without type": {form: with(exchangeForm(token), "actor_token", own), description: "actor_token_type is required with actor_token"},
		"an actor type alone":   {form: with(exchangeForm(token), "actor_token_type", typeJWT), description: "actor_token is required with actor_token_type"},
		"delegation":            {form: with(with(exchangeForm(token), "actor_token", own), "actor_token_type", typeJWT), description: "delegation not supported"},
		"an unknown audience": {
			form: with(exchangeForm(token), "audience", "nobody"), code: "invalid_target", description: "unknown or not permitted audience or resource",
		},
		"a resource with a fragment": {
			form: with(exchangeForm(token), "resource", api+"#x"), code: "invalid_target", description: "resource must be an absolute URI without a fragment",
		},
		"a malformed scope": {form: with(exchangeForm(token), "scope", `a"b`), code: "invalid_scope", description: "scope is malformed"},
		"a scope not held": {
			form: with(exchangeForm(token), "scope", "credentials"), code: "invalid_scope", description: "the token does not hold every requested scope",
		},
		"a repeated scope":   {form: with(exchangeForm(token), "scope", "a", "a"), description: "a parameter occurs more than once: scope"},
		"a client assertion": {form: with(exchangeForm(token), "client_assertion", "x"), description: "client assertions are not supported"},
		"Basic and a secret in the form": {
			form: with(exchangeForm(token), "client_secret", "x"), change: []func(*http.Request){basicOf(token)},
			description: "credentials were sent in more than one place",
		},
		"Bearer and a secret in the form": {
			form: with(exchangeForm(token), "client_secret", "x"), change: []func(*http.Request){bearer("x")},
			description: "credentials were sent in more than one place",
		},
		"two Authorization headers": {
			form: exchangeForm(token), change: []func(*http.Request){basicOf(token), basicOf(token)},
			description: "credentials were sent in more than one place",
		},
		"Basic of another client_id": {
			form: with(exchangeForm(token), "client_id", "x"), change: []func(*http.Request){basicOf(token)},
			description: "client_id is not the user of the Authorization header",
		},
		"Basic of another owner": {
			form: exchangeForm(token), change: []func(*http.Request){basicOf(foreign)}, status: 401, code: "invalid_client", description: "client authentication failed",
		},
		"wrong Basic": {
			form: exchangeForm(token), change: []func(*http.Request){basic(string(token.ID()), "x")},
			status: 401, code: "invalid_client", description: "client authentication failed",
		},
		"malformed Basic": {
			form: exchangeForm(token), change: []func(*http.Request){withHeader("Authorization", "Basic !")},
			status: 401, code: "invalid_client", description: "client authentication failed",
		},
		"another scheme": {
			form: exchangeForm(token), change: []func(*http.Request){bearer(own)},
			status: 401, code: "invalid_client", description: "client authentication failed",
		},
		"a secret alone": {
			form: with(exchangeForm(token), "client_secret", token.Reveal().Reveal()), status: 401, code: "invalid_client", description: "client authentication failed",
		},
		"a body of JSON": {
			form: exchangeForm(token), change: []func(*http.Request){func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }},
			description: "the content type is not supported",
		},
		"another charset": {
			form: exchangeForm(token), change: []func(*http.Request){func(r *http.Request) {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=iso-8859-1")
			}},
			description: "the content type is not supported",
		},
		"a compressed body": {
			form: exchangeForm(token), change: []func(*http.Request){withHeader("Content-Encoding", "gzip")},
			status: 415, description: "the content encoding is not supported",
		},
		"a large body": {
			form: with(exchangeForm(token), "subject_token", strings.Repeat("a", 64<<10)), status: 413, description: "the request body is too large",
		},
		"not UTF-8": {form: with(exchangeForm(token), "scope", "\xff"), description: "the request body is malformed: scope"},
		"NUL":       {form: with(exchangeForm(token), "scope", "\x00"), code: "invalid_scope", description: "the request body is malformed: scope"},
		"a secret in the query": {
			form:        exchangeForm(token),
			change:      []func(*http.Request){func(r *http.Request) { r.URL.RawQuery = "client_secret=x" }},
			description: "a credential was sent in the query string: client_secret",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if test.status == 0 {
				test.status = http.StatusBadRequest
			}
			if test.code == "" {
				test.code = invalidRequest
			}
			answer := w.post(authz.PathToken, test.form, test.change...)
			requireError(t, answer, test.status, test.code, test.description)
			if test.status == http.StatusUnauthorized {
				require.Equal(t, `Basic realm="cambio", charset="UTF-8"`, answer.Header().Get("WWW-Authenticate"))
			}
		})
	}
}
