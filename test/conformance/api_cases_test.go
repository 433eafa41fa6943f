package conformance

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/testenv"
)

// The error codes of the management API.
const (
	codeContent   = "400.1 Bad Request Content"
	codeUpdate    = "400.1.1 Illegal update attempt"
	codeForbidden = "403 Forbidden"
	codeNotFound  = "404 Not found"
)

// apiCases are the answers of the management API: RFC 9457, ASVS 14 and 15.
func apiCases() []Case {
	problem := func(status int, title string) Want {
		return Want{Status: status, Header: map[string]string{"Content-Type": "application/problem+json"}, JSON: map[string]any{
			"type": like(`^(about:blank|https?://)`), "title": title, "status": status, "detail": matcher(present), "instance": matcher(present),
		}}
	}
	wantsProblem := head("Accept", "application/problem+json")
	create := func(members string) Request {
		return call("POST", pathTokens, jsonBody(`{"name":"never made"`+members+`}`))
	}
	patch := func(operation string) Request {
		return call("PATCH", pathTokens+"/${mine.id}", body("application/json-patch+json", `[`+operation+`]`))
	}
	mine := []draft{{name: "mine"}}
	unknown := pathTokens + "/00000000000000000000000000000000"
	cases := []Case{
		refused("C142", "400", call("GET", pathMine+"&limit=x", wantsProblem), problem(400, "Bad Request")),
		refused("C142", "401", call("GET", pathMine, anonymous, wantsProblem), problem(401, "Unauthorized")),
		refused("C142", "403", call("GET", "/api/v1/keys", wantsProblem), problem(403, "Forbidden")),
		refused("C142", "404", call("GET", unknown, wantsProblem), problem(404, "Not Found")),
		{ID: "C142", Name: "else its own shape", Steps: Steps{
			{Request: call("GET", pathMine+"&limit=x"), Want: apiFails(http.StatusBadRequest, codeContent)},
			{Request: call("GET", "/api/v1/keys"), Want: apiFails(http.StatusForbidden, codeForbidden)},
			{Request: call("GET", unknown), Want: apiFails(http.StatusNotFound, codeNotFound)},
			{Request: call("GET", unknown, head("Accept", "*/*")), Want: apiFails(http.StatusNotFound, codeNotFound)},
			{Request: call("GET", unknown, head("Accept", "application/json")), Want: apiFails(http.StatusNotFound, codeNotFound)},
		}},
		{ID: "C142", Name: "the texts", Steps: Steps{{Request: call("GET", unknown), Want: Want{Status: http.StatusNotFound, Check: func(t *testing.T, _ *world, got answer) {
			t.Helper()
			require.Contains(t, got.Body, `"messages":[{"locale":"en-US","localeOrigin":"DEFAULT","text":"The server did not find a current representation for the target resource."}]`)
		}}}}},
		refused("C144", "token endpoint", exchange(drop("subject_token"), wantsProblem), Want{
			Status: http.StatusBadRequest, Header: map[string]string{"Content-Type": "application/json"}, JSON: map[string]any{"error": "invalid_request", "title": matcher(absent)},
		}),
		refused("C144", "introspection", introspect(anonymous, wantsProblem), Want{
			Status: http.StatusUnauthorized, Header: map[string]string{"Content-Type": "application/json"}, JSON: map[string]any{"error": "invalid_client", "title": matcher(absent)},
		}),
		{ID: "C152", Name: "a scope, at once", PATs: mine, Steps: Steps{
			{Request: call("GET", pathMine, bearer("${mine.token}")), Want: Want{Status: http.StatusOK}},
			{Request: patch(`{"op":"replace","path":"/scope","value":["a:b:c"]}`), Want: Want{Status: http.StatusOK}},
			{Request: call("GET", pathMine, bearer("${mine.token}")), Want: Want{Status: http.StatusForbidden}},
		}},
		{ID: "C152", Name: "a role, within a second", On: onRedis, Run: roleIsTakenAway},
		{ID: "C160", Name: "creation", Steps: Steps{
			{
				Request: call("POST", pathTokens, jsonBody(`{"name":"C160"}`)), Save: map[string]string{"made": "id"},
				Want: Want{Status: http.StatusOK, Header: map[string]string{"Cache-Control": "no-store", "Location": ""}, JSON: map[string]any{
					"id": hex32(), "secret": like(`^[0-9A-Za-z]{49}$`), "token": like(`^cambio_pat_[0-9a-f]{32}_[0-9A-Za-z]{49}$`),
				}},
			},
			{Request: call("GET", pathTokens+"/${made}"), Want: ok(map[string]any{"secret": matcher(absent), "token": matcher(absent)})},
			{Request: call("POST", pathTokens+"/${made}/rotate"), Want: Want{Status: http.StatusOK, Header: map[string]string{"Cache-Control": "no-store"}}},
			{Request: call("DELETE", pathTokens+"/${made}"), Want: Want{Status: http.StatusNoContent}},
		}},
		{ID: "C160", Name: "in the URL", Run: secretsInURLs},
		{ID: "C161", Name: "known fields", PATs: mine, Steps: Steps{{Request: patch(`{"op":"replace","path":"/description","value":"x"}`), Want: ok(map[string]any{"description": "x"})}}},
		{ID: "C162", Name: "in both", Steps: Steps{
			{Request: exchange(set("scope", "a:b:c")), Want: minted(nil)},
			{Request: exchange(set("scope", "a:b:c"), query("scope=a:b:c")), Want: fails(http.StatusBadRequest, "invalid_request")},
			{Request: exchange(set("scope", "a:b:c"), query("sc%6Fpe=a:b:d")), Want: fails(http.StatusBadRequest, "invalid_request")},
			{Request: exchange(set("scope", "a:b:c"), add("scope", "a:b:c")), Want: fails(http.StatusBadRequest, "invalid_request")},
		}},
		{ID: "C162", Name: "in the query string alone", Steps: Steps{
			{Request: exchange(drop("grant_type"), query("grant_type="+grantExchange)), Want: fails(http.StatusBadRequest, "invalid_request")},
			{Request: exchange(query("audience=${api}")), Want: minted(map[string]any{"aud": "${audience}"})},
		}},
		refused("C162", "a member twice", create(`,"name":"twice"`), apiFails(http.StatusBadRequest, codeContent)),
		{ID: "C162", Name: "a member in the query string", Steps: Steps{
			{Request: call("POST", pathTokens+"?name=x", jsonBody(`{}`)), Want: apiFails(http.StatusBadRequest, codeContent)},
		}},
	}
	for _, name := range []string{"owner", "tenant", "organizationId", "lastUsed", "id", "status", "level", "managed", "secret", "createdByPat"} {
		cases = append(
			cases,
			refused("C161", "create with "+name, create(`,"`+name+`":"x"`), apiFails(http.StatusBadRequest, codeContent)),
			Case{ID: "C161", Name: "patch " + name, PATs: mine, Steps: Steps{
				{Request: patch(`{"op":"replace","path":"/` + name + `","value":"x"}`), Want: apiFails(http.StatusBadRequest, codeUpdate)},
			}},
		)
	}
	for _, name := range []string{"Name", "NAME", "unknown", ""} {
		cases = append(cases, refused("C161", "create with the member "+`"`+name+`"`, create(`,"`+name+`":"x"`), apiFails(http.StatusBadRequest, codeContent)))
	}
	return cases
}

