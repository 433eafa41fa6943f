package authz_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/authz"
	"github.com/cambio-sts/cambio/pat"
)

func TestUserinfo(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, nil)
	for _, audience := range []string{api, orders, management} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			answer := w.do(method, authz.PathUserinfo, nil, bearer(w.jwt(t, token, audience, "openid")))
			require.Equal(t, http.StatusOK, answer.Code, answer.Body)
			require.JSONEq(t, `{"sub":"`+string(alice)+`"}`, answer.Body.String())
			require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
		}
	}
	answer := w.do(http.MethodGet, authz.PathUserinfo, nil, bearer(w.jwt(t, token, api, "openid profile")))
	require.JSONEq(t, `{"sub":"`+string(alice)+`","name":"Alice Liddell","preferred_username":"alice","email":"alice@example.com"}`, answer.Body.String())
	answer = w.post(authz.PathUserinfo, url.Values{"x": {"y"}}, bearer(w.jwt(t, token, api, "openid")))
	require.Equal(t, http.StatusOK, answer.Code)
}

func TestUserinfoRefuses(t *testing.T) {
	w := newWorld(t)
	token := w.token(alice, nil)
	good, without := w.jwt(t, token, api, "openid"), w.jwt(t, token, api, "profile")

	answer := w.do(http.MethodGet, authz.PathUserinfo, nil, bearer(without))
	requireError(t, answer, http.StatusForbidden, "insufficient_scope", "the token does not cover openid")
	require.Equal(t, `Bearer realm="cambio", error="insufficient_scope", scope="openid"`, answer.Header().Get("WWW-Authenticate"))

	for name, change := range map[string]func(*http.Request){
		"a PAT":          bearer(text(token)),
		"a changed JWT":  bearer(good[:len(good)-2]),
		"a blank header": withHeader("Authorization", "Bearer"),
	} {
		answer = w.do(http.MethodGet, authz.PathUserinfo, nil, change)
		requireError(t, answer, http.StatusUnauthorized, "invalid_token", "the token is invalid")
		require.Contains(t, answer.Header().Get("WWW-Authenticate"), `error="invalid_token"`, name)
	}

	answer = w.post(authz.PathUserinfo, url.Values{"access_token": {good}}, bearer(good))
	requireError(t, answer, http.StatusBadRequest, "invalid_request", "the access token belongs in the Authorization header")
	answer = w.do(http.MethodPost, authz.PathUserinfo, nil, func(r *http.Request) { r.ContentLength = 1 })
	require.Equal(t, http.StatusBadRequest, answer.Code, "a body that is no form")
	answer = w.do(http.MethodGet, authz.PathUserinfo, nil, bearer(good), bearer(good))
	requireError(t, answer, http.StatusBadRequest, "invalid_request", "credentials were sent in more than one place")

	for name, change := range map[string]func(*http.Request){
		"none":         withHeader("Accept", "text/html"),
		"Basic":        basicOf(token),
		"in the query": func(r *http.Request) { r.URL.RawQuery = "access_token=" + good },
	} {
		answer = w.do(http.MethodGet, authz.PathUserinfo, nil, change)
		require.Equal(t, http.StatusUnauthorized, answer.Code, name)
		require.Equal(t, `Bearer realm="cambio"`, answer.Header().Get("WWW-Authenticate"), name)
		require.Empty(t, answer.Body.String(), name)
	}
	require.Contains(t, w.reasons(), "secret_in_uri")

	record := w.store.records[token.ID()]
	record.State = pat.StateRevoked
	w.store.records[token.ID()] = record
	answer = w.do(http.MethodGet, authz.PathUserinfo, nil, bearer(good))
	requireError(t, answer, http.StatusUnauthorized, "invalid_token", "the token behind it was revoked")
	require.Len(t, members(t, answer)["denial_id"], 32)
	w.now = w.now.Add(time.Hour)
	answer = w.do(http.MethodGet, authz.PathUserinfo, nil, bearer(good))
	requireError(t, answer, http.StatusUnauthorized, "invalid_token", "the token is expired")
}
