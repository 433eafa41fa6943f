package peers

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const (
	apiAudience     = "https://api.example.com"
	billingAudience = "https://billing.example.com"
)

const guardedConfig = `issuer: %[1]s
listen: {addr: "%[3]s", adminAddr: ""%[4]s}
store: {url: "bolt:%[2]s/cambio.db"}
masterKey: {file: "%[2]s/master.key"}
audit: {dir: "%[2]s/audit"}
services:
  - {audience: "https://api.example.com", scopes: {"orders:read": [Everyone], "orders:write": [Everyone]}, claims: {groups: true}}
  - {audience: "https://billing.example.com", scopes: {"orders:read": [Everyone]}}
`

// guarded is a server, and tokens for an API that somebody else's program guards.
// They differ from the good one in one thing each.
type guarded struct {
	*testing.T
	issuer string
	caFile string
	client *http.Client
	pat    testenv.DevPAT // of an administrator
	caller testenv.DevPAT // who calls the API; another token of the same person
	asker  testenv.DevPAT // may introspect, and nothing else
	stray  string         // an access token of the same keys, when the server had another name
	short  testenv.DevPAT // as caller, but its access tokens live for shortLife
}

// shortLife is the shortest that an access token can have.
const shortLife = 15 * time.Second

// newGuarded starts a server by http.
func newGuarded(t *testing.T) *guarded {
	t.Helper()
	return startGuarded(t, "http", nil)
}

// newGuardedTLS starts a server by https, for programs that take no other.
func newGuardedTLS(t *testing.T) *guarded {
	t.Helper()
	return startGuarded(t, "https", testenv.NewCertificate(t, "127.0.0.1"))
}

func startGuarded(t *testing.T, scheme string, certificate *testenv.Certificate) *guarded {
	t.Helper()
	dir := t.TempDir()
	addr := "127.0.0.1:" + strconv.Itoa(testenv.FreePort(t))
	issuer, tls, caFile := scheme+"://"+addr, "", ""
	if certificate != nil {
		caFile, tls = certificate.CertFile, fmt.Sprintf(`, tlsCert: %q, tlsKey: %q`, certificate.CertFile, certificate.KeyFile)
	}
	text := fmt.Sprintf(guardedConfig, issuer, dir, addr, tls)
	file := filepath.Join(dir, "cambio.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	cambio(t, "init", "--config", file)
	token := cambio(t, "bootstrap", "--config", file, "--who", "everyone")
	parts := strings.Split(token, "_")
	require.Greater(t, len(parts), 2)
	g := &guarded{
		T: t, issuer: issuer, caFile: caFile,
		pat: testenv.DevPAT{ID: parts[len(parts)-2], Secret: parts[len(parts)-1], Token: token},
	}
	renamed := strings.Replace(text, "issuer: "+issuer, "issuer: "+scheme+"://localhost", 1)
	former := testenv.Serve(t, testenv.ServeOptions{Config: renamed, URL: issuer, CAFile: caFile})
	g.client = former.Client()
	g.stray = g.mint(token, apiAudience, "orders:read")
	former.Stop()
	g.client = testenv.Serve(t, testenv.ServeOptions{Config: text, URL: issuer, CAFile: caFile}).Client()
	g.manage("/role-assignments", `{"rights": ["cambio:introspect"], "scope": "organization", "holder": "`+g.me()+`"}`, new(any))
	g.asker = g.newPAT(`{"name": "asker", "scope": ["cambio:introspect"]}`)
	g.short = g.newPAT(`{"name": "short", "accessTokenValiditySeconds": 15}`)
	g.caller = g.newPAT(`{"name": "caller"}`)
	return g
}

// me is the id of the administrator.
func (g *guarded) me() string {
	g.Helper()
	_, payload, _ := strings.Cut(g.mint(g.pat.Token, apiAudience, "orders:read"), ".")
	payload, _, _ = strings.Cut(payload, ".")
	claims, err := base64.RawURLEncoding.DecodeString(payload)
	require.NoError(g, err)
	var owner struct {
		Subject string `json:"sub"`
	}
	require.NoError(g, json.Unmarshal(claims, &owner))
	return owner.Subject
}

// newPAT makes a token of the administrator.
func (g *guarded) newPAT(body string) testenv.DevPAT {
	g.Helper()
	var made testenv.DevPAT
	g.manage("/personal-access-tokens", body, &made)
	require.NotEmpty(g, made.Token)
	return made
}

// manage posts to the management API as the administrator.
func (g *guarded) manage(path, body string, into any) {
	g.Helper()
	require.NoError(g, json.Unmarshal(g.call(http.MethodPost, path, body), into))
}

// call returns what the management API answers to the administrator.
func (g *guarded) call(method, path, body string) []byte {
	g.Helper()
	request, err := http.NewRequestWithContext(g.Context(), method, g.issuer+"/api/v1"+path, strings.NewReader(body))
	require.NoError(g, err)
	request.Header.Set("Authorization", "Bearer "+g.pat.Token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := g.client.Do(request)
	require.NoError(g, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(g, err)
	require.Less(g, answer.StatusCode, 300, "%s", text)
	return text
}

// mint exchanges a token (RFC 8693).
func (g *guarded) mint(token, audience, scope string) string {
	g.Helper()
	w := &world{Alice: testenv.DevPAT{Token: token}, client: g.client}
	return w.exchange(g.T, g.issuer+"/oauth2/token", audience, scope)
}

// good returns a token that the API must take, for one scope.
func (g *guarded) good(scope string) string {
	g.Helper()
	return g.mint(g.caller.Token, apiAudience, scope)
}

// revoke ends the caller's token.
func (g *guarded) revoke() {
	g.Helper()
	g.manage("/personal-access-tokens/"+g.caller.ID+"/revoke", "{}", new(any))
}

// rollOver ends the key that signs, so that another one does.
func (g *guarded) rollOver() {
	g.Helper()
	before, _, _ := strings.Cut(g.good("orders:read"), ".")
	var keys struct {
		Keys []struct {
			KID string `json:"kid"`
		} `json:"keys"`
	}
	answer, err := g.client.Get(g.issuer + "/.well-known/jwks.json")
	require.NoError(g, err)
	defer answer.Body.Close()
	require.NoError(g, json.NewDecoder(answer.Body).Decode(&keys))
	require.Greater(g, len(keys.Keys), 1, "the next key is published ahead of its use")
	command := exec.CommandContext(g.Context(), testenv.Binary(g), "keys", "revoke", "--", keys.Keys[0].KID)
	command.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "CAMBIO_") })
	command.Env = append(command.Env, "HOME="+g.TempDir(), "CAMBIO_SERVER="+g.issuer, "CAMBIO_CA_FILE="+g.caFile, "CAMBIO_TOKEN="+g.pat.Token)
	output, err := command.CombinedOutput()
	require.NoError(g, err, "%s", output)
	after, _, _ := strings.Cut(g.good("orders:read"), ".")
	require.NotEqual(g, before, after, "another key signs")
}

