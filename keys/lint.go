package keys

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ErrClaims says that Mint refused to sign: the claims break RFC 9068, the
// limits of the ring, or would carry a secret. It names the member, never its
// value. It is a fault of the caller, not of the client.
var ErrClaims = errors.New("claims must not be signed")

// ErrTooLong says that Mint refused to sign: the JWT would not fit into a header.
// What the client asked for, or its owner's name and groups, are too much.
var ErrTooLong = errors.New("the access token would be too long")

const (
	// minIDLen is 128 bits in hex.
	minIDLen = 32
	maxIDLen = 128

	patIDLen     = 32 // hex characters of a personal access token's id
	patSecretLen = 49 // base62 characters of its secret and checksum
)

// lint refuses claims that must not be signed at now by a ring whose longest
// token lives for maxLife.
func (c *Claims) lint(now time.Time, maxLife time.Duration) error {
	for _, m := range [...]struct {
		name, value string
		required    bool
	}{
		{"iss", c.Issuer, true},
		{"sub", c.Subject, true},
		{"jti", c.ID, true},
		{"client_id", c.ClientID, true},
		{"azp", c.AuthorizedParty, true},
		{"pat_id", c.PATID, true},
		{"pat_level", c.PATLevel, true},
		{"org", c.Organization, true},
		{"scope", c.Scope, false},
		{"pat_level_id", c.PATLevelID, false},
		{"pat_role", c.PATRole, false},
		{"name", c.Name, false},
		{"preferred_username", c.PreferredUsername, false},
		{"email", c.Email, false},
	} {
		if m.value == "" && !m.required {
			continue
		}
		if err := lintText(m.name, m.value); err != nil {
			return err
		}
	}
	if len(c.Audience) == 0 {
		return fmt.Errorf("%w: aud is missing", ErrClaims)
	}
	if err := errors.Join(lintList("aud", c.Audience), lintList("groups", c.Groups), lintList("roles", c.Roles)); err != nil {
		return err
	}
	switch {
	case c.PATGeneration < 0:
		return fmt.Errorf("%w: pat_gen is negative", ErrClaims)
	case !validTokenID(c.ID):
		return fmt.Errorf("%w: jti is not 128 bits or more in lowercase hex", ErrClaims)
	case c.Scope != "" && !validScope(c.Scope):
		return fmt.Errorf("%w: scope is not a list of scope tokens (RFC 6749 §3.3)", ErrClaims)
	}
	if err := c.lintExtra(); err != nil {
		return err
	}
	return c.lintTimes(now, maxLife)
}

// takenClaims are those that a JWT has by itself, or that mean something to whoever
// verifies one (RFC 7519 §4.1, RFC 8693 §4, RFC 7800 §3.1, OpenID Connect Core §2).
func takenClaims() []string {
	return []string{
		"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "azp", "scope", "pat_id", "pat_gen", "pat_level", "pat_level_id", "pat_role", "org",
		"groups", "roles", "name", "preferred_username", "email", "email_verified", "act", "may_act", "cnf", "nonce", "acr", "amr", "auth_time", "entitlements",
	}
}

// TakenClaim reports whether a claim's name is none for Claims.Extra.
func TakenClaim(name string) bool {
	return slices.Contains(takenClaims(), strings.ToLower(name)) || lintText("a name", name) != nil
}

func (c *Claims) lintExtra() error {
	for name, value := range c.Extra {
		if TakenClaim(name) {
			return fmt.Errorf("%w: an extra claim has a name that is taken", ErrClaims)
		}
		if err := lintText("an extra claim", value); err != nil {
			return err
		}
	}
	return nil
}

// lintTimes also holds exp against the ring's own clock: a key is published
// only for maxLife and the skew after it last signed.
func (c *Claims) lintTimes(now time.Time, maxLife time.Duration) error {
	switch {
	case c.IssuedAt.Unix() <= 0 || c.IssuedAt.Nanosecond() != 0 || c.Expiry.Nanosecond() != 0:
		return fmt.Errorf("%w: iat and exp must be whole seconds", ErrClaims)
	case !c.Expiry.After(c.IssuedAt):
		return fmt.Errorf("%w: exp is not after iat", ErrClaims)
	case c.Expiry.Sub(c.IssuedAt) > maxLife:
		return fmt.Errorf("%w: exp is more than %s after iat", ErrClaims, maxLife)
	case c.Expiry.After(now.Add(maxLife + clockSkew)):
		return fmt.Errorf("%w: exp is more than %s after now", ErrClaims, maxLife)
	}
	return nil
}

func lintList(name string, values []string) error {
	for _, value := range values {
		if err := lintText(name, value); err != nil {
			return err
		}
	}
	return nil
}

func lintText(name, value string) error {
	switch {
	case value == "":
		return fmt.Errorf("%w: %s is missing or has an empty element", ErrClaims, name)
	case !printable(value):
		return fmt.Errorf("%w: %s has a control character or is not UTF-8", ErrClaims, name)
	case holdsSecret(value):
		return fmt.Errorf("%w: %s holds what looks like a token's secret", ErrClaims, name)
	}
	return nil
}

// printable reports whether s is UTF-8 without control characters.
func printable(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
		case c < ' ' || c == 0x7f:
			return false
		}
	}
	return true
}

// holdsSecret reports whether s contains <id>_<secret><checksum>, the tail of a
// personal access token under any prefix.
func holdsSecret(s string) bool {
	for at := patIDLen; at < len(s)-patSecretLen; at++ {
		if s[at] == '_' && allBytes(s[at-patIDLen:at], isHex) && allBytes(s[at+1:at+1+patSecretLen], isBase62) {
			return true
		}
	}
	return false
}

func validTokenID(s string) bool {
	return len(s) >= minIDLen && len(s) <= maxIDLen && len(s)%2 == 0 && allBytes(s, isLowerHex)
}

// validScope holds s against scope-token *( SP scope-token ), RFC 6749 §3.3.
func validScope(s string) bool {
	for token := range strings.SplitSeq(s, " ") {
		if token == "" || !allBytes(token, isScopeByte) {
			return false
		}
	}
	return true
}

func allBytes(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func isLowerHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

func isHex(c byte) bool { return isLowerHex(c) || 'A' <= c && c <= 'F' }

func isBase62(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isScopeByte(c byte) bool { return c > ' ' && c <= '~' && c != '"' && c != '\\' }
