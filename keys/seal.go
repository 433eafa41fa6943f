package keys

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// Sealer encrypts and authenticates small secrets. Master is one; a KMS can be
// another. Its methods may block until ctx ends and are safe to share.
type Sealer interface {
	// Seal encrypts plain under the newest key and binds it to aad.
	Seal(ctx context.Context, plain, aad []byte) ([]byte, error)
	// Open reverses Seal. When the key is not the one that sealed, or sealed
	// or aad were changed, the error wraps ErrWrongMasterKey.
	Open(ctx context.Context, sealed, aad []byte) ([]byte, error)
	// Current reports whether sealed is under the key that Seal takes, or a later
	// one, as another replica may already seal by; what is not is sealed anew.
	Current(sealed []byte) bool
}

// ErrWrongMasterKey says that the master key is not the one the store was
// sealed with. It means not ready, never "make a new one".
var ErrWrongMasterKey = errors.New("master key does not open the store")

// A sealed blob: format (1 byte), version (4 bytes), nonce, ciphertext and tag.
const (
	sealFormat    = 1
	sealHeaderLen = 1 + 4
)

// What is sealed; part of the additional data, so that nothing sealed for one
// purpose opens for another.
const (
	purposeCanary = "cambio canary"
	purposeKey    = "cambio signing key"
	canaryText    = "this store belongs to this master key"
)

// Seal implements Sealer by AES-256-GCM with a random nonce under the first
// version of the file, which the result names.
func (m *Master) Seal(_ context.Context, plain, aad []byte) ([]byte, error) {
	newest := (*m.held.Load())[0]
	sealed := append([]byte{sealFormat}, versionBytes(newest.number)...)
	return newest.seal.Seal(sealed, nil, plain, versionedAAD(aad, newest.number)), nil //nolint:gosec // NewGCMWithRandomNonce makes the nonce itself and wants nil
}

// Open implements Sealer; every version of the file opens.
func (m *Master) Open(_ context.Context, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < sealHeaderLen || sealed[0] != sealFormat {
		return nil, fmt.Errorf("%w: sealed data is malformed", ErrWrongMasterKey)
	}
	number := SealedVersion(sealed)
	for _, v := range *m.held.Load() {
		if v.number != number {
			continue
		}
		plain, err := v.seal.Open(nil, nil, sealed[sealHeaderLen:], versionedAAD(aad, number))
		if err != nil {
			return nil, fmt.Errorf("%w: its version %d is another key, or the sealed data was changed", ErrWrongMasterKey, number)
		}
		return plain, nil
	}
	return nil, fmt.Errorf("%w: the file does not hold version %d", ErrWrongMasterKey, number)
}

// Current implements Sealer.
func (m *Master) Current(sealed []byte) bool {
	return SealedVersion(sealed) >= (*m.held.Load())[0].number
}

// SealedVersion returns the version of the master key that something is sealed
// under; 0 if it is sealed by none.
func SealedVersion(sealed []byte) int {
	if len(sealed) < sealHeaderLen || sealed[0] != sealFormat {
		return 0
	}
	return int(binary.BigEndian.Uint32(sealed[1:sealHeaderLen]))
}

func versionedAAD(aad []byte, number int) []byte {
	return append(lengthPrefixed(string(aad)), lengthPrefixed(string(versionBytes(number)))...)
}

func versionBytes(number int) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(number)) //nolint:gosec // ParseMaster admits 1 to MaxInt32
}

// lengthPrefixed joins parts so that no two lists of parts give the same bytes.
func lengthPrefixed(parts ...string) []byte {
	var out []byte
	for _, part := range parts {
		out = binary.BigEndian.AppendUint64(out, uint64(len(part)))
		out = append(out, part...)
	}
	return out
}

func canaryAAD() []byte { return lengthPrefixed(purposeCanary) }

func keyAAD(kid string, alg Alg) []byte { return lengthPrefixed(purposeKey, kid, string(alg)) }
