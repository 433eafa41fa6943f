package directory

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
)

const (
	maxLifetime    = 100 * 365 * 24 * 60 * 60 // seconds
	minAccessToken = 15                       // seconds
	maxAccessToken = 43200                    // seconds
	maxTokens      = 1000
	maxDays        = 3650
	maxScopes      = 100
	maxScope       = 200 // bytes
	maxNetworks    = 100
)

// Validate returns a *FieldError for each member that no organization may have,
// joined.
func (p *Policy) Validate() error {
	var errs []error
	within := func(field string, n, least, most int64) {
		if n < least || n > most {
			errs = append(errs, Broken(field, RuleRange, least, most))
		}
	}
	within("maxLifetimeSeconds", p.MaxLifetimeSeconds, 0, maxLifetime)
	if p.DefaultLifetimeSeconds != nil {
		within("defaultLifetimeSeconds", *p.DefaultLifetimeSeconds, 1, maxLifetime)
		if p.MaxLifetimeSeconds > 0 && *p.DefaultLifetimeSeconds > p.MaxLifetimeSeconds {
			errs = append(errs, Broken("defaultLifetimeSeconds", RuleNotAbove, "maxLifetimeSeconds"))
		}
	}
	within("maxTokensPerOwner", int64(p.MaxTokensPerOwner), 0, maxTokens)
	within("defaultAccessTokenSeconds", p.DefaultAccessTokenSeconds, minAccessToken, maxAccessToken)
	within("maxAccessTokenSeconds", p.MaxAccessTokenSeconds, minAccessToken, maxAccessToken)
	if p.DefaultAccessTokenSeconds > p.MaxAccessTokenSeconds {
		errs = append(errs, Broken("defaultAccessTokenSeconds", RuleNotAbove, "maxAccessTokenSeconds"))
	}
	within("logonInactivityDays", int64(p.LogonInactivityDays), 0, maxDays)
	within("unusedRevokeDays", int64(p.UnusedRevokeDays), 0, maxDays)
	return errors.Join(append(errs, validScopes(p.DefaultScopes), validNetworks(p.AllowedNetworks))...)
}

// validScopes accepts scope-tokens of RFC 6749 §3.3.
func validScopes(scopes []string) error {
	if len(scopes) > maxScopes {
		return Broken("defaultScopes", RuleMaxEntries, maxScopes)
	}
	seen := make(map[string]bool, len(scopes))
	for _, scope := range scopes {
		if !validScope(scope) {
			return Broken("defaultScopes", RuleScopeEntry, maxScope)
		}
		if seen[scope] {
			return Broken("defaultScopes", RuleUnique)
		}
		seen[scope] = true
	}
	return nil
}

func validScope(scope string) bool {
	if scope == "" || len(scope) > maxScope {
		return false
	}
	for i := range len(scope) {
		if c := scope[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// validNetworks accepts CIDRs and single addresses. An IPv4 network that is written
// as IPv6 would contain no address: those are compared as what they are.
func validNetworks(texts []string) error {
	if len(texts) > maxNetworks {
		return Broken("allowedNetworks", RuleMaxEntries, maxNetworks)
	}
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			addr, addrErr := netip.ParseAddr(text)
			if addrErr != nil || addr.Zone() != "" {
				return Broken("allowedNetworks", RuleNetwork)
			}
			network = netip.PrefixFrom(addr, addr.BitLen())
		}
		if network.Addr().Is4In6() {
			return Broken("allowedNetworks", RuleNetworkVersion)
		}
	}
	return nil
}

// clone returns a copy that shares nothing with p.
func (p *Policy) clone() Policy {
	out := *p
	if p.DefaultLifetimeSeconds != nil {
		out.DefaultLifetimeSeconds = new(*p.DefaultLifetimeSeconds)
	}
	out.DefaultScopes, out.AllowedNetworks = slices.Clone(p.DefaultScopes), slices.Clone(p.AllowedNetworks)
	return out
}

// equal reports whether the two decide alike; an empty list is none.
func (p *Policy) equal(other *Policy) bool {
	a, b := *p, *other
	if !slices.Equal(a.DefaultScopes, b.DefaultScopes) || !slices.Equal(a.AllowedNetworks, b.AllowedNetworks) {
		return false
	}
	a.DefaultScopes, b.DefaultScopes, a.AllowedNetworks, b.AllowedNetworks = nil, nil, nil, nil
	return reflect.DeepEqual(a, b)
}
