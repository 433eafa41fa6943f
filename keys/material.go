package keys

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// typeAccessToken is the typ of RFC 9068 §2.1.
const typeAccessToken = "at+jwt"

// material is a key ready for use.
type material struct {
	method  jwt.SigningMethod
	private crypto.Signer
	public  crypto.PublicKey
	jwk     JWK
	header  string // the first part of every token the key signs, with its dot
}

func newMaterial(alg Alg, private crypto.Signer) (*material, error) {
	jwk, err := newJWK(alg, private.Public())
	if err != nil {
		return nil, err
	}
	header := `{"alg":"` + string(alg) + `","kid":"` + jwk.KeyID + `","typ":"` + typeAccessToken + `"}`
	return &material{
		method: alg.method(), private: private, public: private.Public(), jwk: jwk,
		header: encode([]byte(header)) + ".",
	}, nil
}

// prove signs and verifies once; a key that cannot is never published.
func (m *material) prove() error {
	const text = "proof of a new key"
	signature, err := m.signature(new(scratch), []byte(text))
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	if err := m.method.Verify(text, signature, m.public); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return nil
}

// create makes, seals, opens again and proves a key, and returns its record,
// whose window the caller sets. The material is kept as opened.
func (r *Ring) create(ctx context.Context, alg Alg, generation uint64, now time.Time) (Record, error) {
	private, err := alg.generate()
	if err != nil {
		return Record{}, fmt.Errorf("generate %s key: %w", alg, err)
	}
	jwk, err := newJWK(alg, private.Public())
	if err != nil {
		return Record{}, fmt.Errorf("describe %s key: %w", alg, err)
	}
	rec := Record{KID: jwk.KeyID, Alg: alg, Generation: generation, PublicJWK: jwk, Created: now}
	if rec.Sealed, err = r.sealKey(ctx, private, rec.KID, alg); err != nil {
		return Record{}, err
	}
	opened, err := r.openKey(ctx, &rec)
	if err != nil {
		return Record{}, fmt.Errorf("open new key: %w", err)
	}
	if err := opened.prove(); err != nil {
		return Record{}, fmt.Errorf("prove new key: %w", err)
	}
	r.opened[rec.KID] = opened
	return rec, nil
}

func (r *Ring) sealKey(ctx context.Context, private crypto.Signer, kid string, alg Alg) ([]byte, error) {
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("encode key %s: %w", kid, err)
	}
	defer clear(plain)
	sealed, err := r.seal(ctx, plain, keyAAD(kid, alg))
	if err != nil {
		return nil, fmt.Errorf("seal key %s: %w", kid, err)
	}
	return sealed, nil
}

// openKey opens the private key of a record and holds the record against it: a
// public key that nobody sealed is never published, whoever wrote it.
func (r *Ring) openKey(ctx context.Context, rec *Record) (*material, error) {
	plain, err := r.unseal(ctx, rec.Sealed, keyAAD(rec.KID, rec.Alg))
	if err != nil {
		return nil, fmt.Errorf("open key %s: %w", rec.KID, err)
	}
	defer clear(plain)
	parsed, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, fmt.Errorf("decode key %s: %w", rec.KID, errKeyType) // the cause could quote the key
	}
	private, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("decode key %s: %w", rec.KID, errKeyType)
	}
	opened, err := newMaterial(rec.Alg, private)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", rec.KID, err)
	}
	return opened, opened.matches(rec)
}

// errMismatch says that a record was changed behind the ring's back.
var errMismatch = errors.New("record does not belong to its private key")

func (m *material) matches(rec *Record) error {
	if rec.KID != m.jwk.KeyID || rec.Alg != m.jwk.Algorithm || rec.PublicJWK != m.jwk {
		return fmt.Errorf("key %s: %w", rec.KID, errMismatch)
	}
	return nil
}

func (r *Ring) seal(ctx context.Context, plain, aad []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return r.master.Seal(ctx, plain, aad)
}

func (r *Ring) unseal(ctx context.Context, sealed, aad []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return r.master.Open(ctx, sealed, aad)
}
