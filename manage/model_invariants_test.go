package manage_test

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/pat"
)

// step is one call of a use case.
type step struct {
	name   string
	by     directory.Identity
	token  *pat.Record // that the caller acts by; nil: a session
	scope  []string
	err    error
	shown  []directory.ID // the organizations of all that was returned
	before *state
	after  *state

	membership bool // puts somebody into a group
	platform   bool // of organizations and role assignments, where platform_admin is at home
	levelToken bool // of a token of a group or an organization
	partly     bool // may fail half-way
}

// covers reports whether a scope is among those of a token, by its documentation.
func covers(held []string, scope string) bool {
	canonical := func(s string) string {
		if strings.HasPrefix(s, "sp:") && !strings.HasPrefix(s, "sp:scopes:") {
			return "idn:" + strings.TrimPrefix(s, "sp:")
		}
		return s
	}
	return slices.ContainsFunc(held, func(have string) bool {
		have, scope := canonical(have), canonical(scope)
		named := scope == "openid" || scope == "profile" || scope == "credentials"
		return have == scope || have == "sp:scopes:all" && !named ||
			strings.HasSuffix(have, ":manage") && strings.HasPrefix(have, "idn:") && scope == strings.TrimSuffix(have, "manage")+"read"
	})
}

// check proves what holds after any step.
func (s *step) check(t *rapid.T) {
	t.Helper()
	if s.err != nil && !s.partly && !errors.Is(s.err, fault.ErrUnavailable) {
		s.before.now = s.after.now
		require.True(t, reflect.DeepEqual(s.before, s.after), "%s was refused (%v), and did something", s.name, s.err)
	}
	s.nobodyGains(t)
	for id, after := range s.after.tokens {
		before, was := s.before.tokens[id]
		s.notWider(t, &before, &after, was)
		s.withinLimit(t, &before, &after, was)
		ended := was && before.State != pat.StateActive
		final := before.Level == pat.Personal || before.State == pat.StateAutoRevoked || !before.Reversible || before.RevokeReason == pat.Compromised
		require.False(t, ended && final && after.State == pat.StateActive, "%s: a token that ended for good lives again", s.name)
	}
	s.keepsToItsOrganization(t)
	require.False(t, s.before.administrators() > 0 && s.after.administrators() == 0, "%s: nobody administers the platform", s.name)
}

func (s *state) administrators() int {
	n := 0
	for _, assignment := range s.assignments {
		if assignment.Role == directory.PlatformAdmin {
			n++
		}
	}
	return n
}

// nobodyGains: what the caller neither holds nor may assign.
func (s *step) nobodyGains(t *rapid.T) {
	t.Helper()
	held := s.before.powersOf(s.by.ID)
	for id, after := range s.after.people {
		before, was := s.before.people[id]
		for _, gained := range s.after.powersOf(id).without(s.before.powersOf(id)) {
			made := !was && after.Type == directory.TechnicalUser
			if gained.plain() && (s.membership || made && s.levelToken) {
				continue
			}
			require.True(t, held[gained] || s.mayAssign(held, gained), "%s by %s with %v: %s gains %v", s.name, s.by.Username, s.scope, after.Username, gained)
			require.True(t, covers(s.scope, pat.ScopeAdminister) || s.levelToken && covers(s.scope, string(directory.ManageAllTokens)),
				"%s by a token with %v: %s gains %v", s.name, s.scope, after.Username, gained)
		}
		if was && (before.Username != after.Username || before.ExternalID != after.ExternalID || before.Email != after.Email ||
			before.Issuer != after.Issuer || before.Subject != after.Subject) {
			s.takesOver(t, held, id)
		}
	}
	for id, after := range s.after.tokens {
		if before, was := s.before.tokens[id]; was && before.Verifier != after.Verifier && before.Owner != s.by.ID {
			s.takesOver(t, held, before.Owner)
		}
	}
}

