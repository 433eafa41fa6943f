package exchange

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/wildcard"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// AnyScope is the scope list of a service that takes every application scope.
const AnyScope = "*"

// Service is a downstream audience: who may get which scopes there, and what
// its JWTs tell.
type Service struct {
	Audience string // byte-exact in the JWT's aud
	Name     string
	// Organizations has the names of those whose owners it exists for; nil: every
	// organization. Its roles and groups are those of the owner's own organization.
	Organizations []string
	// AnyScope takes every application scope; Scopes is not used then.
	AnyScope bool
	// Scopes maps each scope to the roles and groups it is granted to, by name.
	Scopes      map[string][]string
	MaxLifetime time.Duration // of its JWTs; 0: the policy's
	Alg         keys.Alg      // empty: the ring's default
	Claims      Claims
	management  bool
	// What a decision for it alone has, the same each time.
	alone    []*Service
	audience []string
}

// Claims says what a service's JWTs tell of the owner; the zero value: nothing.
type Claims struct{ Roles, Groups, Name, Email ClaimRule }

// ClaimRule selects values for a claim; the zero value selects none.
type ClaimRule struct {
	Match string // a pattern in which * stands for any characters; empty: no claim
	Max   int    // at most so many, in order; 0: DefaultClaimMax
}

const (
	// DefaultClaimMax bounds a claim whose rule names no bound.
	DefaultClaimMax = 50
	// maxClaimBytes bounds what a claim lists, whatever Max is: a JWT has to fit into
	// a header. Names past it are left out.
	maxClaimBytes = 3072
)

// apply returns the names that match, at most Max, and maxClaimBytes in all.
func (r ClaimRule) apply(names []string) []string {
	if r.Match == "" {
		return nil
	}
	limit := r.Max
	if limit <= 0 {
		limit = DefaultClaimMax
	}
	var selected []string
	bytes := 0
	for _, name := range names {
		if len(selected) == limit || bytes+len(name) > maxClaimBytes {
			break
		}
		if wildcard.Matches(r.Match, name) {
			selected, bytes = append(selected, name), bytes+len(name)
		}
	}
	return selected
}

// Services is the registry of audiences. It is immutable and safe to share.
type Services struct {
	byAudience map[string]*Service
	all        []*Service
	fallback   string
	management string
}

// ManagementPath is appended to the issuer for the audience of the management API.
const ManagementPath = "/api/v1"

// NewServices returns the registry with the management API of issuer in it.
// fallback is the audience of a request that names none; empty: such a request is refused.
func NewServices(issuer, fallback string, services ...Service) (*Services, error) {
	registry := &Services{byAudience: make(map[string]*Service), fallback: fallback, management: issuer + ManagementPath}
	for _, service := range append(slices.Clone(services), managementService(registry.management)) {
		if err := service.validate(); err != nil {
			return nil, fmt.Errorf("service %q: %w", service.Audience, err)
		}
		if registry.byAudience[service.Audience] != nil {
			return nil, fmt.Errorf("service %q: the audience is used twice", service.Audience)
		}
		service.alone, service.audience = []*Service{&service}, []string{service.Audience}
		registry.byAudience[service.Audience] = &service
		registry.all = append(registry.all, &service)
	}
	if fallback != "" && registry.byAudience[fallback] == nil {
		return nil, fmt.Errorf("default audience %q: no service has it", fallback)
	}
	return registry, nil
}

func (s *Service) validate() error {
	if s.Audience == "" || strings.ContainsAny(s.Audience, " \t\r\n#") {
		return errors.New("an audience is a name or URI without space and fragment")
	}
	if s.Organizations != nil && (len(s.Organizations) == 0 || slices.Contains(s.Organizations, "")) {
		return errors.New("name the organizations that may use it, or leave them out for all")
	}
	for scope := range s.Scopes {
		if !pat.ValidScope(scope) || (!s.management && pat.ReservedScope(scope)) {
			return fmt.Errorf("scope %q: reserved, or no scope by RFC 6749 §3.3", scope)
		}
	}
	return nil
}

// managementService is the management API as a service: its scopes are the
// rights, each granted to whoever has it.
func managementService(audience string) Service {
	scopes := make(map[string][]string)
	for _, right := range directory.Rights() {
		scopes[string(right)] = nil
	}
	scopes[pat.ScopeDefault], scopes[pat.ScopeAdminister] = nil, nil
	return Service{Audience: audience, Name: "Cambio management API", Scopes: scopes, management: true}
}

// Management returns the audience of the management API.
func (r *Services) Management() string { return r.management }

// Default returns the audience of a request that names none; empty: there is none.
func (r *Services) Default() string { return r.fallback }

// Has reports whether a service, or the management API, has the audience and exists for
// the owners of an organization, of this name as of now. Empty: it is not known, and what
// names organizations does not exist for it.
func (r *Services) Has(audience, organization string) bool {
	_, ok := r.find(audience, organization)
	return ok
}

func (r *Services) find(audience, organization string) (*Service, bool) {
	service, ok := r.byAudience[audience]
	if !ok || service.Organizations != nil && !slices.Contains(service.Organizations, organization) {
		return nil, false
	}
	return service, true
}

// All returns the services in the order they were given; they must not be changed.
func (r *Services) All() []*Service { return r.all }

// grants reports whether the service gives scope to an owner with access now.
func (s *Service) grants(scope string, access *directory.Access) bool {
	if scope == pat.ScopeOpenID || scope == pat.ScopeProfile {
		return true
	}
	if s.management {
		canonical := pat.CanonicalScope(scope)
		_, known := s.Scopes[canonical]
		return known && grantsManagement(canonical, access)
	}
	if pat.ReservedScope(scope) || scope == pat.ScopeCredentials {
		return false
	}
	if s.AnyScope {
		return true
	}
	return slices.ContainsFunc(s.Scopes[scope], func(grantee string) bool {
		if role := directory.Role(grantee); role.Known() { // also where a group has the name
			return access.HoldsOrganizationRole(role)
		}
		return access.InGroup(grantee)
	})
}

// grantsManagement reports whether an owner with access now has use for a scope of the
// management API. Having it in a JWT gives no right: that is looked up at each use.
func grantsManagement(scope string, access *directory.Access) bool {
	switch scope {
	case pat.ScopeDefault:
		return true
	case pat.ScopeAdminister:
		return access.Administers()
	case string(directory.ReadAllTokens), string(directory.ManageAllTokens): // tokens of groups and organizations too
		return access.HasRight(directory.Right(scope)) || access.HoldsAnywhere(directory.OrganizationAdmin, directory.GroupAdmin)
	default:
		return access.HasRight(directory.Right(scope))
	}
}

// defines reports whether a scope has a meaning at the service, granted or not.
func (s *Service) defines(scope string) bool {
	if s.management {
		_, known := s.Scopes[pat.CanonicalScope(scope)]
		return known
	}
	_, known := s.Scopes[scope]
	return known
}

// Granted lists the scopes, by name, that the service grants to who has this access;
// none of one that takes every application scope.
func (s *Service) Granted(access *directory.Access) []string {
	return slices.DeleteFunc(s.spelledOut(), func(scope string) bool { return !s.grants(scope, access) })
}
