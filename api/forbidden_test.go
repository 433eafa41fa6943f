package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// Whoever is known is told what they lack, not that they lack something.
func TestForbiddenSaysWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	person := func(name string, role directory.Role, rights ...directory.Right) *directory.Identity {
		identity := w.newIdentity(w.organization.ID, name)
		w.assign(&identity, directory.AccessAsNonInteractiveUser)
		if role != "" || len(rights) > 0 {
			w.assign(&identity, role, rights...)
		}
		return &identity
	}
	auditor, manager := person("auditor", "", directory.ReadAllTokens), person("manager", "", directory.ManageAllTokens)
	administrator := person("administrator", directory.AdministerNonInteractiveUser)
	roleless := w.newIdentity(w.organization.ID, "roleless")
	w.clock.advance(2 * time.Second) // past the age of the snapshot
	_, without := w.token(&roleless, "of the organization", func(d *pat.Draft) { d.Level, d.LevelID = pat.Organization, w.organization.ID })
	tokens := map[string]string{
		"alice": w.bearer(&w.alice, pat.ScopeAll), "auditor": w.bearer(auditor, pat.ScopeAll), "administrator": w.bearer(administrator, pat.ScopeAll),
		"manager": w.bearer(manager, string(directory.ReadAllTokens), string(directory.ManageMyTokens)), "roleless": without,
	}
	bobs, _ := w.token(&w.bob, "bob's")
	const (
		lacks    = "the owner of the credential lacks the "
		notOwner = "nobody but the owner of a token can change or rotate it, not even an administrator"
		rename   = `[{"op":"replace","path":"/name","value":"x"}]`
	)
	for _, c := range []struct{ who, method, path, body, cause string }{
		{"alice", http.MethodGet, collection, "", lacks + "right idn:all-personal-access-tokens:read"},
		{"alice", http.MethodGet, collection + "?owner-id=" + string(w.bob.ID), "", lacks + "right idn:all-personal-access-tokens:read"},
		{"alice", http.MethodGet, "/api/v1/keys", "", lacks + "role platform_admin"},
		{"roleless", http.MethodGet, one(&bobs), "", lacks + "right idn:my-personal-access-tokens:read"},
		{"roleless", http.MethodPatch, one(&bobs), rename, lacks + "right idn:my-personal-access-tokens:manage"},
		{"roleless", http.MethodPost, collection, `{"name":"x"}`, lacks + "role AccessAsNonInteractiveUser"},
		{"auditor", http.MethodPost, one(&bobs) + "/revoke", "", lacks + "role AdministerNonInteractiveUser"},
		{"auditor", http.MethodDelete, one(&bobs), "", lacks + "right idn:all-personal-access-tokens:manage"},
		{"auditor", http.MethodPatch, one(&bobs), rename, notOwner},
		{"administrator", http.MethodPatch, one(&bobs), rename, notOwner},
		{"administrator", http.MethodPost, one(&bobs) + "/rotate", "", notOwner},
		{"administrator", http.MethodDelete, one(&bobs), "", lacks + "right idn:all-personal-access-tokens:manage"},
		{"manager", http.MethodDelete, one(&bobs), "", "the credential does not cover the scope idn:all-personal-access-tokens:manage, which its owner has"},
	} {
		got := w.call(tokens[c.who], c.method, c.path, c.body)
		require.Equal(t, http.StatusForbidden, got.StatusCode, "%s %s %s", c.who, c.method, c.path)
		require.Equal(t, c.cause, got.cause(t), "%s %s %s", c.who, c.method, c.path)
	}
}
