package proxies

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// ready bounds the start of a proxy.
const ready = 10 * time.Second

// world is a server, and what is behind a proxy.
type world struct {
	*testing.T
	dev     *testenv.DevServer
	backend *httptest.Server
	files   string // what it serves below /files/
	url     string // of the proxy
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, dev: testenv.Dev(t), files: t.TempDir()}
	files := http.StripPrefix("/files/", http.FileServer(http.Dir(w.files)))
	w.backend = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if err := w.verify(r); err != nil {
			http.Error(out, err.Error(), http.StatusTeapot)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/files/") {
			files.ServeHTTP(out, r)
			return
		}
		_ = json.NewEncoder(out).Encode(r.Header) // the client sees if it is cut
	}))
	t.Cleanup(w.backend.Close)
	return w
}

// verify takes nothing but a JWT for the audience, signed by a key of the server's set.
func (w *world) verify(r *http.Request) error {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || len(r.Header["Authorization"]) != 1 {
		return errors.New("no bearer token")
	}
	_, err := jwt.Parse(token, func(token *jwt.Token) (any, error) { return w.key(token.Header["kid"]) },
		jwt.WithAudience(w.dev.Info.Audience), jwt.WithIssuer(w.dev.Info.Issuer), jwt.WithValidMethods([]string{"ES256"}), jwt.WithExpirationRequired())
	return err
}

func (w *world) key(kid any) (*ecdsa.PublicKey, error) {
	response, err := http.Get(w.dev.Info.Issuer + "/.well-known/jwks.json")
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	var set struct{ Keys []struct{ Kid, X, Y string } }
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		return nil, err
	}
	for _, key := range set.Keys {
		x, errX := base64.RawURLEncoding.DecodeString(key.X)
		y, errY := base64.RawURLEncoding.DecodeString(key.Y)
		if key.Kid == kid && errX == nil && errY == nil {
			return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
		}
	}
	return nil, errors.New("unknown key")
}

// recipe is the first block of a page, each of the texts replaced by the one after it.
func (w *world) recipe(page string, replaced ...string) string {
	w.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "integrations", page))
	require.NoError(w, err)
	_, block, found := strings.Cut(string(text), "\n```\n")
	require.True(w, found)
	block, _, found = strings.Cut(block, "\n```\n")
	require.True(w, found)
	for i := 0; i < len(replaced); i += 2 {
		require.Contains(w, block, replaced[i])
		block = strings.ReplaceAll(block, replaced[i], replaced[i+1])
	}
	return block
}

// answer is what a client of the proxy gets.
type answer struct {
	status int
	header http.Header
	body   string
}

// seen are the headers that arrived behind the proxy.
func (a *answer) seen(t *testing.T) http.Header {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, a.body)
	var seen http.Header
	require.NoError(t, json.Unmarshal([]byte(a.body), &seen))
	return seen
}

// send sends a request with headers, each a name and a value.
func (w *world) send(method, url, body string, headers ...string) *answer {
	w.Helper()
	request, err := http.NewRequestWithContext(w.Context(), method, url, strings.NewReader(body))
	require.NoError(w, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(w, err)
	defer func() { _ = response.Body.Close() }()
	got, err := io.ReadAll(response.Body)
	require.NoError(w, err)
	return &answer{status: response.StatusCode, header: response.Header, body: string(got)}
}

func (w *world) get(headers ...string) *answer {
	w.Helper()
	return w.send(http.MethodGet, w.url+"/any/path?a=b", "", headers...)
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

func basic(user, password string) []string {
	return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}
}
