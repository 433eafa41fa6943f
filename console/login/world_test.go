package login_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console/login"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/testenv/idp"
)

const (
	redirect   = "http://127.0.0.1:1/console/login/callback"
	postLogout = "http://127.0.0.1:1/console"
	groups     = "groups"
)

// alice is somebody of whom the ID token tells everything.
var alice = idp.Person{Subject: "a-1", Claims: map[string]any{
	"preferred_username": "alice", "name": "Alice", "email": "alice@example.com", "email_verified": true, groups: []string{"clerks", "staff"},
}}

// world is a provider and a console that relies on it.
type world struct {
	*testing.T
	idp    *idp.Provider
	config login.Config
	party  *login.Provider
}

func newWorld(t *testing.T, change ...func(*login.Config)) *world {
	t.Helper()
	w := &world{T: t, idp: idp.New(t, map[string]idp.Person{"alice": alice})}
	w.idp.Register(redirect, postLogout)
	w.idp.As("alice")
	w.config = login.Config{
		Issuer: w.idp.URL, ClientID: idp.ClientID, ClientSecret: secret.New(idp.ClientSecret), RedirectURL: redirect, PostLogoutURL: postLogout,
		GroupsClaim: groups, Now: time.Now,
	}
	for _, one := range change {
		one(&w.config)
	}
	var err error
	w.party, err = login.New(w.config)
	require.NoError(t, err)
	return w
}

// impatient waits for no answer as long as people do.
func impatient(c *login.Config) { c.HTTPClient = &http.Client{Timeout: 200 * time.Millisecond} }

// begin begins a login, lets the person log in, and returns what comes back.
func (w *world) begin() (login.Attempt, url.Values) {
	w.Helper()
	to, attempt, err := w.party.Begin(w.Context())
	require.NoError(w, err)
	return attempt, w.idp.Authorize(w, to)
}

// login is a whole one.
func (w *world) login() (login.Person, error) {
	w.Helper()
	attempt, query := w.begin()
	return w.party.Finish(w.Context(), attempt, query)
}
