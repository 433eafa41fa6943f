package verify

import (
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
)

const (
	// DefaultPATPrefix begins the personal access tokens of a Cambio that is not
	// configured otherwise.
	DefaultPATPrefix = "cambio_pat"
	// DefaultPATEntries is how many personal access tokens are remembered.
	DefaultPATEntries = 10_000

	base62   = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	patID    = 32     // hexadecimal characters
	patTail  = 43 + 6 // base62 characters: 256 bits and their checksum
	patCRC   = 6
	maxScope = 4 << 10
)

// PATOptions says which personal access tokens AcceptPAT takes.
type PATOptions struct {
	// Prefixes are what the tokens begin with; nil is DefaultPATPrefix. They must
	// be among those that the server is configured with.
	Prefixes []string
	// Scope is what is asked for, separated by spaces. Empty asks for all that
	// the token gives at this service.
	Scope string
	// MaxEntries bounds how many tokens are remembered, the least recently used
	// of which is forgotten; zero is DefaultPATEntries. One takes 1 to 2 KiB,
	// more where JWTs have many claims.
	MaxEntries int
}

func (o *PATOptions) complete() error {
	if o.Prefixes == nil {
		o.Prefixes = []string{DefaultPATPrefix}
	}
	o.Prefixes = slices.Clone(o.Prefixes)
	if len(o.Prefixes) == 0 || slices.Contains(o.Prefixes, "") {
		return errors.New("prefixes of personal access tokens: at least one, none of them empty")
	}
	if o.MaxEntries < 0 || len(o.Scope) > maxScope {
		return fmt.Errorf("personal access tokens: %d entries, a scope of %d bytes: out of bounds", o.MaxEntries, len(o.Scope))
	}
	if o.MaxEntries == 0 {
		o.MaxEntries = DefaultPATEntries
	}
	return nil
}

// looksLikePAT reports whether token begins like a personal access token.
func looksLikePAT(prefixes []string, token string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool {
		return len(token) > len(prefix) && token[len(prefix)] == '_' && strings.HasPrefix(token, prefix)
	})
}

// isPAT reports whether token has the form of a personal access token, byte for
// byte, its checksum included: <prefix>_<id>_<secret><crc>.
func isPAT(prefixes []string, token string) bool {
	for _, prefix := range prefixes {
		rest, ok := strings.CutPrefix(token, prefix+"_")
		if !ok || len(rest) != patID+1+patTail || rest[patID] != '_' {
			continue
		}
		if strings.Trim(rest[:patID], "0123456789abcdef") != "" || strings.Trim(rest[patID+1:], base62) != "" {
			continue
		}
		body := len(token) - patCRC
		if token[body:] == patChecksum(token[:body]) {
			return true
		}
	}
	return false
}

// patChecksum is the zero-padded base62 CRC-32 (IEEE) of what comes before it,
// most significant digit first.
func patChecksum(before string) string {
	var digits [patCRC]byte
	sum := crc32.ChecksumIEEE([]byte(before))
	for i := range digits {
		digits[patCRC-1-i] = base62[sum%62]
		sum /= 62
	}
	return string(digits[:])
}
