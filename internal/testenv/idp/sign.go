package idp

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
)

// coordinate is the size of a P-256 coordinate, in bytes.
const coordinate = 32

// keys is the JWK set. A key's id is its algorithm.
func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	point, err := p.ec.PublicKey.Bytes() // 4, x, y
	if err != nil {
		http.Error(w, "key", http.StatusInternalServerError)
		return
	}
	encode := base64.RawURLEncoding.EncodeToString
	set := map[string]any{"keys": []any{
		map[string]any{
			"kty": "EC", "use": "sig", "alg": "ES256", "kid": "ES256", "crv": "P-256",
			"x": encode(point[1 : 1+coordinate]), "y": encode(point[1+coordinate:]),
		},
		map[string]any{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "RS256", "n": encode(p.rsa.N.Bytes()),
			"e": encode(big.NewInt(int64(p.rsa.E)).Bytes()),
		},
	}}
	if bend := p.bent().Keys; bend != nil {
		bend(set)
	}
	answer(w, http.StatusOK, set)
}

// must fails the test, which a handler cannot end.
func (p *Provider) must(err error) {
	if err != nil {
		p.tb.Errorf("sign an ID token: %v", err)
	}
}

// sign makes a compact JWS, or what passes for one.
func (p *Provider) sign(claims map[string]any, knobs *Knobs) string {
	alg := cmp.Or(knobs.Alg, "ES256")
	kid := alg
	if alg == "HS256" {
		kid = "RS256" // its public key is the secret
	}
	header, err := json.Marshal(map[string]any{"alg": alg, "typ": "JWT", "kid": kid})
	p.must(err)
	payload, err := json.Marshal(claims)
	p.must(err)
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(header) + "." + encode(payload)
	return input + "." + encode(p.signature(alg, knobs.Key, input))
}

func (p *Provider) signature(alg, key, input string) []byte {
	hash := sha256.Sum256([]byte(input))
	switch alg {
	case "none":
		return nil
	case "HS256":
		der, err := x509.MarshalPKIXPublicKey(&p.rsa.PublicKey)
		p.must(err)
		mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		mac.Write([]byte(input))
		return mac.Sum(nil)
	case "RS256":
		signature, err := rsa.SignPKCS1v15(rand.Reader, p.rsa, crypto.SHA256, hash[:])
		p.must(err)
		return signature
	default:
		private := p.ec
		if key == "another" {
			private = p.other
		}
		r, s, err := ecdsa.Sign(rand.Reader, private, hash[:])
		p.must(err)
		return append(r.FillBytes(make([]byte, coordinate)), s.FillBytes(make([]byte, coordinate))...)
	}
}
