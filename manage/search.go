package manage

import (
	"context"
	"errors"
	"iter"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/query"
)

// Search is an Ask with a condition that no query.Filter can say. It needs no Filter.
type Search[T any] struct {
	Ask

	Where func(*T) bool // nil: all
}

// SearchPeople lists the people of the caller's organization, oldest first. Technical
// users are not among them.
func (m *Manager) SearchPeople(ctx context.Context, c *Caller, input Input[*Search[directory.Identity]]) (Page[*Identity], error) {
	t, err := m.tenant(ctx, c, "", ReadIdentity)
	if err != nil {
		return Page[*Identity]{}, err
	}
	search, err := input()
	if err != nil {
		return Page[*Identity]{}, err
	}
	people := *search
	people.Where = func(identity *directory.Identity) bool {
		return identity.Type == directory.User && (search.Where == nil || search.Where(identity))
	}
	return m.searchIdentities(ctx, t, &people)
}

func (m *Manager) searchIdentities(ctx context.Context, t *tenant, search *Search[directory.Identity]) (Page[*Identity], error) {
	found, err := page(m.directory.ListIdentities(ctx, t.organization.ID), &search.Ask, &listing[directory.Identity]{
		read:    t.value,
		natural: func(order query.Order) bool { return len(order) == 0 },
		sees:    search.Where,
	})
	if err != nil {
		return Page[*Identity]{}, err
	}
	return t.showPage(found), nil
}

// IdentityByLogin returns the identity of the caller's organization that has a login,
// by the index of them; ErrNotFound.
func (m *Manager) IdentityByLogin(ctx context.Context, c *Caller, kind directory.LoginKind, key string) (*Identity, error) {
	t, err := m.tenant(ctx, c, "", ReadIdentity)
	if err != nil {
		return nil, err
	}
	identity, err := m.directory.FindByLogin(ctx, t.organization.ID, kind, key)
	if errors.Is(err, directory.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return t.show(&identity), nil
}

// SearchGroups is Groups with a condition, as of now: who provisions looks for a group
// and makes it if there is none, wherever they did so before.
func (m *Manager) SearchGroups(ctx context.Context, c *Caller, input Input[*Search[directory.Group]]) (Page[*Group], error) {
	if err := c.could(ReadGroup); err != nil {
		return Page[*Group]{}, err
	}
	if err := m.directory.Refresh(ctx); err != nil {
		return Page[*Group]{}, err
	}
	snapshot, err := m.directory.Snapshot(ctx)
	if err != nil {
		return Page[*Group]{}, err
	}
	search, err := input()
	if err != nil {
		return Page[*Group]{}, err
	}
	return groupPage(snapshot, snapshot.Groups(c.Identity.Organization), &search.Ask, func(g *directory.Group) bool {
		return c.may(ReadGroup, ofGroup(g)) && (search.Where == nil || search.Where(g))
	})
}

// EachMember yields the direct members of a group by id, all of them: for who compares
// them with others. What it yields besides an error is as of now.
func (m *Manager) EachMember(ctx context.Context, c *Caller, group string) (iter.Seq2[directory.Identity, error], error) {
	of, _, err := m.group(ctx, c, group, ReadMembers)
	if err != nil {
		return nil, err
	}
	return m.directory.Members(ctx, of.ID), nil
}

// GroupAlone is Group without members, however many it has, as of now.
func (m *Manager) GroupAlone(ctx context.Context, c *Caller, id string) (*Group, error) {
	if err := c.could(ReadGroup); err != nil {
		return nil, err
	}
	if err := m.directory.Refresh(ctx); err != nil {
		return nil, err
	}
	group, snapshot, err := m.group(ctx, c, id, ReadGroup)
	if err != nil {
		return nil, err
	}
	return showGroup(snapshot, group), nil
}
