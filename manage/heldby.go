package manage

import (
	"context"
	"slices"

	"github.com/cambio-sts/cambio/directory"
)

// HeldBy lists the role assignments that come to an identity, by themselves or through
// a group, as far as the caller may see them. The holder of each says through whom.
func (m *Manager) HeldBy(ctx context.Context, c *Caller, id string) ([]*Assignment, error) {
	identity, t, err := m.identity(ctx, c, id, ReadIdentity)
	if err != nil {
		return nil, err
	}
	access := t.snapshot.AccessOf(identity)
	return m.showHeld(ctx, c, t.snapshot, access.Assignments())
}

// HeldByGroup is HeldBy for who belongs to a group.
func (m *Manager) HeldByGroup(ctx context.Context, c *Caller, id string) ([]*Assignment, error) {
	group, snapshot, err := m.group(ctx, c, id, ReadGroup)
	if err != nil {
		return nil, err
	}
	return m.showHeld(ctx, c, snapshot, snapshot.Given(group.ID))
}

func (m *Manager) showHeld(ctx context.Context, c *Caller, snapshot *directory.Snapshot, held []directory.Assignment) ([]*Assignment, error) {
	if err := c.could(ReadRoles); err != nil {
		return nil, err
	}
	people := m.people(c)
	var shown []*Assignment
	for i := range held {
		if !c.seesAssignment(snapshot, &held[i]) {
			continue
		}
		one, err := people.showAssignment(ctx, snapshot, &held[i])
		if err != nil {
			return nil, err
		}
		shown = append(shown, one)
	}
	slices.SortStableFunc(shown, func(a, b *Assignment) int { return a.compare(b) })
	return shown, nil
}
