package manage

import (
	"context"
	"errors"

	"github.com/cambio-sts/cambio/directory"
)

// People name others by username, and groups by name. Who may do something to either
// finds it so, one at a time, also without the right to read all of them.

// Holder finds who can be given a role in an organization, the caller's own if none is
// named: a group by its name, or an identity by its username. ErrNotFound.
func (m *Manager) Holder(ctx context.Context, c *Caller, organization directory.ID, group bool, name string) (*Reference, error) {
	t, err := m.tenant(ctx, c, organization, AssignRoles)
	if err != nil {
		return nil, err
	}
	if !group {
		return m.byUsername(ctx, t.organization.ID, name)
	}
	found, ok := t.snapshot.GroupByName(t.organization.ID, name)
	if !ok {
		return nil, ErrNotFound
	}
	return &Reference{ID: found.ID, Name: found.Name}, nil
}

// MemberByUsername finds who can be put into a group, for who may do that. ErrNotFound.
func (m *Manager) MemberByUsername(ctx context.Context, c *Caller, group, username string) (*Reference, error) {
	into, _, err := m.group(ctx, c, group, WriteMembers)
	if err != nil {
		return nil, err
	}
	return m.byUsername(ctx, into.Organization, username)
}

func (m *Manager) byUsername(ctx context.Context, organization directory.ID, username string) (*Reference, error) {
	identity, err := m.directory.FindByLogin(ctx, organization, directory.ByUsername, username)
	if errors.Is(err, directory.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return &Reference{ID: identity.ID, Name: identity.DisplayName}, nil
}

// SearchIdentities is SearchPeople with the technical users.
func (m *Manager) SearchIdentities(ctx context.Context, c *Caller, input Input[*Search[directory.Identity]]) (Page[*Identity], error) {
	t, err := m.tenant(ctx, c, "", ReadIdentity)
	if err != nil {
		return Page[*Identity]{}, err
	}
	search, err := input()
	if err != nil {
		return Page[*Identity]{}, err
	}
	return m.searchIdentities(ctx, t, search)
}
