package authz_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

const inactive = `{"active":false}`

func about(token string) url.Values { return url.Values{"token": {token}} }

func text(token pat.Token) string { return token.Reveal().Reveal() }

func requireActive(t *testing.T, answer *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	require.Equal(t, http.StatusOK, answer.Code, answer.Body)
	require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
	found := members(t, answer)
	require.Equal(t, true, found["active"], answer.Body)
	return found
}

func TestIntrospectionOfAJWT(t *testing.T) {
	w := newWorld(t)
	token, caller := w.token(alice, nil), w.token(admin, nil)
	jwt := w.jwt(t, token, api, "")
	for name, test := range map[string]struct {
		form   url.Values
		change []func(*http.Request)
	}{
		"by Basic":        {about(jwt), []func(*http.Request){basicOf(caller)}},
		"by form":         {with(with(about(jwt), "client_id", string(caller.ID())), "client_secret", caller.Secret().Reveal()), nil},
		"by a Bearer PAT": {about(jwt), []func(*http.Request){bearer(text(caller))}},
		"by a Bearer JWT": {about(jwt), []func(*http.Request){bearer(w.jwt(t, caller, management, ""))}},
		"by any case":     {about(jwt), []func(*http.Request){withHeader("Authorization", "bEARER "+text(caller))}},
		"a wrong hint":    {with(about(jwt), "token_type_hint", "refresh_token"), []func(*http.Request){basicOf(caller)}},
		"an unknown hint": {with(about(jwt), "token_type_hint", "x"), []func(*http.Request){basicOf(caller)}},
		"by its own PAT":  {about(jwt), []func(*http.Request){basicOf(token)}},
		"by itself":       {about(w.jwt(t, token, management, pat.ScopeDefault)), []func(*http.Request){bearer(w.jwt(t, token, management, pat.ScopeDefault))}},
	} {
		t.Run(name, func(t *testing.T) {
			found := requireActive(t, w.post(authz.PathIntrospect, test.form, test.change...))
			for _, member := range []string{"scope", "client_id", "sub", "aud", "iss", "exp", "iat", "jti"} {
				require.NotEmpty(t, found[member], member)
			}
			require.Equal(t, "Bearer", found["token_type"])
			require.Equal(t, string(token.ID()), found["client_id"])
			require.Equal(t, string(alice), found["sub"])
			require.InDelta(t, start.Add(5*time.Minute).Unix(), found["exp"], 1)
		})
	}
}

func TestIntrospectionOfAPAT(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, func(r *pat.Record) {
		r.Expiration, r.Audience, r.Networks = start.Add(time.Hour), []string{api, orders}, prefixes("10.0.0.0/8")
	})
	caller := w.token(admin, nil)
	found := requireActive(t, w.post(authz.PathIntrospect, about(text(token)), basicOf(caller)))
	require.Equal(t, map[string]any{
		"active": true, "scope": "sp:scopes:all openid profile", "client_id": string(token.ID()), "username": "alice",
		"exp": float64(start.Add(time.Hour).Unix()), "iat": float64(start.Unix()), "sub": string(alice), "aud": []any{api, orders}, "iss": issuer,
	}, found)

	for ip, active := range map[string]bool{"10.1.2.3": true, "192.0.2.1": false} {
		answer := w.post(authz.PathIntrospect, with(about(text(token)), "client_ip", ip), basicOf(caller))
		require.Equal(t, http.StatusOK, answer.Code)
		require.Equal(t, active, members(t, answer)["active"], ip)
	}
	answer := w.post(authz.PathIntrospect, with(about(text(token)), "client_ip", "here"), basicOf(caller))
	requireError(t, answer, http.StatusBadRequest, "invalid_request", "client_ip is not an IP address")

	forever := w.token(alice, nil)
	found = requireActive(t, w.post(authz.PathIntrospect, about(text(forever)), basicOf(forever)))
	require.NotContains(t, found, "exp")
	require.NotContains(t, found, "aud")
}

func TestWhatIsNotActiveIsToldNothingOf(t *testing.T) {
	w := newWorld(t)
	caller, token := w.token(admin, nil), w.token(alice, nil)
	jwt := w.jwt(t, token, api, "")
	revoked := w.token(alice, func(r *pat.Record) { r.State = pat.StateRevoked })
	elsewhere := w.token(eve, nil)
	for name, form := range map[string]url.Values{
		"garbage":              about("x"),
		"60 KiB of garbage":    about(strings.Repeat("x", 60<<10)),
		"an unknown PAT":       about(text(w.format.New(pat.NewID(alice)))),
		"a wrong secret":       about(text(w.format.New(token.ID()))),
		"a revoked PAT":        about(text(revoked)),
		"a changed JWT":        about(jwt[:len(jwt)-2]),
		"a PAT elsewhere":      about(text(elsewhere)),
		"a JWT from elsewhere": about(w.jwt(t, elsewhere, api, "")),
	} {
		t.Run(name, func(t *testing.T) {
			answer := w.post(authz.PathIntrospect, form, basicOf(caller))
			require.Equal(t, http.StatusOK, answer.Code)
			require.Equal(t, inactive, answer.Body.String())
		})
	}
	record := w.store.records[token.ID()]
	record.State = pat.StateRevoked
	w.store.records[token.ID()] = record
	require.Equal(t, inactive, w.post(authz.PathIntrospect, about(jwt), basicOf(caller)).Body.String(), "a JWT of a revoked PAT")
}

