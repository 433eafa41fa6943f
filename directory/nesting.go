package directory

import (
	"context"
	"fmt"
	"slices"
)

// NestGroup makes child a member of parent; ErrCycle, ErrNotFound.
func (d *Directory) NestGroup(ctx context.Context, parent, child ID, actor Actor) error {
	_, err := d.UpdateGroup(ctx, parent, func(group *Group) error {
		group.ChildGroups = append(group.ChildGroups, child)
		return nil
	}, actor)
	return err
}

// UnnestGroup makes child a member of parent no more; what is none stays so.
// ErrNotFound for an unknown parent.
func (d *Directory) UnnestGroup(ctx context.Context, parent, child ID, actor Actor) error {
	_, err := d.UpdateGroup(ctx, parent, func(group *Group) error {
		group.ChildGroups = without(group.ChildGroups, child)
		return nil
	}, actor)
	return err
}

// without returns ids without one of them.
func without(ids []ID, one ID) []ID {
	return slices.DeleteFunc(slices.Clone(ids), func(id ID) bool { return id == one })
}

// checkChildren refuses unknown children, those of other organizations, and
// any from which the group itself can be reached. Nobody has none.
func (s *Snapshot) checkChildren(group *Group) error {
	for _, child := range group.ChildGroups {
		known, ok := s.groups[child]
		if !ok || known.Organization != group.Organization || group.Name == Nobody {
			return fmt.Errorf("child group %s: %w", child, ErrNotFound)
		}
		if child == group.ID || s.reaches(child, group.ID, map[ID]bool{}) {
			return fmt.Errorf("child group %s: %w", child, ErrCycle)
		}
	}
	return nil
}

func (s *Snapshot) reaches(from, to ID, seen map[ID]bool) bool {
	if from == to {
		return true
	}
	group, ok := s.groups[from]
	if !ok || seen[from] {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(group.ChildGroups, func(child ID) bool { return s.reaches(child, to, seen) })
}
