package credentials_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const config = `issuer: %[1]s
listen: {addr: "%[2]s", adminAddr: ""}
store: {url: "bolt:%[3]s/cambio.db"}
masterKey: {file: "%[3]s/master.key"}
keys: {jwksMaxAge: 1m}
audit: {dir: "%[3]s/audit"}
token: {defaultAudience: "%[4]s"}
services: [{audience: "%[4]s", scopes: "*"}]
limits: {requestsPer10s: 1000000}
credentials:
`

// world is cambio serve with the data of cambio dev.
type world struct {
	*testenv.ServeServer

	dir    string
	alice  testenv.DevUser // whose token holds the scope credentials
	client *http.Client
}

// newWorld serves with providers, which are YAML below credentials.
func newWorld(t *testing.T, providers string) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	dev := testenv.Dev(t, "--data-dir", w.dir)
	dev.Stop()
	w.alice = dev.Info.Users.Alice
	issuer := dev.Info.Issuer
	w.ServeServer = testenv.Serve(t, testenv.ServeOptions{
		URL: issuer, Config: fmt.Sprintf(config, issuer, strings.TrimPrefix(issuer, "http://"), w.dir, dev.Info.Audience) + providers,
	})
	w.client = w.Client()
	return w
}

// token makes one by means of alice's.
func (w *world) token(t *testing.T, name string, scope ...string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"name": name, "scope": scope})
	require.NoError(t, err)
	status, answer := w.api(t, http.MethodPost, "/api/v1/personal-access-tokens", string(body))
	require.Equal(t, http.StatusOK, status, "%v", answer)
	token, ok := answer["token"].(string)
	require.True(t, ok)
	return token
}

// api calls the management API as alice.
func (w *world) api(t *testing.T, method, path, body string) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+w.alice.PAT.Token)
	request.Header.Set("Content-Type", "application/json")
	return w.send(t, request)
}

func (w *world) send(t *testing.T, request *http.Request) (int, map[string]any) {
	t.Helper()
	got, err := w.client.Do(request)
	require.NoError(t, err)
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	answer := map[string]any{}
	if len(bytes.TrimSpace(text)) > 0 {
		require.NoError(t, json.Unmarshal(text, &answer), "%s", text)
	}
	return got.StatusCode, answer
}

// exchange asks for scopes; none is all that the token holds.
func (w *world) exchange(t *testing.T, token, scope string) (int, map[string]any) {
	t.Helper()
	form := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {token},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:pat"},
	}
	if scope != "" {
		form.Set("scope", scope)
	}
	return w.post(t, "/oauth2/token", form)
}

func (w *world) post(t *testing.T, path string, form url.Values) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.send(t, request)
}

// revoke ends a token by showing it (RFC 7009).
func (w *world) revoke(t *testing.T, token string) {
	t.Helper()
	status, answer := w.post(t, "/oauth2/revoke", url.Values{"token": {token}})
	require.Equal(t, http.StatusOK, status, "%v", answer)
}

// trail is the audit trail as it lies on the disk.
func (w *world) trail(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.dir, "audit", "*.jsonl"))
	require.NoError(t, err)
	var out strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		out.Write(text)
	}
	return out.String()
}

// requireNowhere holds that a value is in no file of the server, no log and no JWT.
func (w *world) requireNowhere(t *testing.T, canary string, jwts ...string) {
	t.Helper()
	require.NotContains(t, w.Stderr()+w.Stdout(), canary)
	for _, jwt := range jwts {
		require.NotContains(t, payload(t, jwt), canary)
	}
	require.NoError(t, filepath.WalkDir(w.dir, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		require.NotContains(t, string(text), canary, file)
		return err
	}))
}
