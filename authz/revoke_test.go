package authz_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/pat"
)

func TestRevocation(t *testing.T) {
	for name, test := range map[string]struct {
		form   func(*world, pat.Token) url.Values
		change func(*world, pat.Token) []func(*http.Request)
	}{
		"by possession": {form: func(_ *world, token pat.Token) url.Values { return about(text(token)) }},
		"with a hint": {form: func(_ *world, token pat.Token) url.Values {
			return with(about(text(token)), "token_type_hint", "x")
		}},
		"with a bare client_id": {form: func(_ *world, token pat.Token) url.Values { return with(about(text(token)), "client_id", "x") }},
		"with its own credentials": {
			form:   func(_ *world, token pat.Token) url.Values { return about(text(token)) },
			change: func(_ *world, token pat.Token) []func(*http.Request) { return []func(*http.Request){basicOf(token)} },
		},
		"with those of another": {
			form: func(_ *world, token pat.Token) url.Values { return about(text(token)) },
			change: func(w *world, _ pat.Token) []func(*http.Request) {
				return []func(*http.Request){basicOf(w.token(eve, nil))}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			token := w.token(alice, func(r *pat.Record) { r.Audience = []string{api} })
			jwt := w.jwt(t, token, api, "")
			var change []func(*http.Request)
			if test.change != nil {
				change = test.change(w, token)
			}
			for range 2 { // revoking again is no error
				answer := w.post(authz.PathRevoke, test.form(w, token), change...)
				require.Equal(t, http.StatusOK, answer.Code, answer.Body)
				require.Empty(t, answer.Body.String())
				require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
			}
			require.Equal(t, pat.StateRevoked, w.store.records[token.ID()].State)
			require.Equal(t, http.StatusBadRequest, w.post(authz.PathToken, exchangeForm(token)).Code)
			caller := w.token(admin, nil)
			require.Equal(t, inactive, w.post(authz.PathIntrospect, about(jwt), basicOf(caller)).Body.String())
		})
	}
}

func TestRevocationOfAJWT(t *testing.T) {
	w := newWorld(t)
	token, caller := w.token(alice, nil), w.token(admin, nil)
	jwt, sibling := w.jwt(t, token, api, ""), w.jwt(t, token, api, "")
	require.Equal(t, http.StatusOK, w.post(authz.PathRevoke, about(jwt)).Code)
	require.Equal(t, inactive, w.post(authz.PathIntrospect, about(jwt), basicOf(caller)).Body.String())
	requireActive(t, w.post(authz.PathIntrospect, about(sibling), basicOf(caller)))
	requireActive(t, w.post(authz.PathIntrospect, about(text(token)), basicOf(caller)))
}

func TestRevocationOfNothing(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, nil)
	for _, unknown := range []string{"x", text(w.format.New(pat.NewID(alice))), text(w.format.New(token.ID()))} {
		require.Equal(t, http.StatusOK, w.post(authz.PathRevoke, about(unknown)).Code)
	}
	requireError(t, w.post(authz.PathRevoke, url.Values{}), http.StatusBadRequest, "invalid_request", "token is required")
	requireError(t, w.post(authz.PathRevoke, with(about(""), "client_id", "x")), http.StatusBadRequest, "invalid_request", "token is required")
	require.Equal(t, pat.StateActive, w.store.records[token.ID()].State)
}

func TestRevocationWithWrongCredentials(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, nil)
	for name, change := range map[string]func(*http.Request){
		"wrong Basic":     basicOf(w.format.New(token.ID())),
		"malformed Basic": withHeader("Authorization", "Basic !"),
		"Bearer":          bearer(text(token)),
	} {
		answer := w.post(authz.PathRevoke, about(text(token)), change)
		requireError(t, answer, http.StatusUnauthorized, "invalid_client", "client authentication failed")
		require.Equal(t, pat.StateActive, w.store.records[token.ID()].State, name)
	}
	answer := w.post(authz.PathRevoke, with(about(text(token)), "client_secret", "x"), basicOf(token))
	requireError(t, answer, http.StatusBadRequest, "invalid_request", "credentials were sent in more than one place")
	require.Equal(t, pat.StateActive, w.store.records[token.ID()].State)
}
