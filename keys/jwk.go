package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// JWK is a public signing key as a JSON Web Key (RFC 7517; RFC 7518 §6 for EC
// and RSA, RFC 8037 §2 for OKP). Binary members are base64url without padding.
type JWK struct {
	KeyType   string `json:"kty"`
	Use       string `json:"use"`
	Algorithm Alg    `json:"alg"`
	KeyID     string `json:"kid"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	Modulus   string `json:"n,omitempty"`
	Exponent  string `json:"e,omitempty"`
}

// errKeyType says that a key does not belong to the algorithm of its record.
var errKeyType = errors.New("key is of another type than its algorithm needs")

// newJWK describes a public key for use with alg; its kid is the thumbprint.
func newJWK(alg Alg, public crypto.PublicKey) (JWK, error) {
	jwk := JWK{Use: "sig", Algorithm: alg}
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		jwk.KeyType, jwk.Curve = "EC", key.Curve.Params().Name
		point, err := key.Bytes() // 4, x, y; the coordinates as long as the field
		if err != nil {
			return JWK{}, fmt.Errorf("encode point: %w", err)
		}
		size := (len(point) - 1) / 2
		jwk.X, jwk.Y = encode(point[1:1+size]), encode(point[1+size:])
	case *rsa.PublicKey:
		jwk.KeyType, jwk.Modulus = "RSA", encode(key.N.Bytes())
		jwk.Exponent = encode(big.NewInt(int64(key.E)).Bytes())
	case ed25519.PublicKey:
		jwk.KeyType, jwk.Curve, jwk.X = "OKP", "Ed25519", encode(key)
	default:
		return JWK{}, errKeyType
	}
	if !jwk.fits() {
		return JWK{}, errKeyType
	}
	jwk.KeyID = jwk.thumbprint()
	return jwk, nil
}

// fits reports whether the type and curve of the key are those of its algorithm.
func (j JWK) fits() bool {
	switch j.Algorithm {
	case ES256:
		return j.KeyType == "EC" && j.Curve == "P-256"
	case ES384:
		return j.KeyType == "EC" && j.Curve == "P-384"
	case RS256:
		return j.KeyType == "RSA"
	case EdDSA:
		return j.KeyType == "OKP" && j.Curve == "Ed25519"
	default:
		return false
	}
}

// thumbprint returns the base64url SHA-256 thumbprint (RFC 7638 §3): the hash
// of the required members alone, in lexicographic order. Every member is
// base64url or a fixed name, so none needs escaping.
func (j JWK) thumbprint() string {
	var canonical string
	switch j.KeyType {
	case "EC":
		canonical = `{"crv":"` + j.Curve + `","kty":"EC","x":"` + j.X + `","y":"` + j.Y + `"}`
	case "RSA":
		canonical = `{"e":"` + j.Exponent + `","kty":"RSA","n":"` + j.Modulus + `"}`
	default: // RFC 8037 §2
		canonical = `{"crv":"` + j.Curve + `","kty":"OKP","x":"` + j.X + `"}`
	}
	sum := sha256.Sum256([]byte(canonical))
	return encode(sum[:])
}

// jwkSet returns the JWK Set (RFC 7517 §5) of the keys.
func jwkSet(jwks []JWK) ([]byte, error) {
	return json.Marshal(struct {
		Keys []JWK `json:"keys"`
	}{jwks})
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }
