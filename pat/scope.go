package pat

import (
	"slices"
	"strings"
)

// Scopes with a meaning of their own. All others are application scopes,
// <system>:<thing>:<action>.
const (
	ScopeAll         = "sp:scopes:all"     // everything the owner may do
	ScopeDefault     = "sp:scopes:default" // nothing that needs a right
	ScopeOpenID      = "openid"
	ScopeProfile     = "profile"
	ScopeCredentials = "credentials" // only where it is asked for by name
	// ScopeAdminister is all that the owner's administrative roles allow at the
	// management API. ScopeAll covers it.
	ScopeAdminister = "cambio:administer"
)

const (
	maxScopes      = 100
	maxScopeLength = 200 // bytes
	// MaxScopesLength is how long scopes are together at most, in bytes, with a
	// blank between each two: a JWT has to hold them.
	MaxScopesLength = 4096
)

// ValidScope reports whether s is one scope-token of RFC 6749 §3.3, of bearable
// length. One that could be a token's secret is none: scopes are stored, audited
// and told to services.
func ValidScope(s string) bool {
	if s == "" || len(s) > maxScopeLength {
		return false
	}
	run := 0 // of characters that secrets are made of
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
		if run++; !strings.Contains(alphabet, s[i:i+1]) {
			run = 0
		}
		if run == secretLen {
			return false
		}
	}
	return true
}

// CanonicalScope spells the alias prefix "sp:" of a right as "idn:". The two
// scopes that only exist with "sp:" stay.
func CanonicalScope(scope string) string {
	if rest, ok := strings.CutPrefix(scope, "sp:"); ok && !strings.HasPrefix(rest, "scopes:") {
		return "idn:" + rest
	}
	return scope
}

// ReservedScope reports whether a scope belongs to the management API alone:
// the names under idn:, sp: and cambio:.
func ReservedScope(scope string) bool {
	return strings.HasPrefix(scope, "idn:") || strings.HasPrefix(scope, "sp:") || strings.HasPrefix(scope, "cambio:")
}

// Covers reports whether a token with the held scopes may ask for scope. A
// manage right covers its read right; ScopeAll covers every right and every
// application scope, but not who the owner is (openid, profile) nor
// credentials, which only a token that names them has.
func Covers(held []string, scope string) bool {
	scope = CanonicalScope(scope)
	named := scope == ScopeOpenID || scope == ScopeProfile || scope == ScopeCredentials
	return slices.ContainsFunc(held, func(have string) bool {
		have = CanonicalScope(have)
		if have == ScopeAll && !named {
			return true
		}
		right, manages := strings.CutSuffix(have, ":manage")
		return have == scope || manages && strings.HasPrefix(have, "idn:") && scope == right+":read"
	})
}
