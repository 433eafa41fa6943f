package verify

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Bounds of a JWK Set.
const (
	maxKeys    = 256
	minRSABits = 2048 // RFC 7518 §3.3
	maxRSABits = 8192
	maxKeyID   = 512 // bytes of a kid
)

// methods are the algorithms there are, by their JWS name (RFC 7518 §3.1, RFC
// 8037 §3.1). All are asymmetric: a public key never serves as a secret.
var methods = map[string]jwt.SigningMethod{
	"ES256": jwt.SigningMethodES256, "ES384": jwt.SigningMethodES384, "ES512": jwt.SigningMethodES512,
	"RS256": jwt.SigningMethodRS256, "RS384": jwt.SigningMethodRS384, "RS512": jwt.SigningMethodRS512,
	"PS256": jwt.SigningMethodPS256, "PS384": jwt.SigningMethodPS384, "PS512": jwt.SigningMethodPS512,
	"EdDSA": jwt.SigningMethodEdDSA,
}

// defaultAlgorithms are what Cambio signs with.
var defaultAlgorithms = []string{"ES256", "RS256", "EdDSA", "ES384"}

// verificationKey is a public key for one algorithm.
type verificationKey struct {
	alg    string
	method jwt.SigningMethod
	public any
}

// keySet is what one fetch found. It never changes.
type keySet struct {
	keys          map[string][]verificationKey // by kid; a kid may serve two algorithms
	fetched       time.Time
	maxAge        time.Duration // as the server told, zero: not told
	tokenEndpoint string
	revocations   string // where the feed is; empty: there is none
}

// jwk is a JSON Web Key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
type jwk struct {
	KeyType    string   `json:"kty"`
	Use        string   `json:"use"`
	Operations []string `json:"key_ops"`
	Algorithm  string   `json:"alg"`
	KeyID      string   `json:"kid"`
	Curve      string   `json:"crv"`
	X          string   `json:"x"`
	Y          string   `json:"y"`
	Modulus    string   `json:"n"`
	Exponent   string   `json:"e"`
}

var (
	errKeySet   = errors.New("not a JWK Set with at least one key to verify by")
	errMaterial = errors.New("key material is malformed")
)

// parseKeySet reads a JWK Set and keeps the keys that verify by an algorithm of
// allowed. Others are skipped, as RFC 7517 §5 says of what one does not
// understand. A set without a key is an error: no server means that.
func parseKeySet(body []byte, allowed []string) (map[string][]verificationKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("%w: %w", errKeySet, err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%w: more than %d keys", errKeySet, maxKeys)
	}
	found := map[string][]verificationKey{}
	for _, raw := range set.Keys {
		var key jwk
		if json.Unmarshal(raw, &key) != nil || !key.verifies() {
			continue
		}
		public, algs, err := key.public()
		if err != nil {
			continue
		}
		for _, alg := range algs {
			fits := key.Algorithm == "" || key.Algorithm == alg
			taken := slices.ContainsFunc(found[key.KeyID], func(other verificationKey) bool { return other.alg == alg })
			if fits && !taken && slices.Contains(allowed, alg) {
				found[key.KeyID] = append(found[key.KeyID], verificationKey{alg, methods[alg], public})
			}
		}
	}
	if len(found) == 0 {
		return nil, errKeySet
	}
	return found, nil
}

// verifies reports whether the key has a name and is meant for signatures (RFC
// 7517 §4.2, §4.3).
func (k *jwk) verifies() bool {
	return k.KeyID != "" && len(k.KeyID) <= maxKeyID && (k.Use == "" || k.Use == "sig") &&
		(k.Operations == nil || slices.Contains(k.Operations, "verify"))
}

// public returns the key and the algorithms that it can be for.
func (k *jwk) public() (key any, algs []string, err error) {
	switch {
	case k.KeyType == "EC" && k.Curve == "P-256":
		key, err = k.point(elliptic.P256())
		return key, []string{"ES256"}, err
	case k.KeyType == "EC" && k.Curve == "P-384":
		key, err = k.point(elliptic.P384())
		return key, []string{"ES384"}, err
	case k.KeyType == "EC" && k.Curve == "P-521":
		key, err = k.point(elliptic.P521())
		return key, []string{"ES512"}, err
	case k.KeyType == "RSA":
		key, err = k.rsa()
		return key, []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, err
	case k.KeyType == "OKP" && k.Curve == "Ed25519":
		x, err := decodePart(k.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			return nil, nil, errMaterial
		}
		return ed25519.PublicKey(x), []string{"EdDSA"}, nil
	default:
		return nil, nil, errMaterial
	}
}

func (k *jwk) point(curve elliptic.Curve) (*ecdsa.PublicKey, error) {
	x, errX := decodePart(k.X)
	y, errY := decodePart(k.Y)
	size := (curve.Params().BitSize + 7) / 8
	if errors.Join(errX, errY) != nil || len(x) != size || len(y) != size { // RFC 7518 §6.2.1.2
		return nil, errMaterial
	}
	const uncompressed = 4 // SEC 1 §2.3.3
	return ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{uncompressed}, x, y))
}

func (k *jwk) rsa() (*rsa.PublicKey, error) {
	n, errN := decodePart(k.Modulus)
	e, errE := decodePart(k.Exponent)
	if errors.Join(errN, errE) != nil || len(e) > 4 {
		return nil, errMaterial
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e).Int64()
	if bits := modulus.BitLen(); bits < minRSABits || bits > maxRSABits || exponent < 3 || exponent > 1<<31-1 || exponent%2 == 0 {
		return nil, errMaterial
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent)}, nil
}
