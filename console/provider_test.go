package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console"
	"github.com/cambio-sts/cambio/console/login"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/testenv/idp"
	"github.com/cambio-sts/cambio/internal/throttle"
)

// newProvider is a provider to which three logins may be begun.
func newProvider(t *testing.T) (*console.Login, *idp.Provider) {
	t.Helper()
	known := idp.New(t, map[string]idp.Person{})
	known.Register(issuer+console.CallbackPath, issuer+console.LoggedOutPath)
	provider, err := login.New(login.Config{
		Issuer: known.URL, ClientID: idp.ClientID, ClientSecret: secret.New(idp.ClientSecret), RedirectURL: issuer + console.CallbackPath,
		PostLogoutURL: issuer + console.LoggedOutPath, Now: time.Now,
	})
	require.NoError(t, err)
	begun, err := throttle.New(throttle.Config{PerNetwork: throttle.Limit{Burst: 3, Every: time.Minute}, Now: time.Now})
	require.NoError(t, err)
	return &console.Login{Provider: provider, Name: "idp", Origin: known.URL, Organization: directory.DefaultOrganizationName, Begun: begun}, known
}

// TestLoginsBegunAreBounded: each is stored, whoever begins it.
func TestLoginsBegunAreBounded(t *testing.T) {
	t.Parallel()
	provider, _ := newProvider(t)
	w := newWorldWith(t, provider)
	for range 3 {
		begun := w.stranger().post("/console/login", url.Values{"return": {"/console/tokens"}})
		require.Equal(t, http.StatusSeeOther, begun.status, begun.body)
		require.True(t, strings.HasPrefix(begun.location, provider.Origin+"/"), begun.location)
		require.NotEmpty(t, begun.header.Get("Set-Cookie"))
	}
	refused := w.stranger().post("/console/login", url.Values{"return": {"/console/tokens"}})
	require.Equal(t, http.StatusTooManyRequests, refused.status)
	require.NotEmpty(t, refused.header.Get("Retry-After"))
	require.Empty(t, refused.header.Get("Set-Cookie"))
}

// TestLogoutAtTheProvider: who came from there is led there to log out, also where the ID
// token is too long to be kept; who came by a link is not.
func TestLogoutAtTheProvider(t *testing.T) {
	t.Parallel()
	provider, known := newProvider(t)
	provider.Rules.CreateUnknown = true
	w := newWorldWith(t, provider)
	for name, size := range map[string]int{"short": 1, "long": 20 << 10} {
		known.Put(name, idp.Person{Subject: name, Claims: map[string]any{"preferred_username": name, "more": strings.Repeat("x", size)}})
		known.As(name)
		b := w.stranger()
		back := known.Authorize(t, b.post("/console/login", url.Values{}).location)
		require.Equal(t, "/console/", b.get(console.CallbackPath+"?"+back.Encode()).location, name)
		b.see("/console/")
		left := b.post("/console/logout", url.Values{})
		require.Equal(t, http.StatusOK, left.status, name)
		require.Contains(t, left.body, `<a class="button main" href="`+known.URL, name)
		require.Equal(t, name == "short", strings.Contains(left.body, "id_token_hint"), name)
		require.Equal(t, "/console/login", b.get("/console/").location, name)
	}
	alice := w.person("alice")
	require.Equal(t, "/console/logout", w.signIn(&alice).post("/console/logout", url.Values{}).location)
}
