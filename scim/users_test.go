package scim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/pat"
)

// Okta looks a person up, creates them, replaces their profile and ends them by PUT.
func TestAsOktaTalks(t *testing.T) {
	w := newWorld(t)
	const user = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"%u","name":{"givenName":"Test","familyName":"User"},` +
		`"emails":[{"primary":true,"value":"test.user@okta.local","type":"work"}],"displayName":"Test User","locale":"en-US",` +
		`"externalId":"00ujl29u0le5T6Aj10h7","groups":[],"password":"1mz050nq","active":%a}`
	body := func(name, active string) string { return strings.NewReplacer("%u", name, "%a", active).Replace(user) }

	found := w.call(http.MethodGet, `/Users?filter=userName%20eq%20%22test.user%40okta.local%22&startIndex=1&count=100`, "").is(http.StatusOK)
	require.JSONEq(t, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}`, string(found.body))

	made := w.call(http.MethodPost, "/Users", body("test.user@okta.local", "true"), "Content-Type", "application/scim+json; charset=utf-8").is(http.StatusCreated)
	id := made.text("id")
	require.Equal(t, issuer+"/scim/v2/Users/"+id, made.Header.Get("Location"))
	require.Equal(t, made.Header.Get("ETag"), made.text("meta", "version"))
	require.JSONEq(t, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"`+id+`","userName":"test.user@okta.local","displayName":"Test User",
		"name":{"formatted":"Test User"},"emails":[{"primary":true,"value":"test.user@okta.local","type":"work"}],"externalId":"00ujl29u0le5T6Aj10h7","active":true,
		"meta":{"resourceType":"User","created":"2026-11-22T12:00:00.123Z","lastModified":"2026-11-22T12:00:00.123Z","version":"W/\"1\"",
		"location":"https://sts.example.com/scim/v2/Users/`+id+`"}}`, string(made.body))
	w.call(http.MethodPost, "/Users", body("test.user@okta.local", "true")).fails(http.StatusConflict, "uniqueness", "taken")
	w.call(http.MethodPost, "/Users", body("other@okta.local", "true")).fails(http.StatusConflict, "uniqueness", "taken") // the same externalId

	w.clock.advance(time.Minute)
	got := w.call(http.MethodGet, "/Users/"+id, "").is(http.StatusOK)
	require.Equal(t, string(made.body), string(got.body))
	renamed := w.call(http.MethodPut, "/Users/"+id, body("renamed@okta.local", "true")).is(http.StatusOK)
	require.Equal(t, "renamed@okta.local", renamed.text("userName"))
	require.Equal(t, "2026-11-22T12:01:00.123Z", renamed.text("meta", "lastModified"))
	require.Empty(t, w.find("Users", `userName eq "test.user@okta.local"`).each("id"))
	require.Equal(t, []string{id}, w.find("Users", `userName eq "renamed@okta.local"`).each("id"))

	require.Equal(t, false, w.call(http.MethodPut, "/Users/"+id, body("renamed@okta.local", "false")).is(http.StatusOK).at("active"))
	require.False(t, w.identity(id).Enabled)
	// What deactivates and reactivates in later versions.
	require.Equal(t, true, w.call(http.MethodPatch, "/Users/"+id, patch(`{"op":"replace","value":{"active":true}}`)).is(http.StatusOK).at("active"))
	w.call(http.MethodDelete, "/Users/"+id, "").is(http.StatusNoContent)
	w.call(http.MethodGet, "/Users/"+id, "").fails(http.StatusNotFound, "", "no such resource")
	w.call(http.MethodDelete, "/Users/"+id, "").fails(http.StatusNotFound, "", "no such resource")
}

// Entra ID sends verbs in capitals, booleans as strings and paths with filters.
func TestAsEntraIDTalks(t *testing.T) {
	w := newWorld(t)
	require.Empty(t, w.find("Users", `userName eq "3f8a3c5e-test-connection"`).each("id"))
	made := w.call(http.MethodPost, "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
		"externalId":"jyoung","userName":"jyoung@contoso.com","active":true,"addresses":null,"displayName":"Joy Young","emails":[{"type":"work","value":"jyoung@contoso.com","primary":true}],
		"meta":{"resourceType":"User"},"name":{"familyName":"Young","givenName":"Joy","formatted":"Joy Young"},"phoneNumbers":null,"preferredLanguage":null,"title":null,
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"R&D"}}`).is(http.StatusCreated)
	id := made.text("id")
	require.Equal(t, []string{id}, w.find("Users", `externalId eq "jyoung"`).each("id"))
	for _, step := range []struct {
		operations string
		want       func(*directory.Identity)
	}{
		{`{"op":"Replace","path":"active","value":"False"}`, func(i *directory.Identity) { i.Enabled = false }},
		{`{"op":"Replace","path":"active","value":"True"}`, func(i *directory.Identity) { i.Enabled = true }},
		{
			`{"op":"Replace","path":"emails[type eq \"work\"].value","value":"new@contoso.com"},{"op":"Replace","path":"name.familyName","value":"Older"},` +
				`{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"HR"},{"op":"Add","path":"title","value":"Dr"}`,
			func(i *directory.Identity) { i.Email = "new@contoso.com" },
		},
		{`{"op":"Remove","path":"emails[type eq \"work\"].value"}`, func(i *directory.Identity) { i.Email = "" }},
		{`{"op":"Add","path":"emails[type eq \"work\"].value","value":"again@contoso.com"}`, func(i *directory.Identity) { i.Email = "again@contoso.com" }},
		{`{"op":"Add","path":"emails[type eq \"home\"].value","value":"home@contoso.com"}`, func(*directory.Identity) {}},
		{
			`{"op":"Replace","value":{"displayName":"Joy","emails[type eq \"work\"].value":"third@contoso.com","name.formatted":"J. Y.","nickName":"x"}}`,
			func(i *directory.Identity) { i.DisplayName, i.Email = "Joy", "third@contoso.com" },
		},
		{`{"op":"replace","path":"name.formatted","value":"Joy Young"}`, func(i *directory.Identity) { i.DisplayName = "Joy Young" }},
		{`{"op":"replace","value":{"name":{"familyName":"Old"}}}`, func(*directory.Identity) {}},
		{`{"op":"remove","path":"externalId"}`, func(i *directory.Identity) { i.ExternalID = "" }},
		{`{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:USERNAME","value":"joy"}`, func(i *directory.Identity) { i.Username = "joy" }},
		{`{"op":"replace","path":"emails","value":[{"value":"h@x.example","type":"home"},{"value":"w@x.example","type":"work"}]}`, func(i *directory.Identity) { i.Email = "w@x.example" }},
		{`{"op":"add","path":"emails","value":[{"value":"h@x.example","type":"home"}]}`, func(*directory.Identity) {}},
		{`{"op":"add","path":"emails","value":{"value":"p@x.example","primary":"True"}}`, func(i *directory.Identity) { i.Email = "p@x.example" }},
		{`{"op":"remove","path":"emails"}`, func(i *directory.Identity) { i.Email = "" }},
	} {
		want := w.identity(id)
		step.want(&want)
		w.call(http.MethodPatch, "/Users/"+id, patch(step.operations)).is(http.StatusOK)
		got := w.identity(id)
		want.Revision, want.Modified = got.Revision, got.Modified
		require.Equal(t, want, got, step.operations)
	}
}

