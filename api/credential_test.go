package api_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/api"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/throttle"
	"github.com/cambio-sts/cambio/pat"
)

const (
	challenge = `Bearer realm="cambio", resource_metadata="https://sts.example.com/.well-known/oauth-protected-resource/api/v1"`
	mine      = collection + "?owner-id=me"

	invalidBody = `{"error":"JWT validation failed: JWT is invalid"}` + "\n"
)

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestCredentialsAccepted(t *testing.T) {
	w := newWorld(t)
	record, token := w.token(&w.alice, "ci")
	short := strings.TrimPrefix(token, "cambio_pat_"+string(record.ID)+"_")
	for name, header := range map[string][]string{
		"bearer token":               {"Authorization", "Bearer " + token},
		"scheme in any case":         {"Authorization", "bEARER " + token},
		"bearer JWT":                 {"Authorization", "Bearer " + w.jwt(token, "")},
		"private-token":              {"private-token", token},
		"basic with the secret":      {"Authorization", basic(string(record.ID), short)},
		"basic with the whole token": {"Authorization", basic(string(record.ID), token)},
		"a cookie beside it":         {"Authorization", "Bearer " + token, "Cookie", "session=other"},
	} {
		got := w.call("", http.MethodGet, mine, "", header...)
		require.Equal(t, http.StatusOK, got.StatusCode, name)
		require.Equal(t, "no-store", got.Header.Get("Cache-Control"))
	}
}

