package manage

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/cambio-sts/cambio/directory"
)

// TokenUsers are who may use personal tokens in an organization: they hold
// AccessAsNonInteractiveUser.
type TokenUsers struct {
	Everyone bool
	Groups   []Reference // besides Everyone and Nobody, by name
	People   []Reference // who hold it by themselves, by name
}

// TokenUsers tells who may use personal tokens in the caller's organization.
func (m *Manager) TokenUsers(ctx context.Context, c *Caller) (*TokenUsers, error) {
	t, err := m.tenant(ctx, c, "", ReadRoles)
	if err != nil {
		return nil, err
	}
	users := &TokenUsers{}
	var holders []directory.ID
	for _, assignment := range t.snapshot.Assignments() {
		if assignment.Role != directory.AccessAsNonInteractiveUser || assignment.ScopeID != t.organization.ID {
			continue
		}
		group, isGroup := t.snapshot.Group(assignment.Holder)
		switch {
		case !isGroup:
			holders = append(holders, assignment.Holder)
		case group.Name == directory.Everyone:
			users.Everyone = true
		case group.Name != directory.Nobody:
			users.Groups = append(users.Groups, Reference{ID: group.ID, Name: group.Name})
		}
	}
	people := m.people(c)
	if err := people.load(ctx, holders); err != nil {
		return nil, err
	}
	for _, id := range holders {
		if identity := people.known[id]; identity != nil && identity.Type == directory.User {
			users.People = append(users.People, Reference{ID: id, Name: cmp.Or(identity.DisplayName, identity.Username)})
		}
	}
	byName := func(a, b Reference) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortFunc(users.Groups, byName)
	slices.SortFunc(users.People, byName)
	return users, nil
}

// SetTokenUsers lets a group of the caller's organization, by its name, use personal
// tokens, and no other group: directory.Nobody and directory.Everyone are groups too.
// Who may by themselves still may. ErrNotFound.
func (m *Manager) SetTokenUsers(ctx context.Context, c *Caller, input Input[string]) error {
	if err := c.could(AssignRoles); err != nil {
		return err
	}
	name, err := input()
	if err != nil {
		return err
	}
	t, err := m.tenant(ctx, c, "", AssignRoles)
	if err != nil {
		return err
	}
	group, ok := t.snapshot.GroupByName(t.organization.ID, name)
	if !ok {
		return ErrNotFound
	}
	if err := m.directory.AssignToGroupOnly(ctx, t.organization.ID, directory.AccessAsNonInteractiveUser, group.ID, c.keeper()); err != nil {
		return fmt.Errorf("say who may use tokens: %w", err)
	}
	return nil
}
