package authz_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

func TestTroubleIsUnavailable(t *testing.T) {
	form := func(token pat.Token) url.Values { return exchangeForm(token) }
	w := newWorld(t)
	token := w.token(alice, nil)
	requireUnavailable := func(answerOf func() (int, string, string)) {
		t.Helper()
		status, body, retry := answerOf()
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.JSONEq(t, `{"error":"temporarily_unavailable","error_description":"try again later"}`, body)
		require.Equal(t, "1", retry)
	}
	ask := func(path string, form url.Values, change ...func(*http.Request)) func() (int, string, string) {
		return func() (int, string, string) {
			answer := w.post(path, form, change...)
			return answer.Code, answer.Body.String(), answer.Header().Get("Retry-After")
		}
	}
	own := w.jwt(t, token, management, "openid")
	w.store.err = errTrouble
	requireUnavailable(ask(authz.PathToken, form(token)))
	requireUnavailable(ask(authz.PathIntrospect, url.Values{"token": {own}}, basicOf(token)))
	requireUnavailable(ask(authz.PathIntrospect, url.Values{"token": {own}}, bearer(own)))
	requireUnavailable(ask(authz.PathRevoke, url.Values{"token": {own}}))
	requireUnavailable(ask(authz.PathRevoke, url.Values{"token": {token.Reveal().Reveal()}}))
	requireUnavailable(ask(authz.PathUserinfo, nil, bearer(own)))
	w.store.err = nil
	w.dir.err = errTrouble
	requireUnavailable(ask(authz.PathToken, form(token)))
	answer := w.do(http.MethodGet, authz.PathInfo, nil)
	require.Equal(t, http.StatusServiceUnavailable, answer.Code)
	w.dir.err = nil
	w.dir.snapshot = directory.NewSnapshot(&directory.Catalog{})
	answer = w.do(http.MethodGet, authz.PathInfo, nil)
	require.Equal(t, http.StatusServiceUnavailable, answer.Code, "a store without its first organization")
}

// The store may fail after the caller was authenticated.
func TestIntrospectionTroubleAfterTheCaller(t *testing.T) {
	w := newWorld(t)
	caller := w.token(admin, nil)
	own := w.jwt(t, caller, management, "")
	signer := &lateTrouble{Signer: w.signer}
	w = newWorld(t, func(c *exchange.Config, _ *authz.Config) { c.Signer = signer })
	caller = w.token(admin, nil)
	answer := w.post(authz.PathIntrospect, url.Values{"token": {own}}, basicOf(caller))
	require.Equal(t, http.StatusServiceUnavailable, answer.Code, "never active:false")
}

// lateTrouble verifies nothing.
type lateTrouble struct{ exchange.Signer }

func (*lateTrouble) Verify(string, keys.Expected) (keys.Claims, error) {
	return keys.Claims{}, errTrouble
}

func TestFailuresAreThrottled(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, nil)
	wrong := w.format.New(token.ID())
	for _, ask := range []func() (int, string){
		func() (int, string) {
			answer := w.post(authz.PathToken, exchangeForm(wrong))
			return answer.Code, answer.Body.String() + answer.Header().Get("Retry-After")
		},
		func() (int, string) {
			answer := w.post(authz.PathToken, url.Values{"grant_type": {"client_credentials"}}, basicOf(wrong))
			return answer.Code, answer.Body.String() + answer.Header().Get("Retry-After")
		},
		func() (int, string) {
			answer := w.post(authz.PathRevoke, url.Values{"token": {wrong.Reveal().Reveal()}})
			return answer.Code, answer.Body.String() + answer.Header().Get("Retry-After")
		},
		func() (int, string) {
			answer := w.post(authz.PathIntrospect, url.Values{"token": {"x"}}, bearer(wrong.Reveal().Reveal()))
			return answer.Code, answer.Body.String() + answer.Header().Get("Retry-After")
		},
	} {
		for range 25 {
			ask()
		}
		status, text := ask()
		require.Equal(t, http.StatusTooManyRequests, status)
		require.Regexp(t, `^{"error":"temporarily_unavailable","error_description":"too many failed attempts"}[1-9]`, text)
	}
	answer := w.post(authz.PathToken, exchangeForm(token))
	require.Equal(t, http.StatusOK, answer.Code, "a right secret is never locked out")
}

