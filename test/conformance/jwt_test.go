package conformance

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// jwk is a key as it is published.
type jwk struct {
	KeyType string `json:"kty"`
	KeyID   string `json:"kid"`
	Alg     string `json:"alg"`
	Use     string `json:"use"`
	Curve   string `json:"crv"`
	X       string `json:"x"`
	Y       string `json:"y"`
	N       string `json:"n"`
	E       string `json:"e"`
}

// jwks are the published keys.
func (w *world) jwks(t *testing.T) []jwk {
	t.Helper()
	var set struct {
		Keys []jwk `json:"keys"`
	}
	require.NoError(t, json.Unmarshal([]byte(w.expect(t, get(pathJWKS), ok(nil)).Body), &set))
	return set.Keys
}

func decode64(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	require.NoError(t, err, text)
	return raw
}

func encode64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// decodeJWT returns header and claims, unverified.
func decodeJWT(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3, token)
	return decodeObject(t, string(decode64(t, parts[0]))), decodeObject(t, string(decode64(t, parts[1])))
}

// verify checks a token as a downstream service would, by the published keys
// alone, and returns its claims and, after "header.", its header.
func (w *world) verify(t *testing.T, token string) map[string]any {
	t.Helper()
	header, claims := decodeJWT(t, token)
	published := w.jwks(t)
	at := slices.IndexFunc(published, func(key jwk) bool { return key.KeyID == header["kid"] })
	require.GreaterOrEqual(t, at, 0, "no published key %v", header["kid"])
	require.Equal(t, published[at].Alg, header["alg"])
	signed, signature := cutLast(token, ".")
	require.True(t, published[at].verifies(t, signed, decode64(t, signature)), "signature of %s", token)
	for name, value := range header {
		claims["header."+name] = value
	}
	return claims
}

// cutLast cuts a text around the last separator; without one, before is all of it.
func cutLast(text, separator string) (before, after string) {
	at := strings.LastIndex(text, separator)
	if at < 0 {
		return text, ""
	}
	return text[:at], text[at+len(separator):]
}

// verifies checks a signature over text.
func (k jwk) verifies(t *testing.T, text string, signature []byte) bool {
	t.Helper()
	number := func(text string) *big.Int { return new(big.Int).SetBytes(decode64(t, text)) }
	ec := func(curve elliptic.Curve, digest []byte) bool {
		point := slices.Concat([]byte{4}, decode64(t, k.X), decode64(t, k.Y)) // SEC 1 §2.3.3, uncompressed
		key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
		require.NoError(t, err)
		half := len(signature) / 2
		return half == (curve.Params().BitSize+7)/8 &&
			ecdsa.Verify(key, digest, new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:]))
	}
	short, long := sha256.Sum256([]byte(text)), sha512.Sum384([]byte(text))
	switch k.Alg {
	case "ES256":
		return ec(elliptic.P256(), short[:])
	case "ES384":
		return ec(elliptic.P384(), long[:])
	case "EdDSA":
		return ed25519.Verify(decode64(t, k.X), []byte(text), signature)
	case "RS256":
		key := &rsa.PublicKey{N: number(k.N), E: int(number(k.E).Int64())}
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, short[:], signature) == nil
	}
	return false
}

// key returns the server's own key for an algorithm.
func (w *world) key(t *testing.T, alg string) signingKey {
	t.Helper()
	at := slices.IndexFunc(w.keys, func(key signingKey) bool { return key.alg == alg })
	require.GreaterOrEqual(t, at, 0, "no %s key", alg)
	return w.keys[at]
}

// forged is a token in the making: a good one, to be changed in one place.
type forged struct {
	header map[string]any
	claims map[string]any
	key    signingKey
}

// forge begins with a good JWT of alice's for the management API.
func (w *world) forge(t *testing.T) *forged {
	t.Helper()
	header, claims := decodeJWT(t, w.mint(t, set("audience", "${api}")))
	alg, isText := header["alg"].(string)
	require.True(t, isText)
	return &forged{header, claims, w.key(t, alg)}
}

// sign signs with the key of the server, by its own algorithm.
func (f *forged) sign(t *testing.T) string {
	t.Helper()
	return f.signBy(t, func(text string) []byte {
		digest := sha256.Sum256([]byte(text))
		switch private := f.key.private.(type) {
		case *ecdsa.PrivateKey:
			r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
			require.NoError(t, err)
			return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		case *rsa.PrivateKey:
			signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, digest[:])
			require.NoError(t, err)
			return signature
		}
		t.Fatalf("cannot sign with a %s key", f.key.alg)
		return nil
	})
}

// claim is a text among the claims.
func (f *forged) claim(name string) string {
	text, _ := f.claims[name].(string)
	return text
}

func (f *forged) signBy(t *testing.T, sign func(text string) []byte) string {
	t.Helper()
	header, err := json.Marshal(f.header)
	require.NoError(t, err)
	claims, err := json.Marshal(f.claims)
	require.NoError(t, err)
	text := encode64(header) + "." + encode64(claims)
	return text + "." + encode64(sign(text))
}

// hs256 signs by HMAC with whatever is given as the secret.
func hs256(secret []byte) func(text string) []byte {
	return func(text string) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
}
