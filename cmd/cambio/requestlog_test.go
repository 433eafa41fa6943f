package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// logged is the line of a request, found by the id that it was sent with.
func logged(t *testing.T, server *testenv.DevServer, trace string) map[string]any {
	t.Helper()
	var found map[string]any
	testenv.Wait(t, 10*time.Second, func() bool { // a request ends a moment after its answer
		for line := range strings.Lines(server.Stderr()) {
			if strings.Contains(line, `"tracking_id":"`+trace+`"`) && strings.Contains(line, `"msg":"request"`) {
				require.NoError(t, json.Unmarshal([]byte(line), &found))
				return true
			}
		}
		return false
	})
	return found
}

// Each door names in its log the token that it refuses, if the secret was right: then it is
// whose it says it is. An id beside a wrong secret is whatever somebody sent.
func TestRequestLogNamesProvedTokens(t *testing.T) {
	server := testenv.Dev(t)
	client, alice := server.Client(), server.Info.Users.Alice.PAT.Token
	made := func(name, key string, value any) pat {
		t.Helper()
		return create(t, client, server.Info.Addr, alice, map[string]any{"name": name, key: value})
	}
	change := func(token pat, how, body string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.Info.Addr+"/api/v1/personal-access-tokens/"+token.ID+"/"+how, strings.NewReader(body))
		require.NoError(t, err)
		if body != "" {
			request.Header.Set("Content-Type", "application/json")
		}
		send(t, client, request, alice)
	}
	n := 0
	line := func(method, path, bearer, form string) map[string]any {
		t.Helper()
		n++
		trace := fmt.Sprintf("%032x", n)
		request, err := http.NewRequestWithContext(t.Context(), method, server.Info.Addr+path, strings.NewReader(form))
		require.NoError(t, err)
		request.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-00")
		if form == "" {
			request.Header.Set("Authorization", "Bearer "+bearer)
		} else {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		response, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.GreaterOrEqual(t, response.StatusCode, 400, path)
		return logged(t, server, trace)
	}
	exchanged := func(token string, more ...string) map[string]any {
		t.Helper()
		form := url.Values{"grant_type": {tokenExchange}, "subject_token": {token}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}}
		if len(more) > 0 {
			form["audience"] = more
		}
		return line(http.MethodPost, "/oauth2/token", "", form.Encode())
	}

	revoked, elsewhere, rotated := made("revoked", "scope", nil), made("elsewhere", "allowedNetworks", []string{"192.0.2.0/24"}), made("rotated", "scope", nil)
	narrow := made("narrow", "audience", []string{server.Info.Audience})
	change(revoked, "revoke", "")
	change(rotated, "rotate", `{"gracePeriodSeconds":0}`)
	for name, at := range map[string]func(token string) map[string]any{
		"token":    func(token string) map[string]any { return exchanged(token) },
		"userinfo": func(token string) map[string]any { return line(http.MethodGet, "/oauth2/userinfo", token, "") },
		"api": func(token string) map[string]any {
			return line(http.MethodGet, "/api/v1/personal-access-tokens", token, "")
		},
		"scim":         func(token string) map[string]any { return line(http.MethodGet, "/scim/v2/Users", token, "") },
		"forward-auth": func(token string) map[string]any { return line(http.MethodGet, "/forward-auth", token, "") },
	} {
		unproved := at(rotated.Token) // the id is one, the secret is from before
		require.NotContains(t, unproved, "pat_id", "%s: %v", name, unproved)
		if name == "userinfo" { // which takes JWTs alone
			continue
		}
		for _, refused := range []pat{revoked, elsewhere} {
			told := at(refused.Token)
			require.Equal(t, refused.ID, told["pat_id"], "%s: %v", name, told)
			require.NotEmpty(t, told["denial_id"], "%s: %v", name, told)
		}
	}
	require.Equal(t, narrow.ID, exchanged(narrow.Token, "https://other.example.com")["pat_id"], "the audience is refused")
	require.Equal(t, narrow.ID, line(http.MethodGet, "/api/v1/personal-access-tokens", narrow.Token, "")["pat_id"], "it is for another service")
	require.NotContains(t, exchanged(otherSecret(t, client, server)), "pat_id")
}
