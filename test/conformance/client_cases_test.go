package conformance

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// percent encodes every character of a text.
func percent(text string) string {
	var out strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&out, "%%%02X", text[i])
	}
	return out.String()
}

// clientCases are the token endpoint of RFC 6749.
func clientCases() []Case {
	malformed := fails(http.StatusBadRequest, "invalid_request")
	noClient := Want{
		Status: http.StatusUnauthorized, JSON: map[string]any{"error": "invalid_client", "error_description": "client authentication failed"},
		Header: map[string]string{"WWW-Authenticate": `~^Basic realm="[^"]+", charset="UTF-8"`},
	}
	unsupported := fails(http.StatusBadRequest, "unsupported_grant_type")
	noEcho := func(status int, code string) Want {
		want := fails(status, code)
		want.Check = func(t *testing.T, _ *world, got answer) {
			t.Helper()
			require.NotContains(t, got.Body, "zzz")
		}
		return want
	}
	cases := []Case{
		{ID: "C047", Name: "encoded once", Run: func(t *testing.T, w *world) {
			t.Helper()
			w.expect(t, credentials(basic(percent(w.vars["alice.id"]), percent(w.vars["alice.secret"]))), minted(nil))
			w.expect(t, credentials(basic("${alice.id}", percent(w.vars["alice.token"]))), minted(nil))
		}},
		{ID: "C047", Name: "encoded twice", Run: func(t *testing.T, w *world) {
			t.Helper()
			w.expect(t, credentials(basic(percent(percent(w.vars["alice.id"])), w.vars["alice.secret"])), noClient)
		}},
		{ID: "C048", Name: "client_secret in the query string", Run: func(t *testing.T, w *world) {
			t.Helper()
			const id = "c0480000000000000000000000000001"
			w.expect(t, credentials(anonymous, set("client_id", "${alice.id}"), set("client_secret", "${alice.secret}")), minted(nil))
			w.expect(t, credentials(anonymous, set("client_id", "${alice.id}"), query("client_secret=${alice.secret}"), traced(id)), malformed)
			w.audited(t, event{"tracking_id": id, "reason": "secret_in_uri", "outcome": "failure"})
		}},
		refused("C049", "Basic and client_secret", credentials(set("client_id", "${alice.id}"), set("client_secret", "${alice.secret}")), malformed),
		refused("C050", "Basic and client_assertion", credentials(
			set("client_assertion", "a.b.c"), set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")), malformed),
		accepted("C051", "the same client_id", credentials(set("client_id", "${alice.id}")), minted(nil)),
		refused("C051", "another client_id", credentials(set("client_id", "${bob.id}")), malformed),
		accepted("C052", "audience twice", exchange(add("audience", "${audience}"), add("audience", "${api}")), minted(nil)),
		accepted("C052", "resource twice", exchange(add("resource", "${audience}"), add("resource", "${api}")), minted(nil)),
		accepted("C053", "an unknown parameter", exchange(set("unknown", "value")), minted(nil)),
		{ID: "C054", Name: "a success", Steps: Steps{{Request: exchange(), Want: Want{Status: http.StatusOK, Header: map[string]string{
			"Cache-Control": "no-store", "Pragma": "no-cache", "Content-Type": "application/json",
		}}}, {Request: credentials(), Want: Want{Status: http.StatusOK, Header: map[string]string{
			"Cache-Control": "no-store", "Pragma": "no-cache", "Content-Type": "application/json",
		}}}}},
		refused("C055", "a wrong secret", credentials(basic("${alice.id}", "${bob.secret}")), noClient),
		refused("C055", "an unknown id", credentials(basic(strings.Repeat("0", 32), "${alice.secret}")), noClient),
		refused("C055", "a wrong secret in the form", credentials(anonymous, set("client_id", "${alice.id}"), set("client_secret", "${bob.secret}")), noClient),
		refused("C056", "client_credentials", credentials(anonymous), noClient),
		refused("C056", "a bare client_id", credentials(anonymous, set("client_id", "${alice.id}")), noClient),
		refused("C056", "introspection", introspect(anonymous), Want{Status: http.StatusUnauthorized, JSON: map[string]any{"error": "invalid_client"}}),
		refused("C057", "an unknown grant", exchange(set("grant_type", "urn:example:grant")), unsupported),
		refused("C057", "authorization_code", credentials(set("grant_type", "authorization_code"), set("code", "x")), unsupported),
		refused("C057", "refresh_token", credentials(set("grant_type", "refresh_token"), set("refresh_token", "x")), unsupported),
		refused("C057", "blanks around it", credentials(set("grant_type", " client_credentials ")), unsupported),
		refused("C057", "another case", credentials(set("grant_type", "Client_Credentials")), unsupported),
		accepted("C059", "good scope", exchange(set("scope", "zzz:a:b")), minted(nil)),
		refused("C059", "a quotation mark", exchange(set("scope", `zzz"zzz`)), noEcho(http.StatusBadRequest, "invalid_scope")),
		refused("C059", "a backslash", exchange(set("scope", `zzz\zzz`)), noEcho(http.StatusBadRequest, "invalid_scope")),
		refused("C059", "NUL", exchange(set("scope", "zzz\x00zzz")), noEcho(http.StatusBadRequest, "invalid_scope")),
		refused("C060", "password", credentials(set("grant_type", "password"), set("username", "${alice.id}"), set("password", "${alice.secret}")), unsupported),
		refused("C068", "no colon", credentials(head("Authorization", "Basic bm9jb2xvbg==")), noClient),
		refused("C068", "control characters", credentials(basic("${alice.id}\x01", "${alice.secret}")), noClient),
		refused("C068", "not base64", credentials(head("Authorization", "Basic !!!")), noClient),
		refused("C068", "nothing", credentials(head("Authorization", "Basic"), raw), noClient),
	}
	for name, value := range map[string]string{
		"grant_type": grantExchange, "subject_token": "${alice.token}", "subject_token_type": typePAT, "scope": "a:b:c",
		"requested_token_type": typeJWT, "client_id": "x", "unknown": "x",
	} {
		cases = append(cases, refused("C052", name+" twice", exchange(set(name, value), add(name, value)), malformed))
	}
	return cases
}

// bearerCases are the management API as a resource server (RFC 6750).
func bearerCases() []Case {
	reading := []draft{{name: "reading", members: `"scope":["idn:my-personal-access-tokens:read"]`}}
	return []Case{
		refused("C061", "userinfo", Request{Method: "POST", Path: pathUserinfo, Form: []string{"access_token=${alice.token}"}}.with(bearer("${alice.token}")),
			fails(http.StatusBadRequest, "invalid_request")),
		refused("C061", "management API", call("POST", pathTokens, body(formType, "access_token=${alice.token}")), Want{
			Status: http.StatusBadRequest, Header: map[string]string{"WWW-Authenticate": `~^Bearer .*error="invalid_request"`},
		}),
		{ID: "C062", Name: "management API", Run: func(t *testing.T, w *world) {
			t.Helper()
			const id = "c0620000000000000000000000000001"
			w.expect(t, get(pathMine, query("access_token=${alice.token}"), traced(id)), challenged())
			w.audited(t, event{"tracking_id": id, "reason": "secret_in_uri"})
		}},
		{ID: "C062", Name: "beside a header", Steps: Steps{
			{Request: call("GET", pathMine), Want: Want{Status: http.StatusOK}},
			{Request: call("GET", pathMine, query("access_token=${alice.token}")), Want: challenged()},
		}},
		{ID: "C062", Name: "userinfo", Run: func(t *testing.T, w *world) {
			t.Helper()
			const id = "c0620000000000000000000000000002"
			w.expect(t, get(pathUserinfo, query("access_token="+w.mint(t, set("scope", "openid"))), traced(id)), challenged())
			w.audited(t, event{"tracking_id": id, "reason": "secret_in_uri"})
		}},
		refused("C063", "management API", call("GET", pathMine, anonymous), challenged()),
		refused("C063", "userinfo", get(pathUserinfo), challenged()),
		refused("C063", "another scheme", call("GET", pathMine, head("Authorization", "Digest x")), challenged()),
		refused("C064", "no token at all", call("GET", pathMine, bearer("nonsense")), apiUnauthorized(`^JWT validation failed: JWT is invalid$`)),
		refused("C064", "a wrong secret", call("GET", pathMine, basic("${alice.id}", "${bob.secret}")), apiUnauthorized(`^JWT validation failed: JWT is invalid$`)),
		{ID: "C064", Name: "an expired JWT", Run: func(t *testing.T, w *world) {
			t.Helper()
			f := w.forge(t)
			w.expect(t, call("GET", pathMine, bearer(f.sign(t))), Want{Status: http.StatusOK})
			f.claims["exp"] = now().Unix() - 1
			w.expect(t, call("GET", pathMine, bearer(f.sign(t))), apiUnauthorized(`^JWT validation failed: JWT is expired$`))
		}},
		{ID: "C064", Name: "a revoked PAT", PATs: []draft{{name: "gone"}}, Steps: Steps{
			{Request: call("GET", pathMine, bearer("${gone.token}")), Want: Want{Status: http.StatusOK}},
			{Request: revoke("${gone.token}"), Want: Want{Status: http.StatusOK}},
			{Request: call("GET", pathMine, bearer("${gone.token}")), Want: Want{
				Status: http.StatusUnauthorized, Header: map[string]string{"WWW-Authenticate": `~^Bearer .*error="invalid_token"`},
				JSON: map[string]any{"error": like(`^Token validation failed: .*revoked`), "denial_id": hex32()},
			}},
		}},
		{ID: "C064", Name: "userinfo", Steps: Steps{{Request: get(pathUserinfo, bearer("nonsense")), Want: Want{
			Status: http.StatusUnauthorized, Header: map[string]string{"WWW-Authenticate": `~^Bearer .*error="invalid_token"`},
		}}}},
		{ID: "C065", Name: "management API", PATs: reading, Steps: Steps{
			{Request: call("GET", pathMine, bearer("${reading.token}")), Want: Want{Status: http.StatusOK}},
			{Request: call("POST", pathTokens, bearer("${reading.token}"), jsonBody(`{"name":"more"}`)), Want: insufficient("idn:my-personal-access-tokens:manage")},
		}},
		{ID: "C065", Name: "userinfo", Steps: Steps{
			{Request: exchange(set("scope", "openid")), Want: minted(nil), Save: map[string]string{"with": "access_token"}},
			{Request: exchange(set("scope", "a:b:c")), Want: minted(nil), Save: map[string]string{"without": "access_token"}},
			{Request: get(pathUserinfo, bearer("${with}")), Want: ok(map[string]any{"sub": "${alice.user}"})},
			{Request: get(pathUserinfo, bearer("${without}")), Want: insufficient("openid")},
		}},
		accepted("C066", "the scheme in another case", call("GET", pathMine, head("Authorization", "bEaReR ${alice.token}")), Want{Status: http.StatusOK}),
		{ID: "C066", Name: "the token in another case", Run: func(t *testing.T, w *world) {
			t.Helper()
			w.expect(t, call("GET", pathMine, bearer(strings.ToUpper(w.vars["alice.token"]))), apiUnauthorized(`JWT is invalid$`))
		}},
		refused("C119", "no credentials", call("GET", pathMine, anonymous), Want{Status: http.StatusUnauthorized, Header: map[string]string{
			"WWW-Authenticate": `~^Bearer .*resource_metadata="http://[0-9.:]+/\.well-known/oauth-protected-resource/api/v1"`,
		}}),
		refused("C119", "a bad token", call("GET", pathMine, bearer("nonsense")), Want{Status: http.StatusUnauthorized, Header: map[string]string{
			"WWW-Authenticate": `~^Bearer .*resource_metadata="http://[0-9.:]+/\.well-known/oauth-protected-resource/api/v1"`,
		}}),
	}
}

// challenged is a 401 that tells how to authenticate and nothing else.
func challenged() Want {
	return Want{
		Status: http.StatusUnauthorized, Header: map[string]string{"WWW-Authenticate": `~^Bearer realm="[^"]+"`},
		Check: func(t *testing.T, _ *world, got answer) {
			t.Helper()
			require.NotContains(t, got.Header.Get("WWW-Authenticate"), "error")
		},
	}
}

// insufficient is a 403 that names the scope (RFC 6750 §3.1).
func insufficient(scope string) Want {
	return Want{Status: http.StatusForbidden, Header: map[string]string{"WWW-Authenticate": `~^Bearer .*error="insufficient_scope", .*scope="` + scope + `"`}}
}