func TestCredentialsRefused(t *testing.T) {
	w := newWorld(t)
	record, token := w.token(&w.alice, "ci")
	jwt := w.jwt(token, "")
	elsewhere := w.tokens.Format().New(record.ID).Reveal().Reveal()
	unknown := w.tokens.Format().New(pat.NewID(w.alice.ID)).Reveal().Reveal()
	for name, header := range map[string][]string{
		"wrong secret":           {"Authorization", "Bearer " + elsewhere},
		"unknown id":             {"Authorization", "Bearer " + unknown},
		"wrong checksum":         {"Authorization", "Bearer " + token[:len(token)-1] + "-"},
		"upper case":             {"Authorization", "Bearer " + strings.ToUpper(token)},
		"not a token":            {"Authorization", "Bearer x"},
		"malformed bearer":       {"Authorization", "Bearer a b"},
		"empty bearer":           {"Authorization", "Bearer "},
		"JWT with a broken end":  {"Authorization", "Bearer " + jwt[:len(jwt)-8] + "AAAAAAAA"},
		"basic wrong secret":     {"Authorization", basic(string(record.ID), elsewhere)},
		"basic other id":         {"Authorization", basic(string(pat.NewID(w.alice.ID)), token)},
		"basic without a colon":  {"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("x"))},
		"basic no base64":        {"Authorization", "Basic %%%"},
		"private-token no token": {"Private-Token", jwt},
		"private-token empty":    {"Private-Token", ""},
	} {
		got := w.call("", http.MethodGet, mine, "", header...)
		require.Equal(t, http.StatusUnauthorized, got.StatusCode, name)
		require.Equal(t, invalidBody, string(got.body), name)
		require.Equal(t, challenge+`, error="invalid_token"`, got.Header.Get("WWW-Authenticate"), name)
	}
	w.clock.advance(5 * time.Minute)
	got := w.call(jwt, http.MethodGet, mine, "")
	require.Equal(t, `{"error":"JWT validation failed: JWT is expired"}`+"\n", string(got.body))
	require.Equal(t, challenge+`, error="invalid_token"`, got.Header.Get("WWW-Authenticate"))
}

func TestNoCredential(t *testing.T) {
	w := newWorld(t)
	_, token := w.token(&w.alice, "ci")
	for name, header := range map[string][]string{
		"none": {}, "a cookie": {"Cookie", "session=" + token}, "another scheme": {"Authorization", "Digest " + token},
	} {
		got := w.call("", http.MethodGet, mine, "", header...)
		require.Equal(t, http.StatusUnauthorized, got.StatusCode, name)
		require.Equal(t, `{"error":"No authorization header"}`+"\n", string(got.body), name)
		require.Equal(t, challenge, got.Header.Get("WWW-Authenticate"), "without an error attribute (RFC 6750 §3.1)")
	}
}

func TestSecretInURI(t *testing.T) {
	w := newWorld(t)
	_, token := w.token(&w.alice, "ci")
	for _, query := range []string{"access_token=" + token, "Access_Token=x", "client_secret=x", "&%61ccess_token=x", "q=" + token, token, "a;access_token=x"} {
		got := w.call(token, http.MethodGet, collection+"?"+query, "")
		require.Equal(t, http.StatusUnauthorized, got.StatusCode, query)
		require.Equal(t, challenge, got.Header.Get("WWW-Authenticate"), "C062: without an error code")
		require.Equal(t, "secret_in_uri", w.uses.last().Reason)
		require.Equal(t, "127.0.0.1", w.uses.last().IP)
	}
	require.Equal(t, http.StatusOK, w.call(token, http.MethodGet, mine+`&filters=name+eq+"`+token+`"`, "").StatusCode, "a filter is no credential")
}

func TestTwoCredentials(t *testing.T) {
	w := newWorld(t)
	_, token := w.token(&w.alice, "ci")
	form := []string{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}
	for name, got := range map[string]*answer{
		"header twice":           w.call(token, http.MethodGet, mine, "", "Authorization", "Bearer "+token),
		"header and header":      w.call(token, http.MethodGet, mine, "", "private-token", token),
		"private-token twice":    w.call("", http.MethodGet, mine, "", "private-token", token, "private-token", token),
		"header and form (C061)": w.call(token, http.MethodPost, collection, "a=b&access_token="+token, form...),
	} {
		require.Equal(t, http.StatusBadRequest, got.StatusCode, name)
		require.Equal(t, challenge+`, error="invalid_request"`, got.Header.Get("WWW-Authenticate"), name)
		require.Equal(t, "send one credential, in one place", got.cause(t), name)
	}
	got := w.call(token, http.MethodPost, collection, "name=access_token", form...)
	require.Equal(t, http.StatusUnsupportedMediaType, got.StatusCode, "no credential in it")
	got = w.call("", http.MethodPost, collection, "access_token="+token, form...)
	require.Equal(t, `{"error":"No authorization header"}`+"\n", string(got.body))
}

func TestDenials(t *testing.T) {
	w := newWorld(t)
	record, token := w.token(&w.alice, "ci", func(d *pat.Draft) { d.Expiration = w.clock.now().Add(time.Hour) })
	jwt := w.jwt(token, "")
	_, bobs := w.token(&w.bob, "ci")
	w.bob.Enabled = false
	require.NoError(t, w.people.ReplaceIdentity(t.Context(), w.bob, directory.Actor{}))
	_, _, err := w.tokens.Revoke(t.Context(), &record, pat.End{}, pat.Actor{Identity: w.alice.ID})
	require.NoError(t, err)
	for token, cause := range map[string]string{
		token: "the token was revoked on 2026-11-22T12:00:00.123Z",
		jwt:   "the token behind it was revoked",
		bobs:  "its owner is disabled",
	} {
		got := w.call(token, http.MethodGet, mine, "")
		require.Equal(t, http.StatusUnauthorized, got.StatusCode)
		require.Equal(t, "Token validation failed: "+cause, got.json(t)["error"])
		require.Equal(t, w.uses.last().DenialID, got.json(t)["denial_id"])
		require.Equal(t, challenge+`, error="invalid_token"`, got.Header.Get("WWW-Authenticate"))
	}
}

func TestThrottled(t *testing.T) {
	w := newWorld(t)
	record, token := w.token(&w.alice, "ci")
	wrong := w.tokens.Format().New(record.ID).Reveal().Reveal()
	for range 20 {
		require.Equal(t, http.StatusUnauthorized, w.call(wrong, http.MethodGet, mine, "").StatusCode)
	}
	got := w.call(wrong, http.MethodGet, mine, "")
	requireTooMany(t, got, "3")
	require.Equal(t, http.StatusOK, w.call(token, http.MethodGet, mine, "").StatusCode, "a right secret is never locked out")
}

func requireTooMany(t *testing.T, got *answer, retryAfter string) {
	t.Helper()
	require.Equal(t, http.StatusTooManyRequests, got.StatusCode)
	require.Equal(t, `{"message":" Rate Limit Exceeded "}`+"\n", string(got.body))
	require.Equal(t, retryAfter, got.Header.Get("Retry-After"))
}

func TestRateLimit(t *testing.T) {
	w := newWorld(t)
	w.build(func(c *api.Config) { c.Requests = limiter(w, throttle.Window{Most: 3, Length: 2 * time.Second}) })
	_, token := w.token(&w.alice, "one")
	_, other := w.token(&w.alice, "two")
	for range 3 {
		require.Equal(t, http.StatusOK, w.call(token, http.MethodGet, mine, "").StatusCode)
	}
	requireTooMany(t, w.call(token, http.MethodGet, mine, ""), "2")
	requireTooMany(t, w.call(w.jwt(token, ""), http.MethodGet, mine, ""), "2")
	require.Equal(t, http.StatusOK, w.call(other, http.MethodGet, mine, "").StatusCode, "another token")
	require.Equal(t, http.StatusOK, w.call(token, http.MethodGet, "/v3/personal-access-tokens?owner-id=me", "").StatusCode, "another version")
	w.clock.advance(2 * time.Second)
	require.Equal(t, http.StatusOK, w.call(token, http.MethodGet, mine, "").StatusCode)
}

// A store that cannot count lets nobody through.
func TestRateLimitFailsClosed(t *testing.T) {
	w := newWorld(t)
	w.build(func(c *api.Config) { c.Requests = uncounted{} })
	_, token := w.token(&w.alice, "one")
	got := w.call(token, http.MethodGet, mine, "")
	require.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	require.Empty(t, got.Header.Values("RateLimit"), "nothing is known of what is left")
}

type uncounted struct{}

func (uncounted) Policy() throttle.Window { return throttle.Window{Most: 1, Length: time.Second} }

func (uncounted) Allow(context.Context, string, string) (throttle.Quota, error) {
	return throttle.Quota{}, fault.ErrUnavailable
}
