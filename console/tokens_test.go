package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
)

// TestTokenOfAPerson makes a token by the form, sees it, changes, rotates, revokes and
// deletes it.
func TestTokenOfAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice", directory.AccessAsNonInteractiveUser)
	b := w.signIn(&alice)

	require.Contains(t, b.see("/console/tokens"), "No tokens yet")
	answer := b.post("/console/tokens/new", url.Values{"name": {"ci"}, "expires": {"30"}, "reach": {"all"}})
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	require.Equal(t, "no-store", answer.header.Get("Cache-Control"))
	secret := regexp.MustCompile(`cambio_pat_([0-9a-f]{32})_[0-9A-Za-z]{49}`).FindStringSubmatch(answer.body)
	require.NotNil(t, secret)
	path := "/console/tokens/" + secret[1]

	require.Contains(t, b.see("/console/tokens"), ">ci</a>")
	detail := b.see(path)
	require.Contains(t, detail, "Dec 22, 2026")
	require.NotContains(t, detail, secret[0])

	again := b.post("/console/tokens/new", url.Values{"name": {"ci"}, "expires": {"30"}, "reach": {"all"}})
	require.Equal(t, http.StatusBadRequest, again.status)
	require.Contains(t, again.body, "the owner has another token of that name")

	etag := regexp.MustCompile(`name="etag" value="(\d+)"`).FindStringSubmatch(b.see(path + "/edit"))
	require.NotNil(t, etag)
	edit := url.Values{"etag": {etag[1]}, "name": {"ci of shop"}, "expires": {"keep"}, "scope": {"orders:read\nopenid"}}
	require.Equal(t, path+"?done=changed", b.post(path+"/edit", edit).location)
	require.Equal(t, http.StatusPreconditionFailed, b.post(path+"/edit", edit).status, "the page was read before")
	require.Contains(t, b.see(path), "orders:read")

	rotated := b.post(path+"/rotate", url.Values{"grace": {"24"}})
	require.Equal(t, http.StatusOK, rotated.status)
	require.Regexp(t, "cambio_pat_"+secret[1]+"_[0-9A-Za-z]{49}", rotated.body)

	require.Contains(t, b.see(path+"/revoke"), "This is final")
	require.Equal(t, path+"?done=revoked", b.post(path+"/revoke", url.Values{"reason": {"unused"}}).location)
	require.Contains(t, b.see(path+"?done=revoked"), "The token is revoked.")
	require.Equal(t, "/console/tokens?done=deleted", b.post(path+"/delete", url.Values{}).location)
	require.Equal(t, http.StatusNotFound, b.get(path).status)
}

// TestEndOfTheLastDay: a token does not end at a time that nobody can read again.
func TestEndOfTheLastDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice", directory.AccessAsNonInteractiveUser)
	b := w.signIn(&alice)
	form := url.Values{"name": {"ci"}, "expires": {"custom"}, "customDate": {"9999-12-31"}, "reach": {"all"}}
	refused := b.post("/console/tokens/new", form)
	require.Equal(t, http.StatusBadRequest, refused.status)
	require.Contains(t, refused.body, `id="customDate-error"`)
	form.Set("customDate", "9999-12-30")
	require.Equal(t, http.StatusOK, b.post("/console/tokens/new", form).status)
}

// TestTokenOfSomebodyElse: who may see it gets no form for what they may not do to it.
func TestTokenOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.person("alice", directory.AccessAsNonInteractiveUser)
	admin := w.person("ruth", directory.AdministerNonInteractiveUser)
	made := w.signIn(&alice).post("/console/tokens/new", url.Values{"name": {"ci"}, "expires": {"30"}, "reach": {"all"}})
	path := "/console/tokens/" + regexp.MustCompile(`cambio_pat_([0-9a-f]{32})_`).FindStringSubmatch(made.body)[1]
	b := w.signIn(&admin)
	b.see(path + "/revoke")
	for page, form := range map[string]url.Values{"/edit": {"expires": {"keep"}}, "/rotate": {"grace": {"0"}}, "/delete": {}} {
		require.NotContains(t, b.see(path), path+page)
		require.Equal(t, http.StatusForbidden, b.get(path+page).status, page)
		require.Equal(t, http.StatusForbidden, b.post(path+page, form).status, page)
	}
}
