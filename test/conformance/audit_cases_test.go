package conformance

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// auditCases are what is recorded of uses (ASVS 16).
func auditCases() []Case {
	return []Case{
		{ID: "C164", Name: "a success", Run: func(t *testing.T, w *world) {
			t.Helper()
			const id = "c1640000000000000000000000000001"
			got := w.expect(t, exchange(traced(id), head("User-Agent", "a test")), minted(nil))
			_, claims := decodeJWT(t, got.text(t, "access_token"))
			found := w.audited(t, event{"tracking_id": id})
			require.True(t, found.has(event{
				"event": "PERSONAL_ACCESS_TOKEN_USED", "outcome": "success", "pat_id": w.vars["alice.id"], "owner": w.vars["alice.user"],
				"actor": w.vars["alice.user"], "jti": claims["jti"], "scope": claims["scope"], "ip": "127.0.0.1", "user_agent": "a test",
			}), "%v", found)
			require.Equal(t, []any{w.vars["audience"]}, found["audience"])
		}},
		{ID: "C164", Name: "a failure of proof", Run: func(t *testing.T, w *world) {
			t.Helper()
			const id = "c1640000000000000000000000000002"
			w.expect(t, exchange(set("subject_token", craft(w.vars["bob.id"], aSecret)), traced(id)), uniform())
			found := w.audited(t, event{"tracking_id": id})
			require.True(t, found.has(event{"event": "PERSONAL_ACCESS_TOKEN_USE_FAILED", "outcome": "failure", "pat_id": w.vars["bob.id"]}), "%v", found)
			require.NotEmpty(t, found["reason"])
			require.NotContains(t, found, "actor", "nobody was proved")
		}},
		{ID: "C164", Name: "a denial", Run: func(t *testing.T, w *world) {
			t.Helper()
			const id = "c1640000000000000000000000000003"
			got := w.expect(t, exchange(set("subject_token", "${carol.token}"), traced(id)), denied("disabled"))
			found := w.audited(t, event{"tracking_id": id})
			require.True(t, found.has(event{
				"event": "PERSONAL_ACCESS_TOKEN_USE_FAILED", "outcome": "failure", "pat_id": w.vars["carol.id"], "denial_id": got.text(t, "denial_id"),
			}), "%v", found)
		}},
		{ID: "C164", Name: "every door", PATs: []draft{{name: "shown"}}, Run: func(t *testing.T, w *world) {
			t.Helper()
			for i, door := range doors() {
				t.Run(door.name, func(t *testing.T) {
					id := fmt.Sprintf("c164%028d", 10+i)
					require.Equal(t, http.StatusOK, w.send(t, door.request(w.vars["shown.token"]).with(traced(id))).Status)
					require.Equal(t, "success", w.audited(t, event{"tracking_id": id, "pat_id": w.vars["shown.id"]})["outcome"])
				})
			}
		}},
		{ID: "C164", Name: "every door, a wrong secret", Run: func(t *testing.T, w *world) {
			t.Helper()
			for i, door := range doors() {
				t.Run(door.name, func(t *testing.T) {
					id := fmt.Sprintf("c164%028d", 20+i)
					w.send(t, door.request(craft(w.vars["admin.id"], aSecret)).with(traced(id)))
					w.audited(t, event{"tracking_id": id, "pat_id": w.vars["admin.id"], "outcome": "failure"})
				})
			}
		}},
		{ID: "C164", Name: "a JWT", Run: func(t *testing.T, w *world) {
			t.Helper()
			jwt := w.mint(t, set("audience", "${api}"), set("scope", "openid idn:my-personal-access-tokens:read"))
			for i, at := range []string{pathMine, pathUserinfo} {
				t.Run(at, func(t *testing.T) {
					id := fmt.Sprintf("c164%028d", 50+i)
					w.expect(t, get(at, bearer(jwt), traced(id)), Want{Status: http.StatusOK})
					w.audited(t, event{"tracking_id": id, "outcome": "success", "pat_id": w.vars["alice.id"]})
				})
			}
		}},
		{ID: "C164", Name: "a forged JWT", Run: func(t *testing.T, w *world) {
			t.Helper()
			f := w.forge(t)
			f.claims["iss"] = "http://127.0.0.1"
			for i, request := range []Request{call("GET", pathMine), get(pathUserinfo), introspect()} {
				t.Run(request.Path, func(t *testing.T) {
					id := fmt.Sprintf("c164%028d", 30+i)
					w.expect(t, request.with(bearer(f.sign(t)), traced(id)), Want{Status: http.StatusUnauthorized})
					w.audited(t, event{"tracking_id": id, "outcome": "failure"})
				})
			}
		}},
		{ID: "C164", Name: "a JWT of a revoked PAT", PATs: []draft{{name: "gone"}}, Run: func(t *testing.T, w *world) {
			t.Helper()
			const id = "c1640000000000000000000000000040"
			jwt := w.mint(t, set("subject_token", "${gone.token}"), set("audience", "${api}"))
			w.expect(t, revoke("${gone.token}"), Want{Status: http.StatusOK})
			w.expect(t, call("GET", pathMine, bearer(jwt), traced(id)), Want{Status: http.StatusUnauthorized})
			w.audited(t, event{"tracking_id": id, "outcome": "failure", "pat_id": w.vars["gone.id"]})
		}},
		{ID: "C164", Name: "a change", PATs: []draft{{name: "changed"}}, Run: func(t *testing.T, w *world) {
			t.Helper()
			const id = "c1640000000000000000000000000004"
			w.expect(t, call("POST", pathTokens+"/${changed.id}/revoke", traced(id)), Want{Status: http.StatusOK})
			found := w.audited(t, event{"tracking_id": id, "event": "PERSONAL_ACCESS_TOKEN_REVOKED"})
			require.True(t, found.has(event{"outcome": "success", "actor": w.vars["alice.user"], "pat_id": w.vars["changed.id"]}), "%v", found)
		}},
		{ID: "C164", Name: "injection", Run: func(t *testing.T, w *world) {
			t.Helper()
			const id = "c1640000000000000000000000000005"
			agent := `"},{"event":"FORGED"} <b>\n` + "\u2028\u202e"
			w.expect(t, exchange(traced(id), head("User-Agent", agent)), minted(nil))
			found := w.audited(t, event{"tracking_id": id})
			require.Contains(t, found["user_agent"], `"},{"event":"FORGED"} <b>\n`)
			require.NotContains(t, found["user_agent"], "\u2028")
			require.NotContains(t, found["user_agent"], "\u202e")
			require.Empty(t, w.events(t, event{"event": "FORGED"}))
		}},
		{ID: "C164", Name: "secrets", Run: func(t *testing.T, w *world) {
			t.Helper()
			const id = "c1640000000000000000000000000006"
			for _, request := range []Request{
				credentials(), exchange(), introspect(), call("GET", pathMine), call("GET", pathMine, anonymous, head("Private-Token", "${alice.token}")),
				exchange(set("subject_token", "${alice.token} ")), exchange(set("scope", "${alice.token}")), exchange(set("audience", "${alice.token}")),
				exchange(head("User-Agent", "curl"), traced(id)),
			} {
				w.send(t, request)
			}
			w.audited(t, event{"tracking_id": id})
			secret := w.vars["alice.secret"][:secretLen]
			require.NotContains(t, w.stderr(), secret)
			for _, line := range w.auditLines(t) {
				require.NotContains(t, line, secret)
			}
		}},
	}
}
