package console

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/internal/testenv/idp"
	"github.com/cambio-sts/cambio/test/console/browser"
)

// served is the configuration of a server to which people log in by a provider.
const served = `issuer: http://%[1]s
listen: {addr: "%[1]s"}
store: {url: "bolt:%[2]s/cambio.db"}
masterKey: {file: "%[2]s/master.key"}
audit: {dir: "%[2]s/audit"}
token: {defaultAudience: "https://demo.example.com"}
services: [{audience: "https://demo.example.com", scopes: "*"}]
login: {issuer: "%[3]s", clientId: "%[4]s", clientSecretFile: "%[2]s/client.secret", createUnknown: true, groupsClaim: groups, groups: {devs: developers}}
`

// TestLogin sets a server up by the link of init, and logs somebody in by an OpenID
// provider who gets a role by a group there.
func TestLogin(t *testing.T) {
	t.Parallel()
	people := map[string]idp.Person{
		"dora": {Subject: "d-1", Claims: map[string]any{"name": "Dora Dev", "preferred_username": "dora", "groups": []string{"devs"}}},
	}
	provider := idp.New(t, people)
	dir, addr := t.TempDir(), "127.0.0.1:"+strconv.Itoa(testenv.FreePort(t))
	base := "http://" + addr
	provider.Register(base+"/console/login/callback", base+"/console/logout")
	config, file := fmt.Sprintf(served, addr, dir, provider.URL, idp.ClientID), filepath.Join(dir, "cambio.yaml")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "client.secret"), []byte(idp.ClientSecret+"\n"), 0o600))
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	printed := shell(t, testenv.Binary(t)+" init --config "+file)
	link := regexp.MustCompile(`http://\S+/console/setup\?token=\S+`).FindString(printed)
	require.NotEmpty(t, link, printed)
	testenv.Serve(t, testenv.ServeOptions{Config: config, URL: base})

	admin := browser.Open(t, browser.Options{Base: base, Origins: []string{provider.URL}})
	admin.Goto(link)
	admin.Click("[name=who][value=group]")
	admin.Fill("Name of the group", "developers")
	admin.RequireAccessible(t)
	admin.Click("Set up")
	admin.See("Cambio is set up.")

	provider.As("dora")
	page := browser.Open(t, browser.Options{Base: base, Origins: []string{provider.URL}})
	page.Goto("/console/tokens/new")
	to, err := url.Parse(provider.URL)
	require.NoError(t, err)
	page.See("Your identity is kept at " + to.Host)
	page.RequireAccessible(t)
	page.Click("Continue")
	page.See("It acts as you.") // where the login was begun
	page.Click(".brand")
	page.See("Hello, Dora Dev")
	page.Click(".who")
	page.Click("Log out")
	page.See("You are logged out")
	require.NotEmpty(t, provider.LoggedOut(), "the provider was told")
}
