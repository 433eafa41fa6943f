package credentials_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const canary = "canary-of-a-password"

// vault is a service that issues credentials to who shows a JWT of the issuer.
type vault struct {
	*httptest.Server

	mu      sync.Mutex
	jwts    []string
	revoked []string
	status  int
}

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{status: http.StatusOK}
	v.Server = httptest.NewServer(v)
	t.Cleanup(v.Close)
	return v
}

func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	v.mu.Lock()
	defer v.mu.Unlock()
	jwt := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if r.URL.Path == "/revoke" {
		v.revoked = append(v.revoked, string(body)+" "+jwt)
		return
	}
	v.jwts = append(v.jwts, jwt)
	w.WriteHeader(v.status)
	_, _ = fmt.Fprintf(w, `{"id":"lease-%d","auth":{"password":%q,"port":5432}}`, len(v.jwts), canary)
}

func (v *vault) answer(status int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.status = status
}

func (v *vault) asked() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]string(nil), v.jwts...)
}

func (v *vault) ended() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]string(nil), v.revoked...)
}

// entry is the vault in a configuration.
func (v *vault) entry(name, prefix string) string {
	return fmt.Sprintf(`  - name: %[2]s
    audience: https://%[2]s.example.com
    prefix: "%[3]s"
    claims: { policy: "reader-{{username}}" }
    http:
      url: %[1]s/issue
      revokeUrl: %[1]s/revoke
      allowedNetworks: [127.0.0.0/8]
      members: { db_password: auth.password, db_port: auth.port }
      handleField: id
`, v.URL, name, prefix)
}

// payload is what a JWT says, without a look at the signature.
func payload(t *testing.T, jwt string) string {
	t.Helper()
	parts := strings.Split(jwt, ".")
	require.Len(t, parts, 3)
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	return string(text)
}

func text(t *testing.T, answer map[string]any, member string) string {
	t.Helper()
	value, ok := answer[member].(string)
	require.True(t, ok, "%s in %v", member, answer)
	return value
}

// One exchange gives what the service issued, in the answer and nowhere else.
func TestHTTP(t *testing.T) {
	v := newVault(t)
	w := newWorld(t, v.entry("vault", "v_"))
	token := w.token(t, "ci", "sp:scopes:all", "credentials")

	status, answer := w.exchange(t, token, "orders:read credentials")
	require.Equal(t, http.StatusOK, status, "%v", answer)
	require.Equal(t, canary, text(t, answer, "v_db_password"))
	require.Equal(t, "5432", text(t, answer, "v_db_port"), "every member is a string")
	require.Equal(t, "orders:read credentials", answer["scope"])
	jwt := text(t, answer, "access_token")

	var told map[string]any
	require.NoError(t, json.Unmarshal([]byte(payload(t, v.asked()[0])), &told))
	require.Equal(t, "https://vault.example.com", told["aud"])
	require.Equal(t, "reader-alice", told["policy"])
	require.NotContains(t, told, "scope")
	w.requireUseless(t, v.asked()[0])

	for _, scope := range []string{"", "orders:read"} {
		status, answer = w.exchange(t, token, scope)
		require.Equal(t, http.StatusOK, status)
		require.NotContains(t, fmt.Sprint(answer), "db_")
	}
	plain := w.token(t, "plain", "sp:scopes:all")
	status, answer = w.exchange(t, plain, "credentials")
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "invalid_scope", answer["error"])
	require.Len(t, v.asked(), 1)

	parts := strings.Split(token, "_")
	status, answer = w.post(t, "/oauth2/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {parts[2]}, "client_secret": {parts[3]}, "scope": {"credentials"},
	})
	require.Equal(t, http.StatusOK, status, "%v", answer)
	require.Equal(t, canary, text(t, answer, "v_db_password"))
	require.Len(t, v.asked(), 1, "the same set")

	testenv.Wait(t, 10*time.Second, func() bool { return strings.Contains(w.trail(t), `"subject":"vault/lease-1"`) })
	w.requireNowhere(t, canary, jwt, v.asked()[0])
}

