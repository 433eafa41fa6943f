package exchange

import (
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// MaxTargets is how many audiences and resources one request may name together.
const MaxTargets = 4

// Decision is what a use may get: all that a JWT will say beyond who it is for.
type Decision struct {
	Services []*Service
	Audience []string  // never empty
	Scope    []string  // never empty
	IssuedAt time.Time // whole seconds
	Expiry   time.Time // whole seconds
	// Credentials says that credentials of other systems are issued beside it.
	Credentials bool
	// ExpiresIn is what is left of it, in whole seconds, never more than is left of the PAT.
	ExpiresIn int64
}

// targets resolves what a request names to services that exist for an organization, in
// its order and once each (RFC 8693 §2.1, RFC 8707 §2).
func (r *Services) targets(audiences, resources []string, fallback, organization string) ([]*Service, error) {
	if len(audiences)+len(resources) > MaxTargets {
		return nil, &TargetError{"at most 4 audience and resource parameters together"}
	}
	for _, resource := range resources {
		if parsed, err := url.Parse(resource); err != nil || !parsed.IsAbs() || strings.Contains(resource, "#") {
			return nil, &TargetError{"resource must be an absolute URI without a fragment"}
		}
	}
	named := slices.Concat(audiences, resources)
	if len(named) == 0 {
		if fallback == "" {
			return nil, &TargetError{"audience or resource is needed: no default audience is configured"}
		}
		named = []string{fallback}
	}
	var services []*Service
	for _, name := range named {
		service, ok := r.find(name, organization)
		if !ok {
			return nil, &TargetError{"unknown or not permitted audience or resource"}
		}
		if services == nil {
			services = service.alone // without spare room, so that an append copies it
		} else if !slices.Contains(services, service) {
			services = append(services, service)
		}
	}
	return services, nil
}

// permitTargets refuses services that the token is not meant for.
func permitTargets(services []*Service, record *pat.Record) error {
	for _, service := range services {
		if len(record.Audience) > 0 && !slices.Contains(record.Audience, service.Audience) {
			return &TargetError{"unknown or not permitted audience or resource"}
		}
	}
	return nil
}

// parseScope splits the scope parameter (RFC 6749 §3.3). asked is false for an absent or
// empty one.
func parseScope(text string) (scopes []string, asked bool, err error) {
	for scope := range strings.SplitSeq(text, " ") {
		switch {
		case scope == "":
		case !pat.ValidScope(scope):
			return nil, false, &ScopeError{"scope is malformed"}
		case !slices.Contains(scopes, scope):
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) > maxRequestedScopes || len(text) > pat.MaxScopesLength {
		return nil, false, &ScopeError{"scope names too many scopes"}
	}
	return scopes, len(scopes) > 0, nil
}

const maxRequestedScopes = 100

// decideScope returns requested ∩ the token's ∩ the services' ∩ what they grant
// to the owner now. Asking for what the token does not hold is refused; what
// falls away otherwise is dropped.
//
// One JWT for several services must not carry a scope from one to another: a
// scope is granted if some service grants it and none that gives it a meaning refuses it.
// The management API gives none beside another service, which would hold a JWT that
// manages the owner's tokens; AuthenticateJWT takes none from such a JWT either.
//
// The scope credentials is no service's: it is granted where there are some for the
// owner (associated).
func decideScope(requested []string, asked, associated bool, held []string, services []*Service, access *directory.Access) ([]string, error) {
	if asked {
		for _, scope := range requested {
			if !pat.Covers(held, scope) {
				return nil, &ScopeError{"the token does not hold every requested scope"}
			}
		}
	} else {
		requested = impliedScopes(held, services)
	}
	granted := requested[:0] // nobody else has it
	for _, scope := range requested {
		grantable := associated && scope == pat.ScopeCredentials || grantedByAll(scope, asked, services, access)
		if grantable && !slices.Contains(granted, scope) {
			granted = append(granted, scope)
		}
	}
	if len(granted) == 0 {
		return nil, &ScopeError{"none of the scopes is granted to the owner at this audience"}
	}
	return granted, nil
}

// impliedScopes is what a request without scope asks for: the token's scopes,
// ScopeAll spelled out as the services' own. Never credentials.
func impliedScopes(held []string, services []*Service) []string {
	var implied []string
	for _, scope := range held {
		if scope == pat.ScopeCredentials {
			continue
		}
		if scope == pat.ScopeAll {
			for _, service := range services {
				if !service.AnyScope {
					implied = append(implied, service.spelledOut()...)
				}
			}
		}
		implied = append(implied, scope)
	}
	return implied
}

// spelledOut lists the scopes that ScopeAll stands for at the service, sorted.
func (s *Service) spelledOut() []string {
	names := slices.Sorted(maps.Keys(s.Scopes))
	return slices.DeleteFunc(names, func(scope string) bool { return scope == pat.ScopeDefault })
}

func grantedByAll(scope string, asked bool, services []*Service, access *directory.Access) bool {
	some := false
	for _, service := range services {
		switch {
		case service.management && len(services) > 1: // its scopes need a JWT of their own
		case service.grants(scope, access), service.AnyScope && !asked && (scope == pat.ScopeAll || scope == pat.ScopeDefault):
			some = true
		case service.defines(scope):
			return false
		}
	}
	return some
}

// decideLife returns when a JWT minted at now begins and ends: the token's wish
// or the organization's default, capped by policy, services and the token's own
// end. false: less than a second is left.
func decideLife(now time.Time, record *pat.Record, policy *directory.Policy, services []*Service) (d Decision, ok bool) {
	life := record.AccessTokenLife
	if life == 0 {
		life = time.Duration(policy.DefaultAccessTokenSeconds) * time.Second
	}
	if policy.MaxAccessTokenSeconds > 0 {
		life = min(life, time.Duration(policy.MaxAccessTokenSeconds)*time.Second)
	}
	for _, service := range services {
		if service.MaxLifetime > 0 {
			life = min(life, service.MaxLifetime)
		}
	}
	life = min(life, pat.MaxAccessTokenLife).Truncate(time.Second)
	d.IssuedAt = now.UTC().Truncate(time.Second)
	d.Expiry = d.IssuedAt.Add(life)
	left := life
	if end := pat.EffectiveExpiration(record, policy); !end.IsZero() && end.Before(now.Add(life)) {
		d.Expiry = end.UTC().Truncate(time.Second)
		left = d.Expiry.Sub(now)
		if left < time.Second {
			return Decision{}, false
		}
	}
	d.ExpiresIn = int64(left / time.Second)
	return d, true
}

// permitNetwork reports whether peer lies in the networks that the token and
// its organization allow; none listed allows any.
func permitNetwork(peer netip.Addr, record *pat.Record, policy *directory.Policy) bool {
	peer = peer.Unmap()
	inside := func(network netip.Prefix) bool { return network.Contains(peer) }
	if len(record.Networks) > 0 && !slices.ContainsFunc(record.Networks, inside) {
		return false
	}
	if len(policy.AllowedNetworks) == 0 {
		return true
	}
	return slices.ContainsFunc(policy.AllowedNetworks, func(text string) bool {
		networks, err := pat.ParseNetworks("allowedNetworks", []string{text})
		return err == nil && inside(networks[0])
	})
}
