package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/verify"
)

const (
	testIssuer   = "https://sts.example.com"
	testAudience = "https://orders.example.com"
)

// issuer is an authorization server in memory: it is reached without a network,
// so that time may be the test's.
type issuer struct {
	now func() time.Time

	mu        sync.Mutex
	keys      []signer // published; the last one signs
	maxAge    int
	metadata  map[string]any
	fail      int           // status of every answer, unless zero
	slow      time.Duration // before every answer
	fetches   int           // of the keys
	exchanges int
	forms     []map[string][]string
	exchange  func(form map[string][]string) (status int, body map[string]any)
	feed      http.Handler // at /revocations; nil: none
}

type signer struct {
	kid, alg string
	private  crypto.Signer
}

func newIssuer(now func() time.Time) *issuer {
	s := &issuer{now: now, maxAge: 900, metadata: map[string]any{
		"issuer": testIssuer, "jwks_uri": testIssuer + "/jwks", "token_endpoint": testIssuer + "/token",
	}}
	s.add("ES256")
	s.exchange = func(map[string][]string) (int, map[string]any) {
		return http.StatusOK, map[string]any{"access_token": s.mint(nil, nil), "token_type": "Bearer", "expires_in": 300}
	}
	return s
}

// add publishes a fresh key, which signs from now on.
func (s *issuer) add(alg string) {
	var private crypto.Signer
	switch alg {
	case "ES256":
		private, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		private, _ = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		private, _ = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, private, _ = ed25519.GenerateKey(rand.Reader)
	default:
		private, _ = rsa.GenerateKey(rand.Reader, 2048)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, signer{"key-" + strconv.Itoa(len(s.keys)), alg, private})
}

func (s *issuer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *issuer) count(of *int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *of
}

func (s *issuer) signer() signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[len(s.keys)-1]
}

// claims are those of a good token.
func (s *issuer) claims() map[string]any {
	now := s.now()
	return map[string]any{
		"iss": testIssuer, "aud": testAudience, "sub": "alice", "client_id": "c0ffee", "jti": "0123456789abcdef0123456789abcdef",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "scope": "orders:read orders:write",
		"org": "default", "pat_id": "c0ffee", "pat_gen": 3, "pat_level": "personal",
	}
}

// mint signs a good token in which header and claims are changed; nil removes.
func (s *issuer) mint(header, claims map[string]any) string {
	key := s.signer()
	payload := s.claims()
	change(payload, claims)
	head := map[string]any{"alg": key.alg, "kid": key.kid, "typ": "at+jwt"}
	change(head, header)
	return key.sign(text(head), text(payload))
}

func change(members, by map[string]any) {
	maps.Copy(members, by)
	maps.DeleteFunc(members, func(_ string, value any) bool { return value == nil })
}

func text(value any) string {
	raw, _ := json.Marshal(value)
	return string(raw)
}

func encode(raw string) string { return base64.RawURLEncoding.EncodeToString([]byte(raw)) }

// sign signs by the key's own algorithm, whatever the header says.
func (k signer) sign(header, payload string) string {
	signed := encode(header) + "." + encode(payload)
	signature, err := jwt.GetSigningMethod(k.alg).Sign(signed, k.private)
	if err != nil {
		panic(err)
	}
	return signed + "." + encode(string(signature))
}

// jwk is the public key.
func (k signer) jwk() map[string]any {
	key := map[string]any{"kid": k.kid, "alg": k.alg, "use": "sig"}
	switch public := k.private.Public().(type) {
	case *ecdsa.PublicKey:
		point, _ := public.Bytes()
		half := (len(point) - 1) / 2
		key["kty"], key["crv"], key["x"], key["y"] = "EC", public.Curve.Params().Name, encode(string(point[1:1+half])), encode(string(point[1+half:]))
	case ed25519.PublicKey:
		key["kty"], key["crv"], key["x"] = "OKP", "Ed25519", encode(string(public))
	case *rsa.PublicKey:
		key["kty"], key["n"], key["e"] = "RSA", encode(string(public.N.Bytes())), encode(string(big.NewInt(int64(public.E)).Bytes()))
	}
	return key
}

// RoundTrip answers like the server.
func (s *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	if slow := func() time.Duration { s.mu.Lock(); defer s.mu.Unlock(); return s.slow }(); slow > 0 {
		select {
		case <-time.After(slow):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	recorder := httptest.NewRecorder()
	s.serve(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}

func (s *issuer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	status := s.fail
	s.mu.Unlock()
	switch {
	case status != 0:
		w.WriteHeader(status)
	case r.URL.String() == testIssuer+"/.well-known/oauth-authorization-server":
		s.set(func() { _, _ = w.Write([]byte(text(s.metadata))) })
	case r.URL.String() == testIssuer+"/jwks":
		s.set(func() {
			s.fetches++
			var keys []any
			for _, key := range s.keys {
				keys = append(keys, key.jwk())
			}
			w.Header().Set("Cache-Control", "public, max-age="+strconv.Itoa(s.maxAge))
			_, _ = w.Write([]byte(text(map[string]any{"keys": keys})))
		})
	case r.URL.String() == testIssuer+"/token" && r.Method == http.MethodPost:
		_ = r.ParseForm()
		s.set(func() { s.exchanges++; s.forms = append(s.forms, r.PostForm) })
		status, body := s.exchange(r.PostForm)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text(body)))
	case r.URL.Path == "/revocations" && s.feed != nil:
		s.feed.ServeHTTP(w, r)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (s *issuer) client() *http.Client { return &http.Client{Transport: s} }

// verifier returns a verifier of the issuer's tokens, closed with the test.
func (s *issuer) verifier(tb testing.TB, options ...verify.Option) *verify.Verifier {
	tb.Helper()
	options = append([]verify.Option{verify.WithHTTPClient(s.client()), verify.WithClock(s.now)}, options...)
	v, err := verify.New(tb.Context(), testIssuer, testAudience, options...)
	require.NoError(tb, err)
	tb.Cleanup(v.Close)
	return v
}

// must returns what is never wrong in a test.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