// requireUseless holds that the JWT of a provider opens nothing here.
func (w *world) requireUseless(t *testing.T, jwt string) {
	t.Helper()
	for _, path := range []string{"/api/v1/me", "/oauth2/userinfo", "/forward-auth?audience=https://demo.example.com"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+path, http.NoBody)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+jwt)
		status, _ := w.send(t, request)
		require.GreaterOrEqual(t, status, http.StatusUnauthorized, path)
		require.Less(t, status, http.StatusInternalServerError, path)
	}
	status, _ := w.exchange(t, jwt, "")
	require.Equal(t, http.StatusBadRequest, status)
}

// However many exchanges there are at once, one set is issued.
func TestHTTPOneSet(t *testing.T) {
	v := newVault(t)
	w := newWorld(t, v.entry("vault", ""))
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			status, answer := w.exchange(t, w.alice.PAT.Token, "credentials")
			if status != http.StatusOK || answer["db_password"] != canary {
				t.Errorf("%d %v", status, answer)
			}
		})
	}
	all.Wait()
	require.Len(t, v.asked(), 1)
}

// Where one provider fails, nobody gets anything, and what the other made ends.
func TestHTTPFails(t *testing.T) {
	good, bad := newVault(t), newVault(t)
	w := newWorld(t, good.entry("good", "a_")+bad.entry("bad", "b_"))
	bad.answer(http.StatusForbidden)
	status, answer := w.exchange(t, w.alice.PAT.Token, "orders:read credentials")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, map[string]any{"error": "temporarily_unavailable", "error_description": "try again later"}, answer)
	require.Len(t, good.ended(), 1)
	require.Contains(t, good.ended()[0], `{"handle":"lease-1"} `+good.asked()[0])
	w.requireNowhere(t, canary)
	status, _ = w.exchange(t, w.alice.PAT.Token, "orders:read")
	require.Equal(t, http.StatusOK, status, "who does not ask for them does not wait for them")

	bad.answer(http.StatusOK)
	status, answer = w.exchange(t, w.alice.PAT.Token, "orders:read credentials")
	require.Equal(t, http.StatusOK, status, "%v", answer)
	require.Equal(t, canary, answer["a_db_password"])
	require.Len(t, good.asked(), 2)

	bad.Close()
	token := w.token(t, "other", "sp:scopes:all", "credentials")
	status, _ = w.exchange(t, token, "credentials")
	require.Equal(t, http.StatusServiceUnavailable, status)
}

// What was issued to a token ends when that is revoked.
func TestHTTPRevoked(t *testing.T) {
	v := newVault(t)
	w := newWorld(t, v.entry("vault", ""))
	token := w.token(t, "ci", "sp:scopes:all", "credentials")
	status, answer := w.exchange(t, token, "credentials")
	require.Equal(t, http.StatusOK, status, "%v", answer)
	require.Empty(t, v.ended())
	w.revoke(t, token)
	testenv.Wait(t, 20*time.Second, func() bool { return len(v.ended()) > 0 })
	require.Equal(t, []string{`{"handle":"lease-1"} ` + v.asked()[0]}, v.ended())
	testenv.Wait(t, 10*time.Second, func() bool { return strings.Contains(w.trail(t), `"CREDENTIALS_REVOKED"`) })
	status, _ = w.exchange(t, token, "credentials")
	require.Equal(t, http.StatusBadRequest, status)
	w.requireNowhere(t, canary, text(t, answer, "access_token"))
}

// A command gets the credentials and not the token, and its exit code is that of cambio.
func TestExec(t *testing.T) {
	v := newVault(t)
	w := newWorld(t, v.entry("vault", ""))
	const script = `printf '%s:%s:%s' "$PGPASSWORD" "$PGPORT" "$CAMBIO_TOKEN"; exit 7`
	command := exec.CommandContext(t.Context(), testenv.Binary(t), "exchange", "--exec", "--", "sh", "-c", script)
	command.Env = append(os.Environ(), "HOME="+t.TempDir(), "CAMBIO_SERVER="+w.URL, "CAMBIO_TOKEN="+w.alice.PAT.Token, "PGPASSWORD=another")
	out, err := command.Output()
	var ended *exec.ExitError
	require.ErrorAs(t, err, &ended)
	require.Equal(t, 7, ended.ExitCode(), "%s", ended.Stderr)
	require.Equal(t, canary+":5432:", string(out))
}
