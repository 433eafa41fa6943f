package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/keys"
)

// states are those of all keys, the newest first.
func (b *browser) states() []string {
	b.Helper()
	var found []string
	for _, match := range regexp.MustCompile(`data-label="State"><span><span class="badge \w*">(\w+)</span>`).FindAllStringSubmatch(b.see("/console/keys"), -1) {
		found = append(found, match[1])
	}
	return found
}

func TestKeysAreRotatedAndRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.person("alice", directory.AccessAsNonInteractiveUser, directory.PlatformAdmin)
	b := w.signIn(&admin)
	require.Equal(t, []string{"Published", "Active"}, b.states())
	shown := b.see("/console/keys")
	require.Contains(t, shown, "<svg width=\"100%\"")
	require.Contains(t, shown, `class="lane use"`)

	asked := b.see("/console/keys/rotate")
	require.Contains(t, asked, "stops signing once every cached copy")
	require.Len(t, b.states(), 2, "to ask changes nothing")
	require.Equal(t, "/console/keys?done=keys_rotated", b.post("/console/keys/rotate", url.Values{}).location)
	require.Contains(t, b.see("/console/keys?done=keys_rotated"), "The next keys are on their way.")
	require.Contains(t, b.see("/console/keys"), "signs in 15 minutes")
	require.Equal(t, []string{"Published", "Published", "Active"}, b.states())

	caller, err := w.manager.Resume(t.Context(), admin.ID, audit.Origin{})
	require.NoError(t, err)
	all, err := w.manager.Keys(caller)
	require.NoError(t, err)
	active := all[slices.IndexFunc(all, func(key keys.Info) bool { return key.State == keys.Active })]
	next := all[slices.IndexFunc(all, func(key keys.Info) bool { return key.State == keys.Published })]
	path := "/console/keys/" + active.KID + "/revoke"
	require.Contains(t, shown, `href="`+path+`" data-dialog`)
	asked = b.see(path)
	for _, text := range []string{"Revoke key " + active.KID[:8] + "?", "It leaves JWKS at once.", "Every JWT that it signed fails", "Key " + next.KID[:8] + " signs from now on.", "cannot be undone"} {
		require.Contains(t, asked, text)
	}
	require.Equal(t, "/console/keys?done=key_revoked", b.post(path, url.Values{}).location)
	shown = b.see("/console/keys")
	require.Contains(t, shown, `class="badge bad">Revoked`)
	require.NotContains(t, shown, path)
	require.Contains(t, shown, "lane-end")
	require.Contains(t, b.see(path), "It has left JWKS already")

	require.Contains(t, b.see("/console/keys/"+next.KID+"/revoke"), "Every JWT that it signed fails")
	require.Equal(t, http.StatusNotFound, b.get("/console/keys/none/revoke").status)
	require.Equal(t, http.StatusNotFound, b.post("/console/keys/none/revoke", url.Values{}).status)
}

// A key that retires, and one that waits, tell what it means for them.
func TestKeysTellTheirOwnConsequences(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.person("alice", directory.AccessAsNonInteractiveUser, directory.PlatformAdmin)
	b := w.signIn(&admin)
	caller, err := w.manager.Resume(t.Context(), admin.ID, audit.Origin{})
	require.NoError(t, err)
	all, err := w.manager.Keys(caller)
	require.NoError(t, err)
	waiting := b.see("/console/keys/" + all[1].KID + "/revoke")
	require.Contains(t, waiting, "It has signed nothing yet.")
	require.NotContains(t, waiting, "Every JWT that it signed fails")

	w.advance(all[0].RetireFrom.Sub(w.now()) + time.Minute)
	b = w.signIn(&admin)
	require.Equal(t, []string{"Active", "Retiring"}, b.states())
	require.Contains(t, b.see("/console/keys/"+all[0].KID+"/revoke"), "the last ends before Dec 2")
	require.Contains(t, b.see("/console/keys/"+all[1].KID+"/revoke"), "A new key is made and signs at once.")
}

func TestKeysAreThePlatforms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bob := w.person("bob", directory.AccessAsNonInteractiveUser, directory.OrganizationAdmin)
	b := w.signIn(&bob)
	require.NotContains(t, b.see("/console/"), `href="/console/keys"`)
	for _, path := range []string{"/console/keys", "/console/keys/rotate", "/console/keys/none/revoke"} {
		require.Equal(t, http.StatusForbidden, b.get(path).status)
	}
	for _, path := range []string{"/console/keys/rotate", "/console/keys/none/revoke"} {
		require.Equal(t, http.StatusForbidden, b.post(path, url.Values{}).status)
	}
}