// A patch that fails changes nothing, whatever came before in it.
func TestAFailedPatchChangesNothing(t *testing.T) {
	w := newWorld(t)
	bob := w.newIdentity(w.organization.ID, "bob")
	alice := w.newIdentity(w.organization.ID, "alice", func(i *directory.Identity) { i.Email, i.ExternalID = "a@x.example", "a1" })
	path := "/Users/" + string(alice.ID)
	const first = `{"op":"replace","path":"displayName","value":"changed"},`
	for operation, want := range map[string]struct{ kind, detail string }{
		`{"op":"replace","path":"userName","value":"bob"}`:                                  {"uniqueness", "taken"},
		`{"op":"replace","path":"userName","value":" "}`:                                    {"invalidValue", "userName is needed"},
		`{"op":"replace","path":"userName","value":7}`:                                      {"invalidValue", "userName must be a string"},
		`{"op":"remove","path":"userName"}`:                                                 {"mutability", "userName is needed"},
		`{"op":"replace","path":"active","value":"no"}`:                                     {"invalidValue", "active must be true or false"},
		`{"op":"replace","path":"active","value":null}`:                                     {"invalidValue", "active must be true or false"},
		`{"op":"remove","path":"active"}`:                                                   {"mutability", "active"},
		`{"op":"replace","path":"active.x","value":true}`:                                   {"invalidPath", "no parts"},
		`{"op":"replace","path":"id","value":"x"}`:                                          {"mutability", "id is read-only"},
		`{"op":"add","path":"groups","value":[{"value":"x"}]}`:                              {"mutability", "groups is read-only"},
		`{"op":"replace","path":"meta.created","value":"x"}`:                                {"mutability", "meta is read-only"},
		`{"op":"replace","path":"favouriteColour","value":"x"}`:                             {"invalidPath", "no such attribute"},
		`{"op":"replace","path":"emails[type eq \"home\"].value","value":"h@x.example"}`:    {"noTarget", "no such address"},
		`{"op":"replace","path":"emails[color eq \"red\"].value","value":"h@x.example"}`:    {"invalidFilter", "no resource is found by that attribute"},
		`{"op":"replace","path":"emails[type eq \"work\"","value":"x"}`:                     {"invalidPath", "operation 2: at character 22: close the bracket"},
		`{"op":"replace","path":"emails[type eq \"work\"].value","value":"not an address"}`: {"invalidValue", "emails must be an address"},
		`{"op":"replace","path":"emails","value":"x"}`:                                      {"invalidValue", "emails must be an array of objects"},
		`{"op":"replace","path":"emails","value":["x"]}`:                                    {"invalidValue", "emails must be an array of objects"},
		`{"op":"replace","path":"name","value":"x"}`:                                        {"invalidValue", "name must be an object"},
		`{"op":"replace","value":"x"}`:                                                      {"invalidValue", "must be an object"},
		`{"op":"replace","path":"displayName"}`:                                             {"invalidValue", "operation 2 needs a value"},
		`{"op":"remove"}`:                                                                   {"noTarget", "operation 2 needs a path"},
		`{"op":"move","path":"displayName","value":"x"}`:                                    {"invalidSyntax", "op of operation 2"},
		`{"op":"replace","path":"displayName","value":"x","Value":"y"}`:                     {"invalidSyntax", "value occurs more than once"},
		`"x"`: {"invalidSyntax", "operation 2 must be an object"},
	} {
		got := w.call(http.MethodPatch, path, patch(first+operation))
		status := http.StatusBadRequest
		if want.kind == "uniqueness" {
			status = http.StatusConflict
		}
		got.fails(status, want.kind, want.detail)
		require.Equal(t, alice, w.identity(string(alice.ID)), operation)
	}
	for body, detail := range map[string]string{
		`{}`:                 "Operations must be an array",
		`{"Operations":[]}`:  "Operations must be an array",
		`{"Operations":"x"}`: "Operations must be an array",
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"Operations":[{"op":"replace","path":"displayName","value":"x"}]}`: "schemas must name",
		`[]`: "wrong type", `{"Operations":`: "malformed",
	} {
		w.call(http.MethodPatch, path, body).fails(http.StatusBadRequest, "invalidSyntax", detail)
	}
	w.call(http.MethodPatch, path, `{}`, "Content-Type", "text/plain").fails(http.StatusUnsupportedMediaType, "", "application/scim+json")
	w.call(http.MethodPatch, path, `{"x":"`+strings.Repeat("x", 64<<10)+`"}`).fails(http.StatusRequestEntityTooLarge, "", "65536 bytes")
	require.Equal(t, alice, w.identity(string(alice.ID)))
	require.Equal(t, bob, w.identity(string(bob.ID)))
}

// PUT replaces what it may; what it leaves out is empty, but for active.
func TestReplaceAUser(t *testing.T) {
	w := newWorld(t)
	alice := w.newIdentity(w.organization.ID, "alice", func(i *directory.Identity) {
		i.Email, i.ExternalID, i.Enabled, i.Issuer, i.Subject = "a@x.example", "a1", false, "https://idp.example.com", "s"
	})
	path := "/Users/" + string(alice.ID)
	w.call(http.MethodPut, path, `{"displayName":"x"}`).fails(http.StatusBadRequest, "invalidValue", "userName is needed")
	got := w.call(http.MethodPut, path, `{"USERNAME":"alice","id":"other","meta":{"created":"x"},"groups":[{"value":"x"}],"name":{"givenName":"Alice","familyName":"A."}}`).is(http.StatusOK)
	require.Equal(t, string(alice.ID), got.text("id"))
	after := w.identity(string(alice.ID))
	require.Equal(t, "Alice A.", after.DisplayName)
	require.Empty(t, after.Email+after.ExternalID)
	require.False(t, after.Enabled, "nobody is enabled by an omission")
	require.Equal(t, "s", after.Subject, "how one logs in is not SCIM's")
}

// If-Match guards every change, and If-None-Match saves reading what is known.
func TestVersions(t *testing.T) {
	w := newWorld(t)
	alice := w.newIdentity(w.organization.ID, "alice")
	path := "/Users/" + string(alice.ID)
	etag := w.call(http.MethodGet, path, "").is(http.StatusOK).Header.Get("ETag")
	w.call(http.MethodGet, path, "", "If-None-Match", etag).is(http.StatusNotModified)
	w.call(http.MethodGet, path, "", "If-None-Match", `W/"0"`).is(http.StatusOK)
	disable := patch(`{"op":"replace","path":"active","value":false}`)
	for _, stale := range []string{`W/"0"`, `"0"`, ``, `,`} {
		w.call(http.MethodPatch, path, disable, "If-Match", stale).fails(http.StatusPreconditionFailed, "", "read it again")
		w.call(http.MethodPut, path, `{"userName":"x"}`, "If-Match", stale).fails(http.StatusPreconditionFailed, "", "read it again")
		w.call(http.MethodDelete, path, "", "If-Match", stale).fails(http.StatusPreconditionFailed, "", "read it again")
	}
	require.Equal(t, alice, w.identity(string(alice.ID)))
	changed := w.call(http.MethodPatch, path, disable, "If-Match", `W/"0", `+etag).is(http.StatusOK)
	require.NotEqual(t, etag, changed.Header.Get("ETag"))
	w.call(http.MethodDelete, path, "", "If-Match", "*").is(http.StatusNoContent)

	group := w.newGroup(w.organization.ID, "clerks")
	path = "/Groups/" + string(group.ID)
	etag = w.call(http.MethodGet, path, "").is(http.StatusOK).Header.Get("ETag")
	rename := patch(`{"op":"replace","path":"displayName","value":"order clerks"}`)
	w.call(http.MethodPatch, path, rename, "If-Match", `W/"0"`).fails(http.StatusPreconditionFailed, "", "read it again")
	w.call(http.MethodPatch, path, rename, "If-Match", etag).is(http.StatusOK)
	w.call(http.MethodDelete, path, "", "If-Match", etag).fails(http.StatusPreconditionFailed, "", "read it again")
}

// An owner is disabled by SCIM: the next use fails naming it. Re-enabled: it works, and
// the status never changed.
func TestAnOwnerIsDisabledAndEnabled(t *testing.T) {
	w := newWorld(t)
	alice := w.newIdentity(w.organization.ID, "alice")
	w.assign(w.organization.ID, alice.ID, directory.AccessAsNonInteractiveUser)
	w.clock.advance(2 * time.Second) // past the age of the snapshot
	token := w.tokenOf(&alice)
	use := func() error {
		_, err := w.exchanger.Exchange(t.Context(), &exchange.Request{
			Credential: exchange.TokenCredential(secret.New(token)), Audience: []string{"https://api.example.com"}, Origin: audit.Origin{IP: "127.0.0.1"},
		})
		return err
	}
	status := func() pat.Status {
		record, err := w.tokens.Find(t.Context(), pat.ID(token[len(pat.DefaultPrefix)+1:][:32]))
		require.NoError(t, err)
		return record.Status(w.clock.now())
	}
	require.NoError(t, use())
	w.call(http.MethodPatch, "/Users/"+string(alice.ID), patch(`{"op":"Replace","path":"active","value":"False"}`)).is(http.StatusOK)
	var denied *exchange.DeniedError
	require.ErrorAs(t, use(), &denied)
	require.Contains(t, denied.Description, "owner is disabled")
	require.Equal(t, pat.Active, status())
	w.call(http.MethodPatch, "/Users/"+string(alice.ID), patch(`{"op":"Replace","path":"active","value":"True"}`)).is(http.StatusOK)
	require.NoError(t, use())
	require.Equal(t, pat.Active, status())
}

// Whose login is taken over acts with their power: that needs the power oneself.
func TestLoginsOfThePowerfulAreNotChanged(t *testing.T) {
	w := newWorld(t)
	boss := w.newIdentity(w.organization.ID, "boss")
	w.assign(w.organization.ID, boss.ID, directory.ManageSystemSecurityRoles)
	w.clock.advance(2 * time.Second) // past the age of the snapshot
	rename := patch(`{"op":"replace","path":"userName","value":"mine"}`)
	w.call(http.MethodPatch, "/Users/"+string(boss.ID), rename).fails(http.StatusForbidden, "", "ManageSystemSecurityRoles")
	w.assign(w.organization.ID, w.technical.ID, directory.ManageSystemSecurityRoles)
	w.clock.advance(2 * time.Second)
	w.call(http.MethodPatch, "/Users/"+string(boss.ID), rename).is(http.StatusOK)
}