func TestIntrospectionNeedsACaller(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, nil)
	expired := w.jwt(t, token, management, "")
	w.now = w.now.Add(time.Hour)
	fresh := w.jwt(t, token, api, "")
	revoked := w.token(alice, func(r *pat.Record) { r.State = pat.StateRevoked })
	const basicChallenge, invalidToken = `Basic realm="cambio", charset="UTF-8"`, `Bearer realm="cambio", error="invalid_token", error_description="`
	for name, test := range map[string]struct {
		change      []func(*http.Request)
		code        string
		description string
		challenge   string
	}{
		"nobody":           {nil, "invalid_client", "client authentication failed", basicChallenge},
		"wrong Basic":      {[]func(*http.Request){basic("x", "y")}, "invalid_client", "client authentication failed", basicChallenge},
		"another scheme":   {[]func(*http.Request){withHeader("Authorization", "Digest x")}, "invalid_client", "client authentication failed", basicChallenge},
		"malformed Bearer": {[]func(*http.Request){bearer("a b")}, "invalid_token", "the token is invalid", invalidToken + `the token is invalid"`},
		"unknown Bearer":   {[]func(*http.Request){bearer("x")}, "invalid_token", "the token is invalid", invalidToken + `the token is invalid"`},
		"a wrong PAT": {
			[]func(*http.Request){bearer(text(w.format.New(token.ID())))}, "invalid_token", "the token is invalid", invalidToken + `the token is invalid"`,
		},
		"an expired JWT":  {[]func(*http.Request){bearer(expired)}, "invalid_token", "the token is expired", invalidToken + `the token is expired"`},
		"another's JWT":   {[]func(*http.Request){bearer(fresh)}, "invalid_token", "the token is invalid", invalidToken + `the token is invalid"`},
		"a revoked Basic": {[]func(*http.Request){basicOf(revoked)}, "invalid_client", "the token was revoked on 0001-01-01T00:00:00.000Z", basicChallenge},
		"a revoked PAT": {
			[]func(*http.Request){bearer(text(revoked))},
			"invalid_token", "the token was revoked on 0001-01-01T00:00:00.000Z",
			invalidToken + `the token was revoked on 0001-01-01T00:00:00.000Z"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			answer := w.post(authz.PathIntrospect, about(text(token)), test.change...)
			requireError(t, answer, http.StatusUnauthorized, test.code, test.description)
			require.Equal(t, test.challenge, answer.Header().Get("WWW-Authenticate"))
		})
	}
	answer := w.post(authz.PathIntrospect, about("x"))
	require.Equal(t, []string{basicChallenge, `Bearer realm="cambio"`}, answer.Header().Values("WWW-Authenticate"), "nobody is told of both ways")

	answer = w.post(authz.PathIntrospect, url.Values{}, basicOf(token))
	requireError(t, answer, http.StatusBadRequest, "invalid_request", "token is required")
	for _, change := range [][]func(*http.Request){{bearer(fresh)}, {basicOf(token)}, {bearer(fresh), bearer(fresh)}} {
		answer = w.post(authz.PathIntrospect, with(about("x"), "client_secret", "y"), change...)
		requireError(t, answer, http.StatusBadRequest, "invalid_request", "credentials were sent in more than one place")
	}
	answer = w.post(authz.PathIntrospect, about("x"), func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") })
	requireError(t, answer, http.StatusBadRequest, "invalid_request", "the content type is not supported")
}

// A caller without the right gets one answer for every token that is not its
// own, so it learns nothing of any.
func TestIntrospectionWithoutTheRight(t *testing.T) {
	w := newWorld(t)
	caller := w.token(alice, nil)
	limited := w.token(admin, func(r *pat.Record) { r.Audience = []string{api} })
	narrow := w.token(admin, func(r *pat.Record) { r.Scope = []string{pat.ScopeDefault} })
	foreign := w.token(admin, nil)
	for _, by := range []pat.Token{caller, limited, narrow} {
		requireActive(t, w.post(authz.PathIntrospect, about(text(by)), basicOf(by)))
		for _, token := range []string{text(foreign), text(w.format.New(foreign.ID())), "x", w.jwt(t, foreign, api, "")} {
			answer := w.post(authz.PathIntrospect, about(token), basicOf(by))
			requireError(t, answer, http.StatusForbidden, "insufficient_scope", "the token does not cover "+string(directory.Introspect))
			require.Equal(t, `Bearer realm="cambio", error="insufficient_scope", scope="cambio:introspect"`, answer.Header().Get("WWW-Authenticate"))
		}
	}
}
