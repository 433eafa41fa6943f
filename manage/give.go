package manage

import (
	"strings"

	"github.com/cambio-sts/cambio/directory"
)

// mayGive refuses to pass on what the caller neither holds nor may assign: by
// putting somebody into a group that gives it, or by changing how somebody who holds
// it logs in. Plain access is what such groups are for. *GiveError.
func (c *Caller) mayGive(snapshot *directory.Snapshot, given []directory.Assignment) error {
	for i := range given {
		assignment := &given[i]
		if plain(assignment) || c.holds(assignment) || c.mayAssign(snapshot, assignment) == nil {
			continue
		}
		return &GiveError{Assignment: *assignment}
	}
	return nil
}

// plain reports whether an assignment is of plain access, without power over others.
func plain(assignment *directory.Assignment) bool {
	return assignment.Role.Plain() && len(assignment.Rights) == 0
}

// holds reports whether the caller holds all of an assignment, where it is held.
func (c *Caller) holds(assignment *directory.Assignment) bool {
	for _, right := range assignment.Rights {
		inOwn := assignment.Scope == directory.OnOrganization && assignment.ScopeID == c.Identity.Organization
		if !inOwn || !c.May(right) {
			return false
		}
	}
	return assignment.Role == "" || c.Access.HoldsRole(assignment.Role, assignment.Scope, assignment.ScopeID)
}

// mayAssign refuses an assignment that the caller may not make.
func (c *Caller) mayAssign(snapshot *directory.Snapshot, assignment *directory.Assignment) error {
	organization, err := organizationOf(snapshot, assignment)
	if err != nil {
		return err
	}
	if organization == "" {
		return c.need(AssignPlatform, target{known: true})
	}
	return c.need(AssignRoles, inOrganization(organization))
}

// organizationOf returns the organization in which an assignment is made; empty for
// the platform. ErrNotFound if there is none of the id.
func organizationOf(snapshot *directory.Snapshot, assignment *directory.Assignment) (directory.ID, error) {
	switch assignment.Scope {
	case directory.OnPlatform:
		return "", nil
	case directory.OnGroup:
		group, ok := snapshot.Group(assignment.ScopeID)
		if !ok {
			return "", ErrNotFound
		}
		return group.Organization, nil
	default:
		if _, ok := snapshot.Organization(assignment.ScopeID); !ok {
			return "", ErrNotFound
		}
		return assignment.ScopeID, nil
	}
}

func nameOf(assignment *directory.Assignment) string {
	if assignment.Role != "" {
		return string(assignment.Role)
	}
	rights := make([]string, len(assignment.Rights))
	for i, right := range assignment.Rights {
		rights[i] = string(right)
	}
	return strings.Join(rights, ", ")
}
