package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// elsewhere is the audience of no token.
const elsewhere = "https://elsewhere.example.com"

// world is a running server and what its users know of it. The scripts get it
// as JSON.
type world struct {
	Issuer string `json:"issuer"`
	// Audiences has, for each algorithm, the service whose tokens it signs.
	Audiences map[string]string `json:"audiences"`
	Elsewhere string            `json:"elsewhere"`
	Alice     testenv.DevPAT    `json:"alice"` // exchanges her token
	Bob       testenv.DevPAT    `json:"bob"`   // uses his as client id and secret
	// Admin may introspect the tokens of others; nobody may if it is nil.
	Admin *testenv.DevPAT `json:"admin"`
	// OpenID is whether alice's token holds the scope openid.
	OpenID bool `json:"openid"`

	client *http.Client
	caFile string
}

// worlds returns what starts each kind of server, by name.
func worlds() map[string]func(*testing.T) *world {
	return map[string]func(*testing.T) *world{"dev": newDev, "dev over TLS": newDevTLS, "serve": newServed}
}

func newDev(t *testing.T) *world {
	t.Helper()
	return devWorld(testenv.Dev(t))
}

func newDevTLS(t *testing.T) *world {
	t.Helper()
	return devWorld(testenv.Dev(t, "--https"))
}

func devWorld(server *testenv.DevServer) *world {
	info := &server.Info
	return &world{
		Issuer: info.Issuer, Audiences: map[string]string{"ES256": info.Audience}, Elsewhere: elsewhere,
		Alice: info.Users.Alice.PAT, Bob: info.Users.Bob.PAT, Admin: &info.Users.Admin.PAT, OpenID: true,
		client: server.Client(), caFile: info.CAFile,
	}
}

const config = `issuer: http://%[1]s
listen: {addr: "%[1]s", adminAddr: ""}
store: {url: "bolt:%[2]s/cambio.db"}
masterKey: {file: "%[2]s/master.key"}
audit: {dir: "%[2]s/audit"}
services:
  - {audience: "https://es256.example.com", alg: ES256, scopes: "*"}
  - {audience: "https://rs256.example.com", alg: RS256, scopes: "*"}
  - {audience: "https://eddsa.example.com", alg: EdDSA, scopes: "*"}
  - {audience: "https://es384.example.com", alg: ES384, scopes: "*"}
`

func newServed(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	addr := "127.0.0.1:" + strconv.Itoa(testenv.FreePort(t))
	text := fmt.Sprintf(config, addr, dir)
	file := filepath.Join(dir, "cambio.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	cambio(t, "init", "--config", file)
	token := cambio(t, "bootstrap", "--config", file, "--who", "everyone")
	parts := strings.Split(token, "_")
	require.Greater(t, len(parts), 2, "a token is prefix_id_secret")
	pat := testenv.DevPAT{ID: parts[len(parts)-2], Secret: parts[len(parts)-1], Token: token}
	server := testenv.Serve(t, testenv.ServeOptions{Config: text, URL: "http://" + addr})
	return &world{
		Issuer: "http://" + addr, Elsewhere: elsewhere, Alice: pat, Bob: pat, client: server.Client(),
		Audiences: map[string]string{
			"ES256": "https://es256.example.com", "RS256": "https://rs256.example.com",
			"EdDSA": "https://eddsa.example.com", "ES384": "https://es384.example.com",
		},
	}
}

// cambio runs the product to its end and returns what it printed.
func cambio(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), testenv.Binary(t), args...)
	command.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "CAMBIO_") })
	var complaint strings.Builder
	command.Stderr = &complaint
	printed, err := command.Output()
	require.NoError(t, err, "cambio %v: %s", args, &complaint)
	return strings.TrimSpace(string(printed))
}

// exchange posts a token exchange (RFC 8693) and returns the minted JWT.
func (w *world) exchange(t *testing.T, endpoint, audience, scope string) string {
	t.Helper()
	form := url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token":      {w.Alice.Token},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		"audience":           {audience},
	}
	if scope != "" {
		form.Set("scope", scope)
	}
	answer, err := w.client.PostForm(endpoint, form)
	require.NoError(t, err)
	defer answer.Body.Close()
	var minted struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&minted))
	require.Equal(t, http.StatusOK, answer.StatusCode, minted.Error)
	return minted.AccessToken
}

// context makes x/oauth2 and go-oidc use the client that trusts the server.
func (w *world) context(t *testing.T) context.Context {
	t.Helper()
	return context.WithValue(t.Context(), oauth2.HTTPClient, w.client)
}

// bobsTokens obtains tokens by client credentials with Basic.
func (w *world) bobsTokens(endpoint, audience, secret string) *clientcredentials.Config {
	return &clientcredentials.Config{
		ClientID: w.Bob.ID, ClientSecret: secret, TokenURL: endpoint,
		AuthStyle: oauth2.AuthStyleInHeader, EndpointParams: url.Values{"audience": {audience}},
	}
}

// get decodes a JSON document of the server.
func (w *world) get(t *testing.T, address string, into any) {
	t.Helper()
	answer, err := w.client.Get(address)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode, address)
	require.NoError(t, json.NewDecoder(answer.Body).Decode(into))
}

// tampered returns a JWT with another signature of the same length.
func tampered(token string) string {
	signature := strings.LastIndexByte(token, '.') + 1
	return token[:signature] + altered(token[signature:])
}

// altered returns a text with another first character.
func altered(text string) string {
	if text[0] == 'A' {
		return "B" + text[1:]
	}
	return "A" + text[1:]
}

// runScript runs a script that gets the world as its argument and says "done" at
// its end.
func (w *world) runScript(t *testing.T, program, script string, env ...string) {
	t.Helper()
	argument, err := json.Marshal(w)
	require.NoError(t, err)
	process := testenv.Start(t, env, program, script, string(argument))
	select {
	case <-process.Exited():
	case <-time.After(time.Minute):
		require.Fail(t, "the script does not end")
	}
	require.Zero(t, process.ExitCode())
	require.True(t, strings.HasSuffix(process.Stdout(), "done\n"), "the script ended early")
	t.Log(process.Stdout())
}