// takesOver: who decides how somebody logs in, or is told the secret of their token, has
// what they have.
func (s *step) takesOver(t *rapid.T, held powers, whose directory.ID) {
	t.Helper()
	for _, gained := range s.before.powersOf(whose).without(held) {
		require.True(t, gained.plain() || s.mayAssign(held, gained), "%s by %s: takes over %v of %s", s.name, s.by.Username, gained, s.before.people[whose].Username)
	}
}

func (s *step) mayAssign(held powers, wanted power) bool {
	if held[power{role: directory.PlatformAdmin, at: directory.OnPlatform}] {
		return true
	}
	where := s.after.organizationOf(wanted)
	return where == s.by.Organization && held[power{role: directory.ManageSystemSecurityRoles, at: directory.OnOrganization, of: where}]
}

// notWider: than the token by means of which it was made or changed.
func (s *step) notWider(t *rapid.T, before, after *pat.Record, was bool) {
	t.Helper()
	made := !was
	changed := was && (!slices.Equal(before.Scope, after.Scope) || !slices.Equal(before.Audience, after.Audience) || !slices.Equal(before.Networks, after.Networks) ||
		before.Level != after.Level || !before.Expiration.Equal(after.Expiration))
	rotated := was && before.Verifier != after.Verifier
	if s.token == nil || !made && !changed && (!rotated || s.token.ID == after.ID) {
		return
	}
	parent := s.token
	for _, scope := range after.Scope {
		require.True(t, covers(parent.Scope, scope), "%s: scope %q by a token with %v", s.name, scope, parent.Scope)
	}
	if end := s.before.ends(parent); !end.IsZero() {
		own := s.before.ends(after)
		require.False(t, own.IsZero() || own.After(end), "%s: ends %v by a token that ends %v", s.name, own, end)
	}
	reach := map[pat.Level]int{pat.Group: 1, pat.Organization: 2, pat.Personal: 2} // a person's reaches what the person may
	require.LessOrEqual(t, reach[after.Level], reach[parent.Level], "%s: level", s.name)
	if len(parent.Audience) > 0 {
		require.NotEmpty(t, after.Audience, s.name)
		require.Subset(t, parent.Audience, after.Audience, s.name)
	}
	if len(parent.Networks) > 0 {
		require.NotEmpty(t, after.Networks, s.name)
		for _, network := range after.Networks {
			require.True(t, slices.ContainsFunc(parent.Networks, func(outer netip.Prefix) bool {
				return outer.Contains(network.Addr()) && outer.Bits() <= network.Bits()
			}), "%s: network %v", s.name, network)
		}
	}
	if made {
		require.Equal(t, parent.ID, after.CreatedByPAT, s.name)
	}
}

// withinLimit: no token becomes usable beyond the policy.
func (s *step) withinLimit(t *rapid.T, before, after *pat.Record, was bool) {
	t.Helper()
	if was && before.State == after.State && before.Expiration.Equal(after.Expiration) {
		return
	}
	holder := after.LevelID
	if after.Level == pat.Personal {
		holder = after.Owner
	}
	limit := s.before.organizations[after.Organization].Policy.MaxTokensPerOwner
	s.before.now = s.after.now
	if n := s.after.usable(holder); limit > 0 && n > s.before.usable(holder) {
		require.LessOrEqual(t, n, limit, "%s: usable tokens", s.name)
	}
}

// keepsToItsOrganization: nothing of another one is changed or told.
func (s *step) keepsToItsOrganization(t *rapid.T) {
	t.Helper()
	platform := s.platform && s.before.powersOf(s.by.ID)[power{role: directory.PlatformAdmin, at: directory.OnPlatform}]
	for id := range s.before.organizations {
		if id != s.by.Organization && !platform {
			require.True(t, reflect.DeepEqual(s.before.of(id), s.after.of(id)), "%s changes another organization", s.name)
		}
	}
	for _, shown := range s.shown {
		require.True(t, shown == s.by.Organization || platform, "%s tells of another organization", s.name)
	}
}
