package manage

import (
	"context"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/query"
)

// Members lists the direct members of a group, by id.
func (m *Manager) Members(ctx context.Context, c *Caller, group string, input Input[*Ask]) (Page[*Identity], error) {
	of, snapshot, err := m.group(ctx, c, group, ReadMembers)
	if err != nil {
		return Page[*Identity]{}, err
	}
	organization, _ := snapshot.Organization(of.Organization)
	t := &tenant{snapshot: snapshot, organization: organization, now: m.now()}
	ask, err := input()
	if err != nil {
		return Page[*Identity]{}, err
	}
	found, err := page(m.directory.Members(ctx, of.ID), ask, &listing[directory.Identity]{
		read:    t.value,
		natural: func(order query.Order) bool { return len(order) == 0 },
	})
	if err != nil {
		return Page[*Identity]{}, err
	}
	return t.showPage(found), nil
}

// AddMember puts an identity into a group. What it gets by that the caller must be
// able to give.
func (m *Manager) AddMember(ctx context.Context, c *Caller, group, member string) error {
	into, snapshot, err := m.group(ctx, c, group, WriteMembers)
	if err != nil {
		return err
	}
	identity, err := m.directory.Find(ctx, directory.ID(member))
	if err != nil {
		return err
	}
	if identity.Organization != into.Organization {
		return ErrNotFound
	}
	if err := c.mayGive(snapshot, snapshot.Given(into.ID)); err != nil {
		return err
	}
	return m.directory.AddMember(ctx, into.ID, identity.ID, c.keeper())
}

// RemoveMember takes an identity out of a group.
func (m *Manager) RemoveMember(ctx context.Context, c *Caller, group, member string) error {
	from, snapshot, err := m.group(ctx, c, group, WriteMembers)
	if err != nil {
		return err
	}
	identity, err := m.directory.Find(ctx, directory.ID(member))
	if err != nil {
		return err
	}
	if identity.Organization != from.Organization {
		return ErrNotFound
	}
	if err := c.mayTake(snapshot, from.ID, &identity); err != nil {
		return err
	}
	if givesPlatform(snapshot.Given(from.ID)) {
		if err := m.keepsAdministrator(ctx, snapshot, loss{group: from.ID, identity: identity.ID}); err != nil {
			return err
		}
	}
	return m.directory.RemoveMember(ctx, from.ID, identity.ID, c.keeper())
}

// mayTake refuses to take from the built-in administrator what a group gives.
func (c *Caller) mayTake(snapshot *directory.Snapshot, group directory.ID, identity *directory.Identity) error {
	if !identity.BuiltInAdministrator || len(snapshot.Given(group)) == 0 {
		return nil
	}
	return c.mayEnd(identity)
}
