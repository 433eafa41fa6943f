package keys

import (
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// scratch is memory to make a token in.
type scratch struct {
	payload, token    []byte
	digest, signature [maxSignatureLen]byte
}

// scratches are used again and again.
var scratches = sync.Pool{New: func() any { return new(scratch) }}

// sign returns payload in the compact serialization, behind a header with its dot.
func (m *material) sign(work *scratch, header string, payload []byte) (string, error) {
	token := base64.RawURLEncoding.AppendEncode(append(work.token[:0], header...), payload)
	signature, err := m.signature(work, token)
	if err != nil {
		return "", fmt.Errorf("sign with key %s: %w", m.jwk.KeyID, err)
	}
	work.token = base64.RawURLEncoding.AppendEncode(append(token, '.'), signature)
	return string(work.token), nil
}

// signature signs a JWS signing input (RFC 7515 §5.1). That of ECDSA is deterministic
// (RFC 6979), as RFC 8725 §3.2 wants it: no poor random number gives the key away.
func (m *material) signature(work *scratch, input []byte) ([]byte, error) {
	switch m.jwk.Algorithm {
	case ES256:
		digest := sha256.Sum256(input)
		return m.ecdsa(work, digest[:], crypto.SHA256)
	case ES384:
		digest := sha512.Sum384(input)
		return m.ecdsa(work, digest[:], crypto.SHA384)
	default:
		return m.method.Sign(string(input), m.private)
	}
}

// errNoSignature says that a signer answered what is no signature of its kind.
var errNoSignature = errors.New("the signer's answer is no ECDSA signature")

// ecdsa returns R and S, each as long as the curve's order (RFC 7518 §3.4).
func (m *material) ecdsa(work *scratch, digest []byte, hash crypto.Hash) ([]byte, error) {
	encoded, err := m.private.Sign(nil, work.digest[:copy(work.digest[:], digest)], hash)
	if err != nil {
		return nil, err
	}
	der := cryptobyte.String(encoded)
	var pair cryptobyte.String
	var r, s []byte
	half := m.jwk.Algorithm.signatureLen() / 2
	if !der.ReadASN1(&pair, asn1.SEQUENCE) || !pair.ReadASN1Integer(&r) || !pair.ReadASN1Integer(&s) ||
		!der.Empty() || !pair.Empty() || len(r) > half || len(s) > half {
		return nil, errNoSignature
	}
	out := work.signature[:2*half]
	clear(out)
	copy(out[half-len(r):], r)
	copy(out[2*half-len(s):], s)
	return out, nil
}
