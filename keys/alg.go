package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// Alg is a signature algorithm by its JWS name (RFC 7518 §3.1, RFC 8037 §3.1).
type Alg string

// The algorithms there are. Symmetric ones and none are no Alg at all.
const (
	ES256 Alg = "ES256"
	RS256 Alg = "RS256"
	EdDSA Alg = "EdDSA"
	ES384 Alg = "ES384"
)

// ErrUnknownAlg says that an algorithm is not one of this package, or not one
// that the ring was configured with.
var ErrUnknownAlg = errors.New("unknown signature algorithm")

// rsaBits is the least that RFC 7518 §3.3 allows; keys rotate long before 2030.
const rsaBits = 2048

// ParseAlg returns the algorithm named s, compared byte for byte. Anything else
// fails with ErrUnknownAlg, none and HS256 among them.
func ParseAlg(s string) (Alg, error) {
	switch alg := Alg(s); alg {
	case ES256, RS256, EdDSA, ES384:
		return alg, nil
	default:
		return "", fmt.Errorf("%w %q: use ES256, RS256, EdDSA or ES384", ErrUnknownAlg, s)
	}
}

// method returns the signing method of a, nil for anything but an Alg.
func (a Alg) method() jwt.SigningMethod {
	switch a {
	case ES256:
		return jwt.SigningMethodES256
	case RS256:
		return jwt.SigningMethodRS256
	case EdDSA:
		return jwt.SigningMethodEdDSA
	case ES384:
		return jwt.SigningMethodES384
	default:
		return nil
	}
}

// maxSignatureLen is the length of the longest ECDSA signature.
const maxSignatureLen = 96

// signatureLen is the length of an ECDSA signature of a, in bytes (RFC 7518 §3.4).
func (a Alg) signatureLen() int {
	if a == ES384 {
		return maxSignatureLen
	}
	return 64
}

// generate makes a private key for a.
func (a Alg) generate() (crypto.Signer, error) {
	switch a {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ES384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case RS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	default:
		return nil, ErrUnknownAlg
	}
}
