package pat_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/pat"
)

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		name  string
		held  []string
		scope string
		want  bool
	}{
		{"itself", []string{"orders:read"}, "orders:read", true},
		{"another", []string{"orders:read"}, "orders:write", false},
		{"nothing held", nil, "orders:read", false},
		{"all covers an application scope", []string{pat.ScopeAll}, "orders:read", true},
		{"all covers a right", []string{pat.ScopeAll}, "idn:my-personal-access-tokens:manage", true},
		{"all covers introspection", []string{pat.ScopeAll}, "cambio:introspect", true},
		{"all covers itself", []string{pat.ScopeAll}, pat.ScopeAll, true},
		{"all is not openid", []string{pat.ScopeAll}, pat.ScopeOpenID, false},
		{"all is not profile", []string{pat.ScopeAll}, pat.ScopeProfile, false},
		{"all is not credentials", []string{pat.ScopeAll}, pat.ScopeCredentials, false},
		{"credentials by name", []string{pat.ScopeCredentials}, pat.ScopeCredentials, true},
		{"nothing covers all but all", []string{"orders:read", pat.ScopeDefault}, pat.ScopeAll, false},
		{"default is had like any other", []string{"orders:read"}, pat.ScopeDefault, false},
		{"all covers default", []string{pat.ScopeAll}, pat.ScopeDefault, true},
		{"default covers default", []string{pat.ScopeDefault}, pat.ScopeDefault, true},
		{"default covers nothing", []string{pat.ScopeDefault}, "orders:read", false},
		{"manage includes read", []string{"idn:my-personal-access-tokens:manage"}, "idn:my-personal-access-tokens:read", true},
		{"read does not include manage", []string{"idn:my-personal-access-tokens:read"}, "idn:my-personal-access-tokens:manage", false},
		{"sp is idn", []string{"sp:my-personal-access-tokens:manage"}, "idn:my-personal-access-tokens:read", true},
		{"idn is sp", []string{"idn:my-personal-access-tokens:read"}, "sp:my-personal-access-tokens:read", true},
		{"manage of one is not read of another", []string{"idn:my-personal-access-tokens:manage"}, "idn:all-personal-access-tokens:read", false},
		{"an application's manage includes nothing", []string{"orders:manage"}, "orders:read", false},
	} {
		require.Equal(t, c.want, pat.Covers(c.held, c.scope), c.name)
	}
}

func TestCoversIsMonotone(t *testing.T) {
	scopes := rapid.SampledFrom([]string{
		pat.ScopeAll, pat.ScopeDefault, pat.ScopeOpenID, pat.ScopeProfile, pat.ScopeCredentials, "orders:read", "orders:manage",
		"idn:my-personal-access-tokens:manage", "sp:my-personal-access-tokens:read", "cambio:introspect",
	})
	rapid.Check(t, func(t *rapid.T) {
		held, more, asked := rapid.SliceOf(scopes).Draw(t, "held"), scopes.Draw(t, "more"), scopes.Draw(t, "asked")
		if pat.Covers(held, asked) {
			require.True(t, pat.Covers(append(held, more), asked), "a token with more scopes covers no less")
		}
	})
}

func TestValidScope(t *testing.T) {
	for _, good := range []string{"a", "orders:read", "!#[]~", "sp:scopes:all", strings.Repeat("a", 42) + ":" + strings.Repeat("b", 42)} {
		require.True(t, pat.ValidScope(good), good)
	}
	for _, bad := range []string{"", " ", "a b", `a"b`, `a\b`, "a\x00", "ü", "\x7f", string(make([]byte, 201)), strings.Repeat("0", 43), "a:" + strings.Repeat("z", 49) + ":b"} {
		require.False(t, pat.ValidScope(bad), bad)
	}
}