// guard is what stands before an API: a program that checks tokens.
type guard struct {
	url string
	// refused is the status without a good token, lacking with one that has not the scope.
	refused, lacking int
	// asks is whether each request is introspected, so that a revocation works at once;
	// without it a token is good until it expires.
	asks bool
	// leeway is how long after its end a token is still taken.
	leeway time.Duration
}

// get returns the status of a request to the API. An empty token is none.
func (g *guarded) get(address, token string) int {
	g.Helper()
	request, err := http.NewRequestWithContext(g.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(g, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := g.client.Do(request)
	require.NoError(g, err)
	require.NoError(g, answer.Body.Close())
	return answer.StatusCode
}

// await waits until a guard answers at all.
func (g *guarded) await(process *testenv.Process, address string) {
	g.Helper()
	testenv.Wait(g, time.Minute, func() bool {
		select {
		case <-process.Exited():
			require.Fail(g, "it ended")
		default:
		}
		answer, err := g.client.Get(address)
		return err == nil && answer.Body.Close() == nil && answer.StatusCode < http.StatusInternalServerError
	})
}

// checks requires that a guard takes the good token and no other.
func (g *guarded) checks(at guard) {
	g.Helper()
	dying := g.mint(g.short.Token, apiAudience, "orders:read")
	end := time.Now().Add(shortLife + at.leeway)
	require.Equal(g, http.StatusOK, g.get(at.url, dying), "a token that will expire")
	good := g.good("orders:read")
	require.Equal(g, http.StatusOK, g.get(at.url, good), "a good token")
	require.Equal(g, at.refused, g.get(at.url, ""), "no token")
	require.Equal(g, at.refused, g.get(at.url, "x"), "no JWT")
	require.Equal(g, at.refused, g.get(at.url, tampered(good)), "another signature")
	require.Equal(g, at.refused, g.get(at.url, g.mint(g.caller.Token, billingAudience, "orders:read")), "another audience")
	require.Equal(g, at.refused, g.get(at.url, unsigned(g.T, good)), "alg none")
	if at.lacking != 0 {
		require.Equal(g, at.lacking, g.get(at.url, g.good("orders:write")), "another scope")
	}
	require.Equal(g, at.refused, g.get(at.url, g.stray), "another issuer")

	g.rollOver()
	require.Equal(g, http.StatusOK, g.get(at.url, g.good("orders:read")), "the next key")

	testenv.Wait(g, time.Minute, func() bool { return time.Now().After(end) })
	require.Equal(g, at.refused, g.get(at.url, dying), "an expired token")
	if at.asks {
		good = g.good("orders:read")
		require.Equal(g, http.StatusOK, g.get(at.url, good))
		g.revoke()
		require.Equal(g, at.refused, g.get(at.url, good), "a token of a revoked one")
	}
}

// unsigned returns a JWT with the claims of another, and no signature (RFC 7519 §6).
func unsigned(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	return "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + parts[1] + "."
}

// page is a recipe of docs/integrations, which a test runs as it stands there.
type page string

// block returns the nth fence, from 0, each of the texts replaced by the one after it.
func (p page) block(t *testing.T, n int, replaced ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "integrations", string(p)))
	require.NoError(t, err)
	fences := bytes.Split(append([]byte("\n"), text...), []byte("\n```"))
	require.Greater(t, len(fences), 2*n+1)
	_, block, found := strings.Cut(string(fences[2*n+1]), "\n") // after the info string
	require.True(t, found)
	for i := 0; i < len(replaced); i += 2 {
		require.Contains(t, block, replaced[i])
		block = strings.ReplaceAll(block, replaced[i], replaced[i+1])
	}
	return block + "\n"
}

// write puts a file where the guard looks for it.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// freeAddr is host:port that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	return "127.0.0.1:" + strconv.Itoa(testenv.FreePort(t))
}

// versionOf returns what a program says of its version.
func versionOf(t *testing.T, program string, args ...string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	line, _, _ := strings.Cut(string(output), "\n")
	return line
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
