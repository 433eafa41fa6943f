package pat

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/secret"
)

const (
	// DefaultPrefix begins every token unless another is configured.
	DefaultPrefix = "cambio_pat"

	alphabet    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	secretLen   = 43 // base62 characters, 256 bits
	checksumLen = 6  // base62 characters of a CRC-32
	tailLen     = secretLen + checksumLen
)

// ErrMalformed says that a text is no token: wrong shape or wrong checksum. It
// names nothing of the text.
var ErrMalformed = errors.New("not a personal access token")

// ID names a token: 32 lowercase hexadecimal characters, the first two of which
// are its owner's shard.
type ID string

// NewID returns a fresh id in the shard of sibling: of the owner at personal
// level, of the group or organization otherwise.
func NewID(sibling directory.ID) ID { return ID(id.NewIn(string(sibling))) }

// ParseID returns s as an ID, or ErrMalformed.
func ParseID(s string) (ID, error) {
	if !id.Valid(s) {
		return "", ErrMalformed
	}
	return ID(s), nil
}

// Token is a parsed credential: its id in the clear and its secret.
type Token struct {
	prefix string
	id     ID
	tail   secret.Text // <secret><crc>
}

// ID returns the id.
func (t Token) ID() ID { return t.id }

// Secret returns <secret><crc>, which with the id serves as Basic credentials.
func (t Token) Secret() secret.Text { return t.tail }

// Reveal returns the whole token, as its owner keeps it.
func (t Token) Reveal() secret.Text {
	return secret.New(t.prefix + "_" + string(t.id) + "_" + t.tail.Reveal())
}

// String redacts all but the id.
func (t Token) String() string { return string(t.id) + " " + secret.Redacted }

// Format knows the accepted prefixes and with them makes and parses tokens. The
// zero value accepts nothing; use NewFormat. It is safe to share.
type Format struct{ prefixes []string }

// NewFormat returns the format that mints with the first prefix and accepts
// all of them. A prefix is lowercase letters, digits and inner underscores; none may
// make another ambiguous by beginning it.
func NewFormat(prefixes ...string) (Format, error) {
	if len(prefixes) == 0 {
		return Format{}, errors.New("token prefixes: at least one is needed")
	}
	for i, prefix := range prefixes {
		if !validPrefix(prefix) {
			return Format{}, fmt.Errorf("token prefix %q: use 2 to 32 lowercase letters, digits and inner underscores, a letter first", prefix)
		}
		for j, other := range prefixes {
			if i != j && strings.HasPrefix(other+"_", prefix+"_") {
				return Format{}, fmt.Errorf("token prefix %q: ambiguous beside %q", prefix, other)
			}
		}
	}
	return Format{prefixes: slices.Clone(prefixes)}, nil
}

func validPrefix(prefix string) bool {
	if len(prefix) < 2 || len(prefix) > 32 || prefix[0] < 'a' || prefix[0] > 'z' || prefix[len(prefix)-1] == '_' {
		return false
	}
	return strings.Trim(prefix, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// New makes a token for id with a fresh secret.
func (f Format) New(id ID) Token {
	prefix := f.prefixes[0]
	body := newSecret()
	sum := checksum(prefix, id, body)
	return Token{prefix: prefix, id: id, tail: secret.New(body + string(sum[:]))}
}

// Parse reads a whole token, byte for byte: nothing is trimmed or folded. It
// returns ErrMalformed for whatever New cannot have made, by checksum too.
func (f Format) Parse(text string) (Token, error) {
	for _, prefix := range f.prefixes {
		rest, ok := strings.CutPrefix(text, prefix)
		if !ok || len(rest) != 1+id.Len+1+tailLen || rest[0] != '_' || rest[1+id.Len] != '_' {
			continue
		}
		tokenID, tail := ID(rest[1:1+id.Len]), rest[1+id.Len+1:]
		if wellFormed(prefix, tokenID, tail) {
			return Token{prefix: prefix, id: tokenID, tail: secret.New(tail)}, nil
		}
	}
	return Token{}, ErrMalformed
}

// ParseBasic reads HTTP Basic credentials: the id as username and, as password,
// either <secret><crc> under any accepted prefix or the whole token of that id.
func (f Format) ParseBasic(username, password string) (Token, error) {
	if !id.Valid(username) {
		return Token{}, ErrMalformed
	}
	if len(password) != tailLen {
		token, err := f.Parse(password)
		if err != nil || token.id != ID(username) {
			return Token{}, ErrMalformed
		}
		return token, nil
	}
	for _, prefix := range f.prefixes {
		if wellFormed(prefix, ID(username), password) {
			return Token{prefix: prefix, id: ID(username), tail: secret.New(password)}, nil
		}
	}
	return Token{}, ErrMalformed
}

// LooksLike reports whether text begins like a token of this format, so that a
// door can tell a PAT from a JWT before it parses either.
func (f Format) LooksLike(text string) bool {
	return slices.ContainsFunc(f.prefixes, func(prefix string) bool {
		return len(text) > len(prefix) && text[len(prefix)] == '_' && strings.HasPrefix(text, prefix)
	})
}

func wellFormed(prefix string, tokenID ID, tail string) bool {
	if !id.Valid(string(tokenID)) || len(tail) != tailLen {
		return false
	}
	for i := range len(tail) {
		if c := tail[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	sum := checksum(prefix, tokenID, tail[:secretLen])
	return string(sum[:]) == tail[secretLen:]
}

// checksum is the zero-padded base62 CRC-32 (IEEE) of everything before it.
func checksum(prefix string, tokenID ID, body string) (digits [checksumLen]byte) {
	sum := ^uint32(0) // by byte: hash/crc32 wants a copy of it all on the heap
	for _, part := range [...]string{prefix, "_", string(tokenID), "_", body} {
		for i := range len(part) {
			sum = crc32.IEEETable[(sum^uint32(part[i]))&0xff] ^ sum>>8
		}
	}
	sum = ^sum
	for i := range digits {
		digits[checksumLen-1-i] = alphabet[sum%62]
		sum /= 62
	}
	return digits
}

// newSecret draws each character without bias: of 256 byte values the 248 below
// 4 × 62 are used, the others drawn again.
func newSecret() string {
	out := make([]byte, 0, secretLen)
	var raw [64]byte
	for len(out) < secretLen {
		_, _ = rand.Read(raw[:]) // never fails since Go 1.24
		for _, b := range raw {
			if b < 4*62 && len(out) < secretLen {
				out = append(out, alphabet[b%62])
			}
		}
	}
	return string(out)
}
