package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

// Assign gives a role or rights to a holder. What is held already is not
// written twice.
func (d *Directory) Assign(ctx context.Context, organization ID, assignment Assignment, actor Actor) error {
	_, err := d.AddAssignment(ctx, organization, assignment, actor)
	return err
}

// AddAssignment is Assign and returns what is held then, with its id: that of the
// existing one if there is one. It does not ask whether there is such a holder.
// ErrTooMany.
func (d *Directory) AddAssignment(ctx context.Context, organization ID, assignment Assignment, actor Actor) (Assignment, error) {
	assignment.ID = ID(id.New())
	assignment.Rights = slices.Compact(slices.Sorted(slices.Values(assignment.Rights))) // one way to say one thing
	added := assignment
	err := d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		if i := slices.IndexFunc(s.held[assignment.Holder], assignment.same); i >= 0 {
			added = s.held[assignment.Holder][i]
			return nil, nil, nil
		}
		if s.assignmentsFull(organization) {
			return nil, nil, fmt.Errorf("assign a role: %w", ErrTooMany)
		}
		added = assignment
		return []Change{{Assignment: &assignment}}, []audit.Event{d.event(audit.RoleAssigned, organization, assignment.ID, actor)}, nil
	})
	if err != nil {
		return Assignment{}, err
	}
	return added, nil
}

// Held reports whether just that assignment was made, under whatever id.
func (s *Snapshot) Held(assignment *Assignment) bool {
	return slices.ContainsFunc(s.held[assignment.Holder], assignment.same)
}

func (a Assignment) same(other Assignment) bool {
	return a.Role == other.Role && a.Scope == other.Scope && a.ScopeID == other.ScopeID && a.Holder == other.Holder && slices.Equal(a.Rights, other.Rights)
}

// AssignToGroupOnly gives a role in an organization to a group and takes it from
// every other group there, in one step: nobody sees both, or neither. Identities
// keep what they hold by themselves. ErrNotFound for an unknown group.
func (d *Directory) AssignToGroupOnly(ctx context.Context, organization ID, role Role, group ID, actor Actor) error {
	wanted := Assignment{ID: ID(id.New()), Role: role, Scope: OnOrganization, ScopeID: organization, Holder: group}
	return d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		if known, ok := s.groups[group]; !ok || known.Organization != organization {
			return nil, nil, fmt.Errorf("group %s: %w", group, ErrNotFound)
		}
		var changes []Change
		var events []audit.Event
		for holder := range s.groups {
			for _, assignment := range s.held[holder] {
				if assignment.Role == role && assignment.Scope == OnOrganization && assignment.ScopeID == organization && holder != group {
					changes = append(changes, Change{Assignment: &assignment, Remove: true})
					events = append(events, d.event(audit.RoleUnassigned, organization, assignment.ID, actor))
				}
			}
		}
		if !slices.ContainsFunc(s.held[group], wanted.same) {
			changes = append(changes, Change{Assignment: &wanted})
			events = append(events, d.event(audit.RoleAssigned, organization, wanted.ID, actor))
		}
		return changes, events, nil
	})
}

// Unassign takes a role from a holder, in whatever scope it is held there.
func (d *Directory) Unassign(ctx context.Context, organization ID, role Role, holder ID, actor Actor) error {
	return d.unassign(ctx, organization, holder, func(assignment *Assignment) bool { return assignment.Role == role }, actor)
}

// unassign takes from a holder what it holds by itself and which says so.
func (d *Directory) unassign(ctx context.Context, organization, holder ID, which func(*Assignment) bool, actor Actor) error {
	return d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		var changes []Change
		var events []audit.Event
		for _, assignment := range s.held[holder] {
			if which(&assignment) {
				changes = append(changes, Change{Assignment: &assignment, Remove: true})
				events = append(events, d.event(audit.RoleUnassigned, organization, assignment.ID, actor))
			}
		}
		return changes, events, nil
	})
}

// ErrLastAdministrator says that nothing would give platform_admin to anybody.
var ErrLastAdministrator = errors.New("the last platform_admin stays")

// lastOn reports whether an assignment is one of platform_admin and there is none but
// those that end.
func (s *Snapshot) lastOn(assignment *Assignment, ends func(*Assignment) bool) bool {
	if assignment.Role != PlatformAdmin {
		return false
	}
	for _, held := range s.held {
		for i := range held {
			if held[i].Role == PlatformAdmin && !ends(&held[i]) {
				return false
			}
		}
	}
	return true
}

// RemoveAssignment takes away one assignment by its id; ErrNotFound,
// ErrLastAdministrator.
func (d *Directory) RemoveAssignment(ctx context.Context, organization, id ID, actor Actor) error {
	return d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		assignment, ok := s.Assignment(id)
		if !ok {
			return nil, nil, fmt.Errorf("assignment %s: %w", id, ErrNotFound)
		}
		if s.lastOn(&assignment, func(other *Assignment) bool { return other.ID == id }) {
			return nil, nil, ErrLastAdministrator
		}
		return []Change{{Assignment: &assignment, Remove: true}}, []audit.Event{d.event(audit.RoleUnassigned, organization, id, actor)}, nil
	})
}
