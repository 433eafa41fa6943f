package conformance

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	pathUsers  = "/scim/v2/Users"
	pathGroups = "/scim/v2/Groups"
)

// scimBody is a body as identity providers send it.
func scimBody(text string) change { return body("application/scim+json", text) }

func scimPatch(operation string) change {
	return scimBody(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operation + `]}`)
}

// provision is a request by the token of the organization.
func provision(method, path string, changes ...change) Request {
	return call(method, path, append([]change{bearer("${scim.token}")}, changes...)...)
}

// scimFails is RFC 7644 §3.12; no kind where none fits.
func scimFails(status, kind string, code int) Want {
	want := Want{Status: code, Header: map[string]string{"Content-Type": "application/scim+json"}, JSON: map[string]any{
		"status": status, "detail": matcher(present), "scimType": matcher(absent),
	}}
	if kind != "" {
		want.JSON["scimType"] = kind
	}
	return want
}

// provisioned is a case with a token of the organization, ${scim.token}, and a person
// made by it, ${dora}.
func provisioned(id, name string, run func(t *testing.T, w *world)) Case {
	return Case{ID: id, Name: name, Run: func(t *testing.T, w *world) {
		t.Helper()
		byAdmin := bearer("${admin.token}")
		me := w.expect(t, call("GET", "/api/v1/me", byAdmin), Want{Status: http.StatusOK})
		organization, ok := me.object(t)["organization"].(map[string]any)
		require.True(t, ok, me.Body)
		at, ok := organization["id"].(string)
		require.True(t, ok, me.Body)
		tokens := "/api/v1/organizations/" + at + "/access-tokens"
		made := w.expect(t, call("POST", tokens, byAdmin, jsonBody(`{"name":"scim `+id+`","scope":["cambio:administer"],"adminRole":true}`)), Want{Status: http.StatusOK})
		w.vars["scim.token"] = made.text(t, "token")
		tokenID := strings.Split(w.vars["scim.token"], "_")[2]
		t.Cleanup(func() {
			w.expect(t, call("DELETE", tokens+"/"+tokenID, byAdmin), Want{Status: http.StatusNoContent})
		})
		dora := w.expect(t, provision("POST", pathUsers, scimBody(`{"userName":"dora `+id+`","externalId":"`+id+`"}`)), Want{
			Status: http.StatusCreated, Header: map[string]string{"Location": "~^" + w.issuer + pathUsers + "/[0-9a-f]{32}$", "ETag": `~^W/"`},
			JSON: map[string]any{"id": hex32(), "active": true, "meta": matcher(present)},
		})
		w.vars["dora"] = dora.text(t, "id")
		t.Cleanup(func() { w.send(t, provision("DELETE", pathUsers+"/${dora}")) })
		run(t, w)
	}}
}

