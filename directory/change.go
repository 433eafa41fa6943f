package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

// ErrReserved says that a name means something else.
var ErrReserved = errors.New("the name is reserved")

// ErrCycle says that a group would contain itself.
var ErrCycle = errors.New("a group would contain itself")

// CreateOrganization makes an organization with its reserved groups, or returns
// the one that has the name already.
func (d *Directory) CreateOrganization(ctx context.Context, name string, policy Policy, actor Actor) (Organization, error) {
	organization := Organization{ID: ID(id.New()), Name: name, Policy: policy, Created: d.now().UTC().Truncate(time.Millisecond)}
	err := d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		if existing, ok := s.OrganizationByName(name); ok {
			organization = *existing
			return nil, nil, nil
		}
		changes := []Change{{Organization: &organization}}
		for _, reserved := range []string{Nobody, Everyone, Administrators} {
			changes = append(changes, Change{Group: &Group{ID: ID(id.NewIn(string(organization.ID))), Organization: organization.ID, Name: reserved}})
		}
		return changes, []audit.Event{d.event(audit.OrganizationCreated, organization.ID, organization.ID, actor)}, nil
	})
	return organization, err
}

// CreateGroup makes a group; ErrNameTaken, ErrReserved for the name of a role, ErrNotFound for an unknown child.
func (d *Directory) CreateGroup(ctx context.Context, group Group, actor Actor) (Group, error) {
	if Role(group.Name).Known() {
		return Group{}, fmt.Errorf("group %q: the name of a role: %w", group.Name, ErrReserved)
	}
	group.ID = ID(id.New())
	err := d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		if _, taken := s.GroupByName(group.Organization, group.Name); taken {
			return nil, nil, fmt.Errorf("group %q: %w", group.Name, ErrNameTaken)
		}
		if err := s.checkChildren(&group); err != nil {
			return nil, nil, err
		}
		return []Change{{Group: &group}}, []audit.Event{d.event(audit.GroupCreated, group.Organization, group.ID, actor)}, nil
	})
	return group, err
}

// NestGroup makes child a member of parent; ErrCycle, ErrNotFound.
func (d *Directory) NestGroup(ctx context.Context, parent, child ID, actor Actor) error {
	return d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		group, ok := s.Group(parent)
		if !ok {
			return nil, nil, fmt.Errorf("group %s: %w", parent, ErrNotFound)
		}
		if slices.Contains(group.ChildGroups, child) {
			return nil, nil, nil
		}
		changed := *group
		changed.ChildGroups = append(slices.Clone(group.ChildGroups), child)
		if err := s.checkChildren(&changed); err != nil {
			return nil, nil, err
		}
		return []Change{{Group: &changed}}, []audit.Event{d.event(audit.GroupUpdated, changed.Organization, changed.ID, actor)}, nil
	})
}

// DeleteGroup removes a group that is not reserved (ErrReserved), and with it
// what it held, what was held on it, and its place in other groups; its members
// are members of it no more. ErrNotFound.
func (d *Directory) DeleteGroup(ctx context.Context, id ID, actor Actor) error {
	return d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		group, ok := s.groups[id]
		switch {
		case !ok:
			return nil, nil, fmt.Errorf("group %s: %w", id, ErrNotFound)
		case group.Name == Nobody || group.Name == Everyone || group.Name == Administrators:
			return nil, nil, fmt.Errorf("group %s: %w", id, ErrReserved)
		}
		changes := []Change{{Group: group, Remove: true}}
		events := []audit.Event{d.event(audit.GroupDeleted, group.Organization, id, actor)}
		for _, held := range s.held {
			for _, assignment := range held {
				if assignment.Holder == id || assignment.Scope == OnGroup && assignment.ScopeID == id {
					changes = append(changes, Change{Assignment: &assignment, Remove: true})
					events = append(events, d.event(audit.RoleUnassigned, group.Organization, assignment.ID, actor))
				}
			}
		}
		for _, parent := range s.parents[id] {
			changed := *s.groups[parent]
			changed.ChildGroups = slices.DeleteFunc(slices.Clone(changed.ChildGroups), func(child ID) bool { return child == id })
			changes = append(changes, Change{Group: &changed})
			events = append(events, d.event(audit.GroupUpdated, group.Organization, parent, actor))
		}
		return changes, events, nil
	})
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

// Assign gives a role or rights to a holder. What is held already is not
// written twice.
func (d *Directory) Assign(ctx context.Context, organization ID, assignment Assignment, actor Actor) error {
	assignment.ID = ID(id.New())
	return d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		if slices.ContainsFunc(s.held[assignment.Holder], assignment.same) {
			return nil, nil, nil
		}
		return []Change{{Assignment: &assignment}}, []audit.Event{d.event(audit.RoleAssigned, organization, assignment.ID, actor)}, nil
	})
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
	return d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		var changes []Change
		var events []audit.Event
		for _, assignment := range s.held[holder] {
			if assignment.Role == role {
				changes = append(changes, Change{Assignment: &assignment, Remove: true})
				events = append(events, d.event(audit.RoleUnassigned, organization, assignment.ID, actor))
			}
		}
		return changes, events, nil
	})
}

// RemoveAssignment takes away one assignment by its id; ErrNotFound.
func (d *Directory) RemoveAssignment(ctx context.Context, organization, id ID, actor Actor) error {
	return d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		assignment, ok := s.Assignment(id)
		if !ok {
			return nil, nil, fmt.Errorf("assignment %s: %w", id, ErrNotFound)
		}
		return []Change{{Assignment: &assignment, Remove: true}}, []audit.Event{d.event(audit.RoleUnassigned, organization, id, actor)}, nil
	})
}

// CreateIdentity makes an identity; ErrNameTaken if one of its logins is used.
func (d *Directory) CreateIdentity(ctx context.Context, identity Identity, actor Actor) (Identity, error) {
	if strings.TrimSpace(identity.Username) == "" {
		return Identity{}, errors.New("an identity needs a username")
	}
	identity.ID = ID(id.New())
	identity.Created = d.now().UTC().Truncate(time.Millisecond)
	identity.Revision = 1
	event := d.event(audit.IdentityCreated, identity.Organization, identity.ID, actor)
	if err := d.identities.Create(ctx, identity, event); err != nil {
		return Identity{}, fmt.Errorf("create identity %q: %w", identity.Username, err)
	}
	return identity, nil
}

// EventDisabled is the reason of an event of an identity that is disabled after its
// change: that has to be evident from the trail alone.
const EventDisabled = "disabled"

// ReplaceIdentity stores a changed identity; ErrConflict if it changed since it
// was read.
func (d *Directory) ReplaceIdentity(ctx context.Context, identity Identity, actor Actor) error {
	identity.Modified = d.now().UTC().Truncate(time.Millisecond)
	event := d.event(audit.IdentityUpdated, identity.Organization, identity.ID, actor)
	event.Time = identity.Modified // the trail and the record tell of one moment
	if !identity.Enabled {
		event.Reason = EventDisabled
	}
	if err := d.identities.Replace(ctx, identity, event); err != nil {
		return fmt.Errorf("replace identity: %w", err)
	}
	return nil
}

// DeleteIdentity removes an identity and every token it owns.
func (d *Directory) DeleteIdentity(ctx context.Context, identity *Identity, actor Actor) error {
	event := d.event(audit.IdentityDeleted, identity.Organization, identity.ID, actor)
	if err := d.identities.Delete(ctx, identity.ID, event); err != nil {
		return fmt.Errorf("delete identity: %w", err)
	}
	return nil
}
