package keys

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"sync/atomic"

	"go.uber.org/zap/zapcore"

	"github.com/cambio-sts/cambio/internal/secret"
)

// masterKeyLen is the length of a master key, and of what is derived from it.
const masterKeyLen = 32

// What HKDF (RFC 5869) derives from one master key, told apart by its info.
const (
	infoSeal   = "cambio/v1/seal"
	infoPepper = "cambio/v1/pat-pepper"
)

// ErrMasterSyntax says that a master key file is malformed. The error names the
// line, never its content.
var ErrMasterSyntax = errors.New("malformed master key file")

// ErrVersionChanged says that a version of the master key is another key than
// before.
var ErrVersionChanged = errors.New("a version of the master key is another key than before")

// Master is the content of a master key file: one or more versions, of which
// the first seals and all open. It is safe for concurrent use and redacts
// itself wherever it is printed. ParseMaster makes one.
type Master struct {
	held atomic.Pointer[[]masterVersion]
}

// masterVersion holds what is derived from one line; the key itself is not kept.
type masterVersion struct {
	number int
	seal   cipher.AEAD
	pepper secret.Text
}

var (
	_ Sealer                  = (*Master)(nil)
	_ fmt.Formatter           = (*Master)(nil)
	_ json.Marshaler          = (*Master)(nil)
	_ zapcore.ObjectMarshaler = (*Master)(nil)
)

// Pepper keys the digests of personal access tokens.
type Pepper struct {
	Version int         // as in the master key file
	Key     secret.Text // 32 bytes
}

// ParseMaster reads a master key file: lines <version>:<base64 of 32 bytes>,
// the first seals; versions are distinct and count from 1; no blanks, comments or
// empty lines. A line feed may end the last line. The first line seals: to
// bring in a new version without a pause, every replica first gets it as the
// second line, then as the first. Errors wrap ErrMasterSyntax.
func ParseMaster(file []byte) (*Master, error) {
	var versions []masterVersion
	seen := map[int]bool{}
	for i, line := range masterLines(file) {
		version, err := parseMasterLine(line)
		if err == nil && seen[version.number] {
			err = errors.New("its version is given twice")
		}
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrMasterSyntax, i+1, err)
		}
		seen[version.number] = true
		versions = append(versions, version)
	}
	master := &Master{}
	master.held.Store(&versions)
	return master, nil
}

// GenerateMaster returns a fresh master key file with version 1.
func GenerateMaster() secret.Text { return secret.New(generateLine(1) + "\n") }

// Replace makes m hold what next holds, at once for everybody who has m. A
// version that both hold must be the same key: else it fails with
// ErrVersionChanged, and m stays as it is. Whether what is stored opens by next
// is for Ring.Opens to say, before.
func (m *Master) Replace(next *Master) error {
	versions := *next.held.Load()
	for _, now := range *m.held.Load() {
		for _, then := range versions {
			if now.number == then.number && !now.pepper.Equal(then.pepper) {
				return fmt.Errorf("%w: version %d", ErrVersionChanged, now.number)
			}
		}
	}
	m.held.Store(&versions)
	return nil
}

// Versions returns the versions in the order of the file: the first seals.
func (m *Master) Versions() []int {
	held := *m.held.Load()
	numbers := make([]int, len(held))
	for i, v := range held {
		numbers[i] = v.number
	}
	return numbers
}

// Peppers returns the pepper of every version, in the order of the file: the
// first is for new digests, the others for digests not yet moved.
func (m *Master) Peppers() []Pepper {
	held := *m.held.Load()
	peppers := make([]Pepper, len(held))
	for i, v := range held {
		peppers[i] = Pepper{Version: v.number, Key: v.pepper}
	}
	return peppers
}

// String returns secret.Redacted.
func (*Master) String() string { return secret.Redacted }

// GoString returns secret.Redacted.
func (*Master) GoString() string { return secret.Redacted }

// Format writes secret.Redacted for every verb.
func (*Master) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secret.Redacted) }

// MarshalJSON returns secret.Redacted as a JSON string.
func (*Master) MarshalJSON() ([]byte, error) { return json.Marshal(secret.Redacted) }

// MarshalLogObject writes secret.Redacted.
func (*Master) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("master", secret.Redacted)
	return nil
}

func parseMasterLine(line []byte) (masterVersion, error) {
	head, tail, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return masterVersion{}, errors.New("want <version>:<base64 of 32 bytes>")
	}
	number, err := strconv.ParseInt(string(head), 10, 32)
	if err != nil || number < 1 || strconv.FormatInt(number, 10) != string(head) {
		return masterVersion{}, fmt.Errorf("want a version from 1 to %d without sign or leading zero", math.MaxInt32)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(string(tail))
	if err != nil || len(key) != masterKeyLen || base64.StdEncoding.EncodeToString(key) != string(tail) {
		return masterVersion{}, errors.New("want 32 bytes in padded standard base64 after the colon")
	}
	if bytes.Count(key, key[:1]) == len(key) {
		return masterVersion{}, errors.New("want a random key, not one byte repeated")
	}
	return newMasterVersion(int(number), key)
}

func newMasterVersion(number int, key []byte) (masterVersion, error) {
	sealKey, err := hkdf.Key(sha256.New, key, nil, infoSeal, masterKeyLen)
	if err != nil {
		return masterVersion{}, fmt.Errorf("derive sealing key: %w", err)
	}
	pepper, err := hkdf.Key(sha256.New, key, nil, infoPepper, masterKeyLen)
	if err != nil {
		return masterVersion{}, fmt.Errorf("derive pepper: %w", err)
	}
	block, err := aes.NewCipher(sealKey)
	if err != nil {
		return masterVersion{}, fmt.Errorf("sealing key: %w", err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return masterVersion{}, fmt.Errorf("sealing key: %w", err)
	}
	return masterVersion{number: number, seal: seal, pepper: secret.New(string(pepper))}, nil
}
