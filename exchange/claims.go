package exchange

import (
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// claims builds what the JWT says, from the decision and the stored records.
func (e *Exchanger) claims(d Decision, p *presented) (keys.Claims, error) {
	subject, err := e.subject(&p.Owner)
	if err != nil {
		return keys.Claims{}, err
	}
	record := &p.Record
	claims := keys.Claims{
		Issuer: e.Issuer, Subject: subject, Audience: d.Audience, IssuedAt: d.IssuedAt, Expiry: d.Expiry, ID: id.New(),
		ClientID: string(record.ID), AuthorizedParty: string(record.ID), Scope: strings.Join(d.Scope, " "), PATID: string(record.ID),
		PATGeneration: record.Generation, PATLevel: string(record.Level), PATLevelID: string(record.LevelID), PATRole: string(levelRole(record, &p.access)),
		Organization: string(record.Organization),
	}
	e.describeOwner(&claims, d, p)
	return claims, nil
}

// subject returns the sub of an identity's JWTs. One that lacks what the deployment
// names as the subject has none: a *DeniedError.
func (e *Exchanger) subject(owner *directory.Identity) (string, error) {
	subject := string(owner.ID)
	switch e.Subject {
	case SubjectExternalID:
		subject = owner.ExternalID
	case SubjectUsername:
		subject = owner.Username
	case SubjectID:
	}
	if subject == "" {
		return "", &DeniedError{Cause: CauseSubject, Description: "its owner has no external id, which access tokens name as their subject"}
	}
	return subject, nil
}

// levelRole is the role that a group or organization token acts with, as long as its
// technical user holds it; empty for any other.
func levelRole(record *pat.Record, access *directory.Access) directory.Role {
	role, scope := directory.OrganizationUser, directory.OnOrganization
	switch {
	case record.Level == pat.Personal:
		return ""
	case record.Level == pat.Group && record.AdminRole:
		role, scope = directory.GroupAdmin, directory.OnGroup
	case record.Level == pat.Group:
		role, scope = directory.GroupUser, directory.OnGroup
	case record.AdminRole:
		role = directory.OrganizationAdmin
	}
	if !access.HoldsRole(role, scope, record.LevelID) {
		return ""
	}
	return role
}

// describeOwner adds what the services' claims and the scope profile ask for,
// and nothing else. One JWT for several services tells only what all of them ask for.
func (e *Exchanger) describeOwner(claims *keys.Claims, d Decision, p *presented) {
	profile := slices.Contains(d.Scope, pat.ScopeProfile)
	name := selected(func() []string { return []string{p.Owner.DisplayName} }, d.Services, func(c *Claims) ClaimRule { return c.Name })
	if profile || len(name) > 0 {
		claims.Name = p.Owner.DisplayName
	}
	if profile {
		claims.PreferredUsername = p.Owner.Username
	}
	email := selected(func() []string { return []string{p.Owner.Email} }, d.Services, func(c *Claims) ClaimRule { return c.Email })
	if profile || len(email) > 0 {
		claims.Email = p.Owner.Email
	}
	claims.Groups = selected(p.access.Groups, d.Services, func(c *Claims) ClaimRule { return c.Groups })
	claims.Roles = selected(func() []string { return roleNames(&p.access) }, d.Services, func(c *Claims) ClaimRule { return c.Roles })
}

// selected returns what the rules of all services let through; all is asked for only
// where that may be something.
func selected(all func() []string, services []*Service, rule func(*Claims) ClaimRule) []string {
	for _, service := range services {
		if rule(&service.Claims).Match == "" {
			return nil
		}
	}
	values := all()
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