// roleIsTakenAway takes the role from frank by way of another process.
func roleIsTakenAway(t *testing.T, w *world) {
	t.Helper()
	mine := call("GET", pathMine, bearer("${frank.token}"))
	by := exchange(set("subject_token", "${frank.token}"))
	w.expect(t, mine, Want{Status: http.StatusOK})
	jwt := w.mint(t, set("subject_token", "${frank.token}"), set("audience", "${api}"))
	w.expect(t, call("GET", pathMine, bearer(jwt)), Want{Status: http.StatusOK})
	w.edit(t, func(d *domain) {
		require.NoError(t, d.directory.Unassign(t.Context(), d.organization.ID, directory.AccessAsNonInteractiveUser, directory.ID(w.vars["frank.user"]), directory.Actor{}))
	})
	second := now().Add(time.Second)
	testenv.Wait(t, 5*time.Second, func() bool { return now().After(second) })
	for _, changes := range [][]change{nil, {replica}} {
		w.expect(t, by.with(changes...), denied("AccessAsNonInteractiveUser"))
		w.expect(t, mine.with(changes...), Want{Status: http.StatusUnauthorized})
	}
	w.expect(t, call("GET", pathMine, bearer(jwt)), Want{Status: http.StatusUnauthorized})
}

// secretsInURLs sends a token by the URL wherever one might.
func secretsInURLs(t *testing.T, w *world) {
	t.Helper()
	w.create(t, draft{name: "leaked"})
	for _, request := range []Request{
		exchange(drop("subject_token"), query("subject_token=${leaked.token}")),
		credentials(anonymous, query("client_id=${leaked.id}&client_secret=${leaked.secret}")),
		introspect(drop("token"), query("token=${leaked.token}")),
		{Method: "POST", Path: pathRevoke + "?token=${leaked.token}", Form: []string{"token_type_hint=pat"}},
		get(pathUserinfo + "?access_token=${leaked.token}"),
		get(pathMine + "&access_token=${leaked.token}"),
		get(pathMine + "&private-token=${leaked.token}"),
	} {
		got := w.send(t, request)
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnauthorized}, got.Status, "%s: %s", request.Path, got.Body)
		require.NotContains(t, got.Body, w.vars["leaked.secret"])
	}
	w.expect(t, exchange(set("subject_token", "${leaked.token}")), minted(nil)) // none was taken for a use, or a revocation
	require.NotContains(t, w.stderr(), w.vars["leaked.secret"])
	for _, line := range w.auditLines(t) {
		require.NotContains(t, line, w.vars["leaked.secret"])
	}
}
