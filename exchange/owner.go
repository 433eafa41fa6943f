package exchange

import (
	"slices"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// describeOwner adds what the services' claims and the scope profile ask for,
// and nothing else. One JWT for several services tells only what all of them ask for.
func (e *Exchanger) describeOwner(claims *keys.Claims, d Decision, p *presented) {
	profile := slices.Contains(d.Scope, pat.ScopeProfile)
	name := selected([]string{p.Owner.DisplayName}, d.Services, func(c *Claims) ClaimRule { return c.Name })
	if profile || len(name) > 0 {
		claims.Name = p.Owner.DisplayName
	}
	if profile {
		claims.PreferredUsername = p.Owner.Username
	}
	email := selected([]string{p.Owner.Email}, d.Services, func(c *Claims) ClaimRule { return c.Email })
	if profile || len(email) > 0 {
		claims.Email = p.Owner.Email
	}
	claims.Groups = selected(p.access.Groups(), d.Services, func(c *Claims) ClaimRule { return c.Groups })
	claims.Roles = selected(roleNames(&p.access), d.Services, func(c *Claims) ClaimRule { return c.Roles })
}

// selected returns what the rules of all services let through.
func selected(values []string, services []*Service, rule func(*Claims) ClaimRule) []string {
	for _, service := range services {
		values = rule(&service.Claims).apply(values)
	}
	return values
}

func roleNames(access *directory.Access) []string {
	var names []string
	for _, role := range access.Roles() {
		names = append(names, string(role))
	}
	return names
}
