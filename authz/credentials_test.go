package authz_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/pat"
)

func TestClientCredentials(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, nil)
	id, secret := string(token.ID()), token.Secret().Reveal()
	grant := func() url.Values { return url.Values{"grant_type": {"client_credentials"}} }
	for name, test := range map[string]struct {
		form   url.Values
		change []func(*http.Request)
	}{
		"Basic":                        {grant(), []func(*http.Request){basicOf(token)}},
		"Basic with the whole token":   {grant(), []func(*http.Request){basic(id, token.Reveal().Reveal())}},
		"Basic, percent-encoded":       {grant(), []func(*http.Request){basic("%"+hexOf(id[0])+id[1:], secret)}},
		"Basic with its own client_id": {with(grant(), "client_id", id), []func(*http.Request){basicOf(token)}},
		"form":                         {with(with(grant(), "client_id", id), "client_secret", secret), nil},
	} {
		t.Run(name, func(t *testing.T) {
			answer := w.post(authz.PathToken, test.form, test.change...)
			require.Equal(t, http.StatusOK, answer.Code, answer.Body)
			require.NotContains(t, members(t, answer), "issued_token_type")
		})
	}
	for name, test := range map[string]struct {
		form   url.Values
		change []func(*http.Request)
	}{
		"none":                   {grant(), nil},
		"a bare client_id":       {with(grant(), "client_id", id), nil},
		"a wrong secret":         {grant(), []func(*http.Request){basicOf(w.format.New(token.ID()))}},
		"an unknown id":          {grant(), []func(*http.Request){basicOf(w.format.New(pat.NewID(alice)))}},
		"no colon":               {grant(), []func(*http.Request){withHeader("Authorization", "Basic YQ==")}},
		"encoded twice":          {grant(), []func(*http.Request){basic("%25"+hexOf(id[0])+id[1:], secret)}},
		"NUL":                    {grant(), []func(*http.Request){basic(id, "\x00")}},
		"not UTF-8":              {grant(), []func(*http.Request){basic(id, "\xff")}},
		"an empty password":      {grant(), []func(*http.Request){basic(id, "")}},
		"a secret of another id": {with(with(grant(), "client_id", string(pat.NewID(alice))), "client_secret", token.Reveal().Reveal()), nil},
	} {
		t.Run(name, func(t *testing.T) {
			answer := w.post(authz.PathToken, test.form, test.change...)
			requireError(t, answer, http.StatusUnauthorized, "invalid_client", "client authentication failed")
			require.Equal(t, `Basic realm="cambio", charset="UTF-8"`, answer.Header().Get("WWW-Authenticate"))
		})
	}
}

func hexOf(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}

func TestMultipartIsForClientCredentialsOnly(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, nil)
	send := func(form url.Values) (string, *bytes.Buffer) {
		var body bytes.Buffer
		parts := multipart.NewWriter(&body)
		for name, values := range form {
			require.NoError(t, parts.WriteField(name, values[0]))
		}
		require.NoError(t, parts.Close())
		return parts.FormDataContentType(), &body
	}
	post := func(form url.Values) func(*http.Request) {
		contentType, body := send(form)
		return func(r *http.Request) {
			r.Header.Set("Content-Type", contentType)
			r.Body, r.ContentLength = http.NoBody, -1
			r.Body = readCloser{body}
		}
	}
	credentials := url.Values{"grant_type": {"client_credentials"}, "client_id": {string(token.ID())}, "client_secret": {token.Secret().Reveal()}}
	answer := w.post(authz.PathPATToken, url.Values{}, post(credentials))
	require.Equal(t, http.StatusOK, answer.Code, answer.Body)
	answer = w.post(authz.PathToken, url.Values{}, post(exchangeForm(token)))
	requireError(t, answer, http.StatusBadRequest, "invalid_request", "token exchange takes application/x-www-form-urlencoded only")
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

func TestUnsupportedGrants(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, nil)
	calls := w.store.calls
	for _, grant := range []string{
		"password", "authorization_code", "refresh_token", " client_credentials", "client_credentials ", strings.Repeat("client_credentials ", 2),
		grantExchange + " client_credentials", strings.ToUpper(grantExchange), "é",
	} {
		answer := w.post(authz.PathToken, with(exchangeForm(token), "grant_type", grant), basicOf(token))
		requireError(t, answer, http.StatusBadRequest, "unsupported_grant_type", "grant_type is not supported")
	}
	require.Equal(t, calls, w.store.calls, "an unknown grant costs no store call")
}
