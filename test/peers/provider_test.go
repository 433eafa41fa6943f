package peers

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/console/login"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/testenv"
)

const (
	loginRedirect = "http://127.0.0.1:1/console/login/callback" // nobody listens: the browser stops before
	loginOut      = "http://127.0.0.1:1/console/login"
)

// TestProvider: people log in to the console with oidc-provider and log out again.
func TestProvider(t *testing.T) {
	node := needNode(t)
	folder := t.TempDir()
	require.NoError(t, os.Symlink(nodeModules(t, "provider"), filepath.Join(folder, "node_modules")))
	script, err := os.ReadFile("provider/provider.mjs")
	require.NoError(t, err)
	path := filepath.Join(folder, "provider.mjs")
	require.NoError(t, os.WriteFile(path, script, 0o600))
	for _, alg := range []string{"ES256", "RS256"} {
		t.Run(alg, func(t *testing.T) {
			process := testenv.Start(t, nil, node, path, alg, loginRedirect, loginOut)
			testenv.Wait(t, 30*time.Second, func() bool { return strings.HasSuffix(process.Stdout(), "\n") })
			logInAndOut(t, strings.TrimSpace(process.Stdout()))
		})
	}
}

func logInAndOut(t *testing.T, issuer string) {
	t.Helper()
	config := login.Config{
		Issuer: issuer, ClientID: "cambio", ClientSecret: secret.New("s3cr3t/+ with a space"), RedirectURL: loginRedirect,
		PostLogoutURL: loginOut, GroupsClaim: "groups", Now: time.Now,
	}
	party, err := login.New(config)
	require.NoError(t, err)

	browser := newBrowser(t)
	to, attempt, err := party.Begin(t.Context())
	require.NoError(t, err)
	back := browser.visit(to, map[string]string{"login": "alice", "password": "any"})
	require.Equal(t, loginRedirect, strings.Split(back.String(), "?")[0])
	query := back.Query()
	require.Equal(t, issuer, query.Get("iss"))
	person, err := party.Finish(t.Context(), attempt, query)
	require.NoError(t, err)
	idToken := person.IDToken
	person.IDToken = secret.Text{}
	require.Equal(t, login.Person{
		Issuer: issuer, Subject: "alice", Key: "alice", Username: "alice", DisplayName: "Name of alice", Email: "alice@example.com",
		Groups: []string{"clerks", "staff"},
	}, person)

	_, err = party.Finish(t.Context(), attempt, query)
	var refusal *login.RefusedError
	require.ErrorAs(t, err, &refusal, "a code works once")
	require.Equal(t, "invalid_grant", refusal.Code)

	// The session at the provider is still there: no form, another code, and only
	// the attempt that it belongs to redeems it.
	to, again, err := party.Begin(t.Context())
	require.NoError(t, err)
	query = browser.visit(to, nil).Query()
	_, err = party.Finish(t.Context(), attempt, query)
	require.ErrorIs(t, err, login.ErrState)
	stolen := login.Attempt{State: again.State, Nonce: again.Nonce, Verifier: attempt.Verifier}
	_, err = party.Finish(t.Context(), stolen, query)
	require.ErrorAs(t, err, &refusal)

	config.ClientSecret = secret.New("another")
	wrong, err := login.New(config)
	require.NoError(t, err)
	to, attempt, err = wrong.Begin(t.Context())
	require.NoError(t, err)
	_, err = wrong.Finish(t.Context(), attempt, browser.visit(to, nil).Query())
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, "invalid_client", refusal.Code)

	out, ok := party.LogoutURL(t.Context(), idToken)
	require.True(t, ok)
	require.Equal(t, loginOut, browser.visit(out, map[string]string{"logout": "yes"}).String())
	to, attempt, err = party.Begin(t.Context())
	require.NoError(t, err)
	query = browser.visit(to, map[string]string{"login": "bob", "password": "any"}).Query()
	person, err = party.Finish(t.Context(), attempt, query)
	require.NoError(t, err)
	require.Equal(t, "bob", person.Subject, "after the logout somebody else can log in")
}

// browser goes where it is sent, and submits each form that it finds.
type browser struct {
	*testing.T
	client *http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &browser{t, &http.Client{
		Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	hiddenIn   = regexp.MustCompile(`<input[^>]* type="hidden"[^>]*>`)
	nameIn     = regexp.MustCompile(` name="([^"]*)"`)
	valueIn    = regexp.MustCompile(` value="([^"]*)"`)
)

// visit opens a page and goes on, filling in fields, until it is sent to the console.
func (b *browser) visit(to string, fields map[string]string) *url.URL {
	b.Helper()
	method, form := http.MethodGet, ""
	for range 20 {
		request, err := http.NewRequestWithContext(b.Context(), method, to, strings.NewReader(form))
		require.NoError(b, err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := b.client.Do(request)
		require.NoError(b, err)
		page, err := io.ReadAll(answer.Body)
		require.NoError(b, answer.Body.Close())
		require.NoError(b, err)
		next, err := answer.Location()
		if err == nil {
			if strings.HasPrefix(next.String(), loginOut) {
				return next
			}
			method, form, to = http.MethodGet, "", next.String()
			continue
		}
		require.Equal(b, http.StatusOK, answer.StatusCode, "%s", page)
		action := formAction.FindSubmatch(page)
		require.NotNil(b, action, "%s", page)
		values := url.Values{}
		for _, hidden := range hiddenIn.FindAll(page, -1) {
			name, value := nameIn.FindSubmatch(hidden), valueIn.FindSubmatch(hidden)
			if name != nil && value != nil {
				values.Set(string(name[1]), html.UnescapeString(string(value[1])))
			}
		}
		for name, value := range fields {
			values.Set(name, value)
		}
		target, err := request.URL.Parse(html.UnescapeString(string(action[1])))
		require.NoError(b, err)
		method, form, to = http.MethodPost, values.Encode(), target.String()
	}
	require.Fail(b, "it goes on and on")
	return nil
}
