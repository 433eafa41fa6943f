package idp

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rsaKey takes long to make: the providers of a process share it.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// The client that every provider knows.
const (
	ClientID     = "cambio"
	ClientSecret = "s3cr3t/+ with a space"
)

// The paths of the endpoints.
const (
	PathDiscovery  = "/.well-known/openid-configuration"
	PathAuthorize  = "/authorize"
	PathToken      = "/token"
	PathUserInfo   = "/userinfo"
	PathKeys       = "/jwks"
	PathEndSession = "/end_session"
)

// Person is somebody who can log in.
type Person struct {
	Subject  string
	Claims   map[string]any // in the ID token and at userinfo
	UserInfo map[string]any // at userinfo only
}

// Knobs bend what the provider does; the zero value is honest. A function changes what
// would be sent, and must not call the provider.
type Knobs struct {
	Metadata  func(map[string]any)
	Authorize func(answer url.Values) // the query of the redirect back
	Token     func(map[string]any)    // the answer of the token endpoint
	IDToken   func(claims map[string]any)
	Signed    func(jws string) string // the finished ID token
	UserInfo  func(map[string]any)
	Keys      func(map[string]any) // the key set

	Alg        string // of ID tokens: ES256, RS256, none, HS256 with the public key; empty: ES256
	Key        string // whose private key signs: "another" is in no key set
	Deny       string // an error code in place of a code
	IgnorePKCE bool
	ReuseCodes bool
	// Serve answers a path in place of the provider.
	Serve map[string]http.HandlerFunc
}

// Provider is a running provider.
type Provider struct {
	URL string // its issuer

	tb     testing.TB
	server *httptest.Server
	ec     *ecdsa.PrivateKey
	rsa    *rsa.PrivateKey
	other  *ecdsa.PrivateKey

	mu         sync.Mutex
	knobs      Knobs
	people     map[string]Person
	who        string
	redirects  []string
	postLogout []string
	codes      map[string]*grant
	tokens     map[string]string // access token → name
	requests   map[string]int
	loggedOut  []string
}

// grant is what a code stands for.
type grant struct {
	who, redirect, nonce, challenge string
	used                            bool
}

// New starts a provider on loopback; it ends with the test. People are keyed by the
// name by which they log in.
func New(tb testing.TB, people map[string]Person) *Provider {
	tb.Helper()
	p := &Provider{tb: tb, people: maps.Clone(people), codes: map[string]*grant{}, tokens: map[string]string{}, requests: map[string]int{}}
	var err error
	p.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	p.other, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	p.rsa, err = rsaKey()
	require.NoError(tb, err)
	p.server = httptest.NewServer(http.HandlerFunc(p.serve))
	tb.Cleanup(p.server.Close)
	p.URL = p.server.URL
	return p
}

// Register lets a client come back to redirect after a login, and to postLogout after
// a logout unless that is empty.
func (p *Provider) Register(redirect, postLogout string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.redirects = append(p.redirects, redirect)
	if postLogout != "" {
		p.postLogout = append(p.postLogout, postLogout)
	}
}

// As logs in whoever comes from now on as the person of that name.
func (p *Provider) As(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.who = name
}

// Put adds a person, or changes one.
func (p *Provider) Put(name string, person Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.people[name] = person
}

// Bend puts the knobs in place of those before.
func (p *Provider) Bend(knobs Knobs) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.knobs = knobs
}

// Requests is how often a path was asked for.
func (p *Provider) Requests(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[path]
}

// LoggedOut lists the subjects of the ID tokens that came to the end of a session,
// empty for a logout without one.
func (p *Provider) LoggedOut() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.loggedOut)
}

// Authorize does what a browser does at the URL of a login, and returns the query of
// the redirect back.
func (p *Provider) Authorize(tb testing.TB, login string) url.Values {
	tb.Helper()
	back := p.follow(tb, login)
	require.NotNil(tb, back, "no redirect back from %s", login)
	return back.Query()
}

// LogOut does what a browser does at the URL of a logout, and returns where it is sent;
// nil if it stays.
func (p *Provider) LogOut(tb testing.TB, logout string) *url.URL {
	tb.Helper()
	return p.follow(tb, logout)
}

func (p *Provider) follow(tb testing.TB, to string) *url.URL {
	tb.Helper()
	client := &http.Client{
		Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, to, http.NoBody)
	require.NoError(tb, err)
	answer, err := client.Do(request)
	require.NoError(tb, err)
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusFound {
		return nil
	}
	back, err := answer.Location()
	require.NoError(tb, err)
	return back
}

// PublicKey is the one whose key id is that of the algorithm.
func (p *Provider) PublicKey(alg string) crypto.PublicKey {
	if strings.HasPrefix(alg, "RS") {
		return &p.rsa.PublicKey
	}
	return &p.ec.PublicKey
}

// bent returns the knobs as they are now.
func (p *Provider) bent() Knobs {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.knobs
}

func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests[r.URL.Path]++
	handler := p.knobs.Serve[r.URL.Path]
	p.mu.Unlock()
	if handler == nil {
		handler = map[string]http.HandlerFunc{
			PathDiscovery: p.discovery, PathAuthorize: p.authorize, PathToken: p.token, PathUserInfo: p.userInfo, PathKeys: p.keys,
			PathEndSession: p.endSession,
		}[r.URL.Path]
	}
	if handler == nil {
		http.NotFound(w, r)
		return
	}
	handler(w, r)
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	document := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + PathAuthorize, "token_endpoint": p.URL + PathToken,
		"userinfo_endpoint": p.URL + PathUserInfo, "jwks_uri": p.URL + PathKeys, "end_session_endpoint": p.URL + PathEndSession,
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"ES256", "RS256", "HS256", "none"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	}
	if bend := p.bent().Metadata; bend != nil {
		bend(document)
	}
	answer(w, http.StatusOK, document)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
