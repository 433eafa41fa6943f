package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/verify"
)

const testKeyID = "key-of-the-test"

// world is the service before a running authorization server.
type world struct {
	server *testenv.DevServer
	client *http.Client
	url    string            // of the service
	key    *ecdsa.PrivateKey // the service takes it for one of the server's
}

// newWorld starts both. The service sees one more key than the server has: what
// nobody can make the server sign, the test signs.
func newWorld(t *testing.T) *world {
	t.Helper()
	server := testenv.Dev(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	w := &world{server: server, client: server.Client(), key: key}
	w.url = w.serve(t, &http.Client{Transport: withKey{http.DefaultTransport, w.jwk(t)}})
	return w
}

// serve starts the service.
func (w *world) serve(t *testing.T, client *http.Client) string {
	t.Helper()
	verifier, err := verify.New(t.Context(), w.server.Info.Issuer, w.server.Info.Audience,
		verify.AcceptPAT(verify.PATOptions{Scope: scope}), verify.WithHTTPClient(client))
	require.NoError(t, err)
	t.Cleanup(verifier.Close)
	service := httptest.NewServer(routes(verifier))
	t.Cleanup(service.Close)
	return service.URL
}

// withKey adds a key to a JWK Set on its way.
type withKey struct {
	http.RoundTripper

	key map[string]any
}

func (a withKey) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := a.RoundTripper.RoundTrip(r)
	if err != nil || !strings.HasSuffix(r.URL.Path, "jwks.json") {
		return response, err
	}
	defer func() { _ = response.Body.Close() }()
	var set map[string][]map[string]any
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		return nil, err
	}
	set["keys"] = append(set["keys"], a.key)
	body, err := json.Marshal(set)
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return response, err
}

func (w *world) jwk(t *testing.T) map[string]any {
	t.Helper()
	point, err := w.key.PublicKey.Bytes()
	require.NoError(t, err)
	return map[string]any{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": testKeyID, "x": encode(point[1:33]), "y": encode(point[33:])}
}

// mint exchanges alice's personal access token for a JWT of the server's.
func (w *world) mint(t *testing.T, audience, scope string) string {
	t.Helper()
	var issued struct {
		AccessToken string `json:"access_token"`
	}
	got := w.do(t, http.MethodPost, w.server.Info.Issuer+"/oauth2/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {w.server.Info.Users.Alice.PAT.Token},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}, "audience": {audience}, "scope": {scope},
	}.Encode(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.NoError(t, json.Unmarshal([]byte(got.body), &issued))
	return issued.AccessToken
}

// reply is what came back.
type reply struct {
	status          int
	challenge, body string
}

// call asks the service who one is.
func (w *world) call(t *testing.T, target string, header http.Header) reply {
	t.Helper()
	return w.do(t, http.MethodGet, target, "", header)
}

func (w *world) do(t *testing.T, method, target, body string, header http.Header) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	require.NoError(t, err)
	request.Header = header
	answer, err := w.client.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return reply{answer.StatusCode, answer.Header.Get("WWW-Authenticate"), string(text)}
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// forged is a good token that is to be changed and signed by the test's key.
type forged struct {
	header, claims map[string]any
	key            *ecdsa.PrivateKey
}

// forge takes a token of the server's apart.
func (w *world) forge(t *testing.T, token string) *forged {
	t.Helper()
	f := &forged{header: decode(t, token, 0), claims: decode(t, token, 1), key: w.key}
	f.header["kid"] = testKeyID
	return f
}

// with returns the token with header and claims changed; nil removes a member.
func (f *forged) with(header, claims map[string]any) string {
	head, payload := changed(f.header, header), changed(f.claims, claims)
	return f.sign(text(head), text(payload))
}

func changed(members, by map[string]any) map[string]any {
	members = maps.Clone(members)
	maps.Copy(members, by)
	maps.DeleteFunc(members, func(_ string, value any) bool { return value == nil })
	return members
}

func (f *forged) sign(header, payload string) string {
	signed := encode([]byte(header)) + "." + encode([]byte(payload))
	signature, err := jwt.SigningMethodES256.Sign(signed, f.key)
	if err != nil {
		panic(err)
	}
	return signed + "." + encode(signature)
}

func decode(t *testing.T, token string, part int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[part])
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var members map[string]any
	require.NoError(t, decoder.Decode(&members))
	return members
}

func text(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func now() time.Time { return time.Now() }
