package conformance

import (
	"net/http"
	"strings"
	"testing"
)

// introspectionCases are RFC 7662.
func introspectionCases() []Case {
	of := func(token string) Request { return introspect(set("token", token)) }
	minting := Step{Request: exchange(), Want: minted(nil), Save: map[string]string{"jwt": "access_token"}}
	number := between(1, 1<<32)
	aJWT := ok(map[string]any{
		"active": true, "scope": matcher(present), "client_id": "${alice.id}", "sub": "${alice.user}", "aud": "${audience}", "iss": "${issuer}",
		"exp": number, "iat": number, "jti": hex32(), "token_type": "Bearer",
	})
	noStore := func(want Want) Want {
		want.Header = map[string]string{"Cache-Control": "no-store", "Content-Type": "application/json"}
		return want
	}
	return []Case{
		refused("C086", "none", introspect(anonymous), fails(http.StatusUnauthorized, "invalid_client")),
		refused("C086", "a wrong secret", introspect(basic("${admin.id}", "${alice.secret}")), fails(http.StatusUnauthorized, "invalid_client")),
		refused("C086", "a wrong Bearer", introspect(bearer("nonsense")), fails(http.StatusUnauthorized, "invalid_token")),
		{ID: "C086", Name: "a JWT for another service", Steps: Steps{
			{Request: exchange(set("subject_token", "${admin.token}")), Want: minted(nil), Save: map[string]string{"caller": "access_token"}},
			{Request: introspect(bearer("${caller}")), Want: fails(http.StatusUnauthorized, "invalid_token")},
		}},
		refused("C087", "GET", introspect(method("GET")), Want{Status: http.StatusMethodNotAllowed, Header: map[string]string{"Allow": "POST"}}),
		refused("C088", "absent", introspect(drop("token")), fails(http.StatusBadRequest, "invalid_request")),
		refused("C088", "empty", introspect(set("token", "")), fails(http.StatusBadRequest, "invalid_request")),
		{ID: "C089", Name: "wrong hints", Steps: Steps{
			minting,
			{Request: of("${jwt}").with(set("token_type_hint", "refresh_token")), Want: active()},
			{Request: of("${jwt}").with(set("token_type_hint", "pat")), Want: active()},
			{Request: of("${alice.token}").with(set("token_type_hint", "access_token")), Want: active()},
			{Request: of("${alice.token}").with(set("token_type_hint", "nonsense")), Want: active()},
		}},
		{ID: "C090", Name: "by Basic", Steps: Steps{minting, {Request: of("${jwt}"), Want: aJWT}}},
		{ID: "C090", Name: "by a Bearer PAT", Steps: Steps{minting, {Request: of("${jwt}").with(bearer("${admin.token}")), Want: aJWT}}},
		{ID: "C090", Name: "by a Bearer JWT", Steps: Steps{
			minting,
			{Request: exchange(set("subject_token", "${admin.token}"), set("audience", "${api}")), Want: minted(nil), Save: map[string]string{"caller": "access_token"}},
			{Request: of("${jwt}").with(bearer("${caller}")), Want: aJWT},
		}},
		{ID: "C090", Name: "of itself", Steps: Steps{minting, {Request: of("${jwt}").with(basic("${alice.id}", "${alice.secret}")), Want: aJWT}}},

		refused("C091", "malformed", of("nonsense"), inactive()),
		refused("C091", "60 KiB", of(strings.Repeat("a", 60<<10)), inactive()),
		refused("C091", "60 KiB of a JWT", of(strings.Repeat("a.", 30<<10)), inactive()),
		{ID: "C091", Name: "unknown", Run: func(t *testing.T, w *world) {
			t.Helper()
			w.expect(t, of(craft(strings.Repeat("0", 32), aSecret)), inactive())
			w.expect(t, of(craft(w.vars["alice.id"], aSecret)), inactive())
		}},
		{ID: "C091", Name: "an expired JWT", Run: func(t *testing.T, w *world) {
			t.Helper()
			f := w.forge(t)
			w.expect(t, of(f.sign(t)), active())
			f.claims["exp"] = now().Unix()
			w.expect(t, of(f.sign(t)), inactive())
		}},
		{ID: "C091", Name: "revoked", PATs: []draft{{name: "gone"}}, Steps: Steps{
			{Request: of("${gone.token}"), Want: active()},
			{Request: revoke("${gone.token}"), Want: Want{Status: http.StatusOK}},
			{Request: of("${gone.token}"), Want: inactive()},
		}},
		{ID: "C091", Name: "an expired PAT", PATs: []draft{{name: "old", expires: shortly}}, Run: func(t *testing.T, w *world) {
			t.Helper()
			w.expect(t, of("${old.token}"), active())
			w.waitPast(t, "old.expires")
			w.expect(t, of("${old.token}"), inactive())
		}},
		refused("C091", "owner disabled", of("${carol.token}"), inactive()),
		refused("C091", "role lost", of("${dave.token}"), inactive()),

		{ID: "C092", Name: "another organization", Steps: Steps{
			minting,
			{Request: of("${erin.token}").with(basic("${erin.id}", "${erin.secret}")), Want: active()},
			{Request: of("${alice.token}").with(basic("${erin.id}", "${erin.secret}")), Want: inactive()},
			{Request: of("${jwt}").with(basic("${erin.id}", "${erin.secret}")), Want: inactive()},
			{Request: of("${erin.token}"), Want: inactive()},
		}},

		{ID: "C093", Name: "revoked", PATs: []draft{{name: "gone"}}, Steps: Steps{
			{Request: exchange(set("subject_token", "${gone.token}")), Want: minted(nil), Save: map[string]string{"jwt": "access_token"}},
			{Request: of("${jwt}"), Want: active()},
			{Request: revoke("${gone.token}"), Want: Want{Status: http.StatusOK}},
			{Request: of("${jwt}"), Want: inactive()},
		}},
		{ID: "C093", Name: "a new secret, and none of the old", PATs: []draft{{name: "spun"}}, Steps: Steps{
			{Request: exchange(set("subject_token", "${spun.token}")), Want: minted(nil), Save: map[string]string{"jwt": "access_token"}},
			{Request: call("POST", pathTokens+"/${spun.id}/rotate", jsonBody(`{"gracePeriodSeconds":3600}`)), Want: Want{Status: http.StatusOK}},
			{Request: of("${jwt}"), Want: active()},
			{Request: call("POST", pathTokens+"/${spun.id}/rotate", jsonBody(`{"gracePeriodSeconds":0}`)), Want: Want{Status: http.StatusOK}},
			{Request: of("${jwt}"), Want: inactive()},
		}},
		{ID: "C093", Name: "after a key rotation", Steps: Steps{
			minting,
			{Request: call("POST", "/api/v1/keys/rotate", bearer("${admin.token}")), Want: Want{Status: http.StatusOK}},
			{Request: of("${jwt}"), Want: active()},
		}},
		accepted("C094", "to who may", of("${alice.token}"), ok(map[string]any{
			"active": true, "client_id": "${alice.id}", "sub": "${alice.user}", "iss": "${issuer}", "scope": like(`sp:scopes:all`),
			"token_type": matcher(absent), "jti": matcher(absent),
		})),
		accepted("C094", "to itself", of("${alice.token}").with(basic("${alice.id}", "${alice.secret}")), ok(map[string]any{"active": true, "token_type": matcher(absent)})),
		refused("C094", "to others", of("${alice.token}").with(basic("${bob.id}", "${bob.secret}")), insufficient("cambio:introspect")),

		refused("C095", "the owner lacks it", of("${alice.token}").with(bearer("${bob.token}")), insufficient("cambio:introspect")),
		{ID: "C095", Name: "the scope lacks it", PATs: []draft{
			{name: "with", owner: "admin", members: `"scope":["cambio:introspect"]`}, {name: "without", owner: "admin", members: `"scope":["a:b:c"]`},
		}, Steps: Steps{
			{Request: of("${alice.token}").with(bearer("${with.token}")), Want: active()},
			{Request: of("${alice.token}").with(bearer("${without.token}")), Want: insufficient("cambio:introspect")},
		}},
		{ID: "C095", Name: "a JWT without it", Steps: Steps{
			{Request: exchange(set("audience", "${api}")), Want: minted(nil), Save: map[string]string{"caller": "access_token"}},
			{Request: of("${bob.token}").with(bearer("${caller}")), Want: insufficient("cambio:introspect")},
		}},
		{ID: "C098", Name: "every answer", Steps: Steps{
			{Request: introspect(), Want: noStore(active())},
			{Request: of("nonsense"), Want: noStore(inactive())},
			{Request: introspect(anonymous), Want: noStore(Want{Status: http.StatusUnauthorized})},
			{Request: introspect(drop("token")), Want: noStore(Want{Status: http.StatusBadRequest})},
		}},
	}
}