// A PAT is refused in whatever parameter it comes.
func TestPATsInTheQuery(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, nil)
	text := token.Reveal().Reveal()
	for query, description := range map[string]string{
		"key=" + text:                            "a credential was sent in the query string",
		"x=1;k%65y=" + "%63" + text[1:]:          "a credential was sent in the query string",
		"scope=" + text:                          "a credential was sent in the query string: scope",
		text:                                     "a credential was sent in the query string",
		"=" + text:                               "a credential was sent in the query string",
		"key=" + text[:len(text)-1] + "&%zz=%zz": "a credential was sent in the query string",
	} {
		inQuery := func(r *http.Request) { r.URL.RawQuery = query }
		for _, path := range []string{authz.PathToken, authz.PathPATToken, authz.PathIntrospect, authz.PathRevoke} {
			before := len(w.reasons())
			answer := w.post(path, exchangeForm(token), inQuery)
			requireError(t, answer, http.StatusBadRequest, "invalid_request", description)
			require.Equal(t, []string{"secret_in_uri"}, w.reasons()[before:])
		}
		answer := w.do(http.MethodGet, authz.PathUserinfo, nil, bearer(w.jwt(t, token, api, "openid")), inQuery)
		require.Equal(t, http.StatusUnauthorized, answer.Code)
	}
	answer := w.post(authz.PathToken, exchangeForm(token), func(r *http.Request) { r.URL.RawQuery = "key=cambio&pat" })
	require.Equal(t, http.StatusOK, answer.Code)
}

func TestSecretsInTheQuery(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, nil)
	inQuery := func(r *http.Request) { r.URL.RawQuery = "token=" + token.Reveal().Reveal() }
	for _, path := range []string{authz.PathToken, authz.PathPATToken, authz.PathIntrospect, authz.PathRevoke} {
		answer := w.post(path, exchangeForm(token), inQuery)
		requireError(t, answer, http.StatusBadRequest, "invalid_request", "a credential was sent in the query string: token")
	}
	require.Equal(t, []string{"secret_in_uri", "secret_in_uri", "secret_in_uri", "secret_in_uri"}, w.reasons())
	require.Equal(t, 4, w.log.FilterFieldKey("reason").Len())
	for range 310 {
		w.post(authz.PathRevoke, exchangeForm(token), inQuery)
	}
	require.Less(t, len(w.events), 320, "a flood of them does not fill the audit log")
	answer := w.post(authz.PathRevoke, exchangeForm(token), inQuery)
	require.Equal(t, http.StatusTooManyRequests, answer.Code)
}

func TestMethods(t *testing.T) {
	w := newWorld(t)
	for path, allow := range map[string]string{
		authz.PathToken: "POST", authz.PathPATToken: "POST", authz.PathIntrospect: "POST", authz.PathRevoke: "POST",
		authz.PathUserinfo: "GET, POST", authz.PathInfo: "GET, HEAD",
		authz.PathServer: "GET, HEAD, OPTIONS", authz.PathOpenID: "GET, HEAD, OPTIONS", authz.PathJWKS: "GET, HEAD, OPTIONS",
		authz.PathManagementAPI: "GET, HEAD, OPTIONS",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			answer := w.do(method, path, nil)
			if strings.Contains(", "+allow+", ", ", "+method+", ") {
				require.NotEqual(t, http.StatusMethodNotAllowed, answer.Code, "%s %s", method, path)
				continue
			}
			require.Equal(t, allow, answer.Header().Get("Allow"), "%s %s", method, path)
			requireError(t, answer, http.StatusMethodNotAllowed, "invalid_request", "method not allowed")
		}
	}
}

func TestAnInternalFaultSaysNothing(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, nil)
	w.store.err = errBroken
	answer := w.post(authz.PathToken, exchangeForm(token))
	requireError(t, answer, http.StatusInternalServerError, "server_error", "an internal fault occurred")
	require.Equal(t, 1, w.log.FilterMessage("unmapped error").Len())
}

func TestAPanicSaysNothing(t *testing.T) {
	w := newWorld(t, func(c *exchange.Config, _ *authz.Config) { c.Signer = &panicking{} })
	answer := w.post(authz.PathToken, exchangeForm(w.token(alice, nil)))
	requireError(t, answer, http.StatusInternalServerError, "server_error", "an internal fault occurred")
}

// panicking has a bug.
type panicking struct{ exchange.Signer }

func TestNewRefusesAnIncompleteConfig(t *testing.T) {
	_, err := authz.New(authz.Config{})
	require.Error(t, err)
}