// scimCases are the answers of the provisioning door: RFC 7643 and RFC 7644.
func scimCases() []Case {
	return []Case{
		provisioned("C174", "discovery", func(t *testing.T, w *world) {
			t.Helper()
			for _, at := range []string{"ServiceProviderConfig", "ResourceTypes", "Schemas", "ResourceTypes/User", "Schemas/urn:ietf:params:scim:schemas:core:2.0:Group"} {
				w.expect(t, provision("GET", "/scim/v2/"+at), Want{Status: http.StatusOK, Header: map[string]string{"Content-Type": "application/scim+json"}, JSON: map[string]any{"schemas": matcher(present)}})
			}
			w.expect(t, provision("GET", "/scim/v2/ResourceTypes?filter=name%20pr"), scimFails("403", "", http.StatusForbidden))
		}),
		provisioned("C168", "created once", func(t *testing.T, w *world) {
			t.Helper()
			w.expect(t, provision("POST", pathUsers, scimBody(`{"userName":"dora C168"}`)), scimFails("409", "uniqueness", http.StatusConflict))
			w.expect(t, provision("POST", pathUsers, scimBody(`{"userName":"other","externalId":"C168"}`)), scimFails("409", "uniqueness", http.StatusConflict))
			w.expect(t, provision("POST", pathGroups, scimBody(`{"displayName":"Everyone"}`)), scimFails("409", "uniqueness", http.StatusConflict))
		}),
		provisioned("C169", "filters", func(t *testing.T, w *world) {
			t.Helper()
			found := func(filter string, total float64) {
				w.expect(t, provision("GET", pathUsers+"?filter="+filter), ok(map[string]any{"totalResults": total, "itemsPerPage": total}))
			}
			found("userName%20eq%20%22dora%20C169%22", 1)
			found("externalId%20eq%20%22C169%22%20and%20active%20eq%20true", 1)
			found("externalId%20eq%20%22C169%22%20and%20not%20(active%20eq%20true)", 0)
			found("userName%20sw%20%22dora%20C169%22%20or%20userName%20eq%20%22nobody%22", 1)
			w.expect(t, provision("GET", pathUsers+"?filter=userName%20is%20%22x%22"), scimFails("400", "invalidFilter", http.StatusBadRequest))
		}),
		provisioned("C170", "patches", func(t *testing.T, w *world) {
			t.Helper()
			at := pathUsers + "/${dora}"
			w.expect(t, provision("PATCH", at, scimPatch(`{"op":"Replace","path":"active","value":"False"},{"op":"add","path":"emails[type eq \"work\"].value","value":"d@example.com"}`)),
				ok(map[string]any{"active": false, "emails": []any{map[string]any{"value": "d@example.com", "type": "work", "primary": true}}}))
			w.expect(t, provision("PATCH", at, scimPatch(`{"op":"replace","path":"active","value":true},{"op":"replace","path":"id","value":"x"}`)), scimFails("400", "mutability", http.StatusBadRequest))
			w.expect(t, provision("GET", at), ok(map[string]any{"active": false}))
		}),
		provisioned("C171", "versions", func(t *testing.T, w *world) {
			t.Helper()
			at := pathUsers + "/${dora}"
			etag := w.expect(t, provision("GET", at), Want{Status: http.StatusOK}).Header.Get("ETag")
			w.expect(t, provision("GET", at, head("If-None-Match", etag)), Want{Status: http.StatusNotModified})
			rename := scimPatch(`{"op":"replace","path":"displayName","value":"Dora"}`)
			w.expect(t, provision("PATCH", at, rename, head("If-Match", etag)), Want{Status: http.StatusOK})
			w.expect(t, provision("PATCH", at, rename, head("If-Match", etag)), scimFails("412", "", http.StatusPreconditionFailed))
		}),
		provisioned("C172", "members", func(t *testing.T, w *world) {
			t.Helper()
			member := `[{"value":"` + w.vars["dora"] + `"}]`
			w.vars["group"] = w.expect(t, provision("POST", pathGroups, scimBody(`{"displayName":"group C172","members":`+member+`}`)), Want{Status: http.StatusCreated}).text(t, "id")
			at := pathGroups + "/${group}"
			removal := provision("PATCH", at, scimPatch(`{"op":"remove","path":"members[value eq \"`+w.vars["dora"]+`\"]"}`))
			for range 2 { // a repetition changes nothing
				w.expect(t, removal, ok(map[string]any{"members": []any{}}))
			}
			w.expect(t, provision("PATCH", at, scimPatch(`{"op":"add","path":"members","value":[{"value":"${alice.id}"}]}`)), scimFails("400", "invalidValue", http.StatusBadRequest))
			w.expect(t, provision("DELETE", at), Want{Status: http.StatusNoContent})
			w.expect(t, provision("GET", at), scimFails("404", "", http.StatusNotFound))
		}),
		provisioned("C173", "nobody else", func(t *testing.T, w *world) {
			t.Helper()
			w.expect(t, provision("GET", pathUsers), Want{Status: http.StatusOK})
			w.expect(t, provision("GET", pathUsers, bearer("${admin.token}")), scimFails("403", "", http.StatusForbidden))
			w.expect(t, provision("GET", pathUsers, bearer("${alice.token}")), scimFails("403", "", http.StatusForbidden))
			w.expect(t, provision("GET", pathUsers, anonymous), scimFails("401", "", http.StatusUnauthorized))
		}),
	}
}
