package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

const (
	devTokenPrefix = "dev " // names of the tokens that dev makes, and may delete
	devTokensKept  = 3      // of each user
)

// devUser is a built-in user and the token made at this start.
type devUser struct {
	ID  directory.ID `json:"id"`
	PAT devPAT       `json:"pat"`
}

// devPAT is shown on purpose: dev is for trying, on loopback.
type devPAT struct {
	ID     pat.ID `json:"id"`
	Secret string `json:"secret"`
	Token  string `json:"token"`
}

// seed makes the users of dev, unless they are there, and a fresh token for each.
func (n *node) seed(ctx context.Context, organization *directory.Organization) (map[string]devUser, error) {
	users := make(map[string]devUser)
	for _, name := range []string{"alice", "bob", "admin"} {
		identity, err := n.seedIdentity(ctx, organization.ID, name)
		if err != nil {
			return nil, err
		}
		for _, assignment := range devAssignments(&identity) {
			if err := n.directory.Assign(ctx, organization.ID, assignment, directory.Actor{}); err != nil {
				return nil, fmt.Errorf("assign a role to %s: %w", name, err)
			}
		}
		token, err := n.seedToken(ctx, &identity, &organization.Policy)
		if err != nil {
			return nil, fmt.Errorf("make a token for %s: %w", name, err)
		}
		users[name] = devUser{ID: identity.ID, PAT: devPAT{ID: token.ID(), Secret: token.Secret().Reveal(), Token: token.Reveal().Reveal()}}
	}
	return users, nil
}

func (n *node) seedIdentity(ctx context.Context, organization directory.ID, name string) (directory.Identity, error) {
	identity, err := n.directory.FindByLogin(ctx, organization, directory.ByUsername, name)
	if err == nil || !errors.Is(err, directory.ErrNotFound) {
		return identity, err
	}
	identity, err = n.directory.CreateIdentity(ctx, directory.Identity{
		Organization: organization, Type: directory.User, Username: name, DisplayName: strings.ToUpper(name[:1]) + name[1:],
		Email: name + "@example.com", Enabled: true,
	}, directory.Actor{})
	if errors.Is(err, directory.ErrNameTaken) { // another replica was faster
		return n.directory.FindByLogin(ctx, organization, directory.ByUsername, name)
	}
	return identity, err
}

func devAssignments(identity *directory.Identity) []directory.Assignment {
	on := directory.Assignment{Scope: directory.OnOrganization, ScopeID: identity.Organization, Holder: identity.ID}
	role := func(role directory.Role) directory.Assignment {
		assignment := on
		assignment.Role = role
		return assignment
	}
	if identity.Username != "admin" {
		return []directory.Assignment{role(directory.AccessAsNonInteractiveUser)}
	}
	rights := on
	rights.Rights = []directory.Right{directory.ManageAllTokens, directory.Introspect}
	return []directory.Assignment{
		role(directory.AccessAsNonInteractiveUser), role(directory.AdministerNonInteractiveUser), role(directory.ManageSystemSecurityRoles),
		role(directory.ManageSystemSecurityGroups), role(directory.OrganizationAdmin), rights,
		{Role: directory.PlatformAdmin, Scope: directory.OnPlatform, Holder: identity.ID},
	}
}

// seedToken makes a token named after this moment and deletes the oldest of its
// kind, so that an owner's limit is never reached. No other token is touched.
func (n *node) seedToken(ctx context.Context, identity *directory.Identity, policy *directory.Policy) (pat.Token, error) {
	platform := pat.Actor{Identity: identity.ID}
	var earlier []pat.Record
	for record, err := range n.tokens.List(ctx, pat.Query{Organization: identity.Organization, Holder: identity.ID}) {
		if err != nil {
			return pat.Token{}, err
		}
		if strings.HasPrefix(record.Name, devTokenPrefix) {
			earlier = append(earlier, record)
		}
	}
	for _, record := range earlier[min(len(earlier), devTokensKept-1):] { // newest first
		if err := n.tokens.Delete(ctx, &record, platform); err != nil && !errors.Is(err, pat.ErrNotFound) {
			return pat.Token{}, err
		}
	}
	scope := []string{pat.ScopeAll}
	if identity.Username == "alice" {
		scope = append(scope, pat.ScopeCredentials, pat.ScopeOpenID, pat.ScopeProfile)
	}
	for range 10 {
		draft := pat.Draft{Name: devTokenPrefix + time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"), Scope: scope, Level: pat.Personal}
		token, _, err := n.tokens.Create(ctx, identity, &draft, policy, platform)
		if !errors.Is(err, pat.ErrNameTaken) { // two replicas in one microsecond
			return token, err
		}
	}
	return pat.Token{}, pat.ErrNameTaken
}
