package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

// ErrReserved says that a name means something else, or that a group is not one
// that can be changed that way.
var ErrReserved = errors.New("the name is reserved")

// ErrCycle says that a group would contain itself.
var ErrCycle = errors.New("a group would contain itself")

// CreateGroup makes a group; *FieldError, ErrNameTaken, ErrReserved for the name of a
// role, ErrNotFound for an unknown child, ErrTooMany.
func (d *Directory) CreateGroup(ctx context.Context, group Group, actor Actor) (Group, error) {
	if err := group.Validate(); err != nil {
		return Group{}, err
	}
	if Role(group.Name).Known() {
		return Group{}, fmt.Errorf("group %q: the name of a role: %w", group.Name, ErrReserved)
	}
	group.ID, group.ChildGroups = ID(id.New()), distinct(group.ChildGroups)
	err := d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		if _, taken := s.GroupByName(group.Organization, group.Name); taken {
			return nil, nil, fmt.Errorf("group %q: %w", group.Name, ErrNameTaken)
		}
		if s.groupsFull(group.Organization) {
			return nil, nil, fmt.Errorf("group %q: %w", group.Name, ErrTooMany)
		}
		if err := s.checkChildren(&group); err != nil {
			return nil, nil, err
		}
		return []Change{{Group: &group}}, []audit.Event{d.event(audit.GroupCreated, group.Organization, group.ID, actor)}, nil
	})
	return group, err
}

// UpdateGroup changes the name, the description or the child groups of a group and
// returns it as it is stored then; where change leaves all as it was, nothing is
// written. An error of change is returned as it is. *FieldError, ErrNotFound,
// ErrNameTaken, ErrCycle, and ErrReserved for another name of a reserved group and
// for the name of one or of a role.
func (d *Directory) UpdateGroup(ctx context.Context, id ID, change func(*Group) error, actor Actor) (Group, error) {
	var after Group
	err := d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		before, ok := s.groups[id]
		if !ok {
			return nil, nil, fmt.Errorf("group %s: %w", id, ErrNotFound)
		}
		after = *before
		after.ChildGroups = slices.Clone(before.ChildGroups)
		if err := change(&after); err != nil {
			return nil, nil, err
		}
		after.ID, after.Organization, after.ChildGroups = before.ID, before.Organization, distinct(after.ChildGroups)
		if after.Name == before.Name && after.Description == before.Description && slices.Equal(after.ChildGroups, before.ChildGroups) {
			after = *before
			return nil, nil, nil
		}
		if err := s.checkGroup(before, &after); err != nil {
			return nil, nil, err
		}
		return []Change{{Group: &after}}, []audit.Event{d.event(audit.GroupUpdated, after.Organization, id, actor)}, nil
	})
	if err != nil {
		return Group{}, err
	}
	return after, nil
}

// DeleteGroup removes a group that is not reserved (ErrReserved), and with it
// what it held, what was held on it, and its place in other groups; its members
// are members of it no more. ErrNotFound, ErrLastAdministrator.
func (d *Directory) DeleteGroup(ctx context.Context, id ID, actor Actor) error {
	return d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		group, ok := s.groups[id]
		switch {
		case !ok:
			return nil, nil, fmt.Errorf("group %s: %w", id, ErrNotFound)
		case reserved(group.Name):
			return nil, nil, fmt.Errorf("group %s: %w", id, ErrReserved)
		}
		changes := []Change{{Group: group, Remove: true}}
		events := []audit.Event{d.event(audit.GroupDeleted, group.Organization, id, actor)}
		for _, held := range s.held {
			for _, assignment := range held {
				if assignment.Holder == id || assignment.Scope == OnGroup && assignment.ScopeID == id {
					if s.lastOn(&assignment, func(other *Assignment) bool { return other.Holder == id }) {
						return nil, nil, ErrLastAdministrator
					}
					changes = append(changes, Change{Assignment: &assignment, Remove: true})
					events = append(events, d.event(audit.RoleUnassigned, group.Organization, assignment.ID, actor))
				}
			}
		}
		for _, parent := range s.parents[id] {
			changed := *s.groups[parent]
			changed.ChildGroups = without(changed.ChildGroups, id)
			changes = append(changes, Change{Group: &changed})
			events = append(events, d.event(audit.GroupUpdated, group.Organization, parent, actor))
		}
		return changes, events, nil
	})
}

// checkGroup refuses what before must not become.
func (s *Snapshot) checkGroup(before, after *Group) error {
	if err := errors.Join(validRename("name", before.Name, after.Name), validText("description", after.Description, maxDescription)); err != nil {
		return err
	}
	if after.Name != before.Name {
		if reserved(before.Name) || reserved(after.Name) || Role(after.Name).Known() {
			return fmt.Errorf("group %q as %q: %w", before.Name, after.Name, ErrReserved)
		}
		if _, taken := s.GroupByName(after.Organization, after.Name); taken {
			return fmt.Errorf("group %q: %w", after.Name, ErrNameTaken)
		}
	}
	return s.checkChildren(after)
}

// Validate returns a *FieldError for each text that no group may have, joined.
func (g *Group) Validate() error {
	return errors.Join(validName("name", g.Name), validText("description", g.Description, maxDescription))
}

// reserved reports whether every organization has a group of that name.
func reserved(name string) bool {
	return name == Nobody || name == Everyone || name == Administrators
}

// distinct returns ids without repetitions, each where it came first; nil for none.
func distinct(ids []ID) []ID {
	var out []ID
	for _, id := range ids {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}
