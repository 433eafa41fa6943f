package directory

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Snapshot is a catalog indexed for decisions. It is immutable and safe to
// share.
type Snapshot struct {
	version       uint64
	organizations map[ID]*Organization
	groups        map[ID]*Group
	parents       map[ID][]ID         // group → groups that have it as a child
	held          map[ID][]Assignment // holder → what was assigned to it
	everyone      map[ID]ID           // organization → its Everyone
}

// NewSnapshot indexes a catalog.
func NewSnapshot(catalog *Catalog) *Snapshot {
	s := &Snapshot{
		version:       catalog.Version,
		organizations: make(map[ID]*Organization, len(catalog.Organizations)),
		groups:        make(map[ID]*Group, len(catalog.Groups)),
		parents:       make(map[ID][]ID),
		held:          make(map[ID][]Assignment),
		everyone:      make(map[ID]ID),
	}
	for i := range catalog.Organizations {
		organization := catalog.Organizations[i]
		s.organizations[organization.ID] = &organization
	}
	for i := range catalog.Groups {
		group := catalog.Groups[i]
		s.groups[group.ID] = &group
		if group.Name == Everyone {
			s.everyone[group.Organization] = group.ID
		}
		for _, child := range group.ChildGroups {
			s.parents[child] = append(s.parents[child], group.ID)
		}
	}
	for _, assignment := range catalog.Assignments {
		s.held[assignment.Holder] = append(s.held[assignment.Holder], assignment)
	}
	return s
}

// Version is that of the catalog.
func (s *Snapshot) Version() uint64 { return s.version }

// Organization returns an organization; it must not be changed.
func (s *Snapshot) Organization(id ID) (*Organization, bool) {
	organization, ok := s.organizations[id]
	return organization, ok
}

// Organizations returns all of them, by id; they must not be changed.
func (s *Snapshot) Organizations() []*Organization {
	return slices.SortedFunc(maps.Values(s.organizations), func(a, b *Organization) int { return cmp.Compare(a.ID, b.ID) })
}

// OrganizationByName returns the organization of that name.
func (s *Snapshot) OrganizationByName(name string) (*Organization, bool) {
	for _, organization := range s.organizations {
		if organization.Name == name {
			return organization, true
		}
	}
	return nil, false
}

// Group returns a group; it must not be changed.
func (s *Snapshot) Group(id ID) (*Group, bool) {
	group, ok := s.groups[id]
	return group, ok
}

// GroupByName returns an organization's group of that name.
func (s *Snapshot) GroupByName(organization ID, name string) (*Group, bool) {
	for _, group := range s.groups {
		if group.Organization == organization && group.Name == name {
			return group, true
		}
	}
	return nil, false
}

// Assignment returns the assignment of that id.
func (s *Snapshot) Assignment(id ID) (Assignment, bool) {
	for _, held := range s.held {
		for _, assignment := range held {
			if assignment.ID == id {
				return assignment, true
			}
		}
	}
	return Assignment{}, false
}

// Access is what an identity is and may do, as of one snapshot.
type Access struct {
	snapshot     *Snapshot
	organization ID
	holders      []ID // the identity, then its groups with all their ancestors
}

// AccessOf works out the access of an identity: by itself, by its groups, by
// the groups those are nested in, and by Everyone. A group of another
// organization, an unknown one and Nobody give nothing.
func (s *Snapshot) AccessOf(identity *Identity) Access {
	access := Access{snapshot: s, organization: identity.Organization, holders: make([]ID, 1, 4+len(identity.Groups))}
	access.holders[0] = identity.ID
	if everyone, ok := s.everyone[identity.Organization]; ok {
		access.join(everyone)
	}
	for _, group := range identity.Groups {
		access.join(group)
	}
	return access
}

func (a *Access) join(id ID) {
	group, ok := a.snapshot.groups[id]
	if !ok || group.Organization != a.organization || group.Name == Nobody || slices.Contains(a.holders, id) {
		return
	}
	a.holders = append(a.holders, id)
	for _, parent := range a.snapshot.parents[id] {
		a.join(parent)
	}
}

// OrganizationName is the name of the identity's organization as of the snapshot; empty
// if that does not know it.
func (a *Access) OrganizationName() string {
	if organization, ok := a.snapshot.organizations[a.organization]; ok {
		return organization.Name
	}
	return ""
}

// HoldsRole reports whether role is held in the scope given. The platform's
// scope id is empty.
func (a *Access) HoldsRole(role Role, scope ScopeKind, scopeID ID) bool {
	return a.any(func(assignment *Assignment) bool {
		return assignment.Role == role && assignment.Scope == scope && assignment.ScopeID == scopeID
	})
}

// HoldsOrganizationRole reports whether role is held in the identity's own
// organization.
func (a *Access) HoldsOrganizationRole(role Role) bool {
	return a.HoldsRole(role, OnOrganization, a.organization)
}

// Administers reports whether the identity holds a role with power over others,
// anywhere.
func (a *Access) Administers() bool {
	return a.any(func(assignment *Assignment) bool { return assignment.Role != "" && !assignment.Role.Plain() })
}

// HoldsAnywhere reports whether one of the roles is held in some scope.
func (a *Access) HoldsAnywhere(roles ...Role) bool {
	return a.any(func(assignment *Assignment) bool { return slices.Contains(roles, assignment.Role) })
}

// HasRight reports whether the identity has a right in its organization: by an
// assignment that carries it, or by a role that implies it, there or on the
// platform. A manage right includes its read right.
func (a *Access) HasRight(right Right) bool {
	return a.any(func(assignment *Assignment) bool {
		if assignment.Scope == OnGroup || (assignment.Scope == OnOrganization && assignment.ScopeID != a.organization) {
			return false
		}
		return gives(assignment.Rights, right) || gives(impliedRights(assignment.Role), right)
	})
}

func gives(rights []Right, wanted Right) bool {
	return slices.ContainsFunc(rights, func(right Right) bool {
		included, ok := includes(right)
		return right == wanted || (ok && included == wanted)
	})
}

func (a *Access) any(match func(*Assignment) bool) bool {
	for _, holder := range a.holders {
		held := a.snapshot.held[holder]
		for i := range held {
			if match(&held[i]) {
				return true
			}
		}
	}
	return false
}

// InGroup reports whether the identity is, directly or by nesting, in the group
// of that name of its organization. Everyone is in Everyone.
func (a *Access) InGroup(name string) bool {
	return slices.ContainsFunc(a.holders[1:], func(id ID) bool { return a.snapshot.groups[id].Name == name })
}

// Groups returns the names of all groups the identity is in, sorted, without
// Everyone.
func (a *Access) Groups() []string {
	var names []string
	for _, id := range a.holders[1:] {
		if name := a.snapshot.groups[id].Name; name != Everyone {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Roles returns the names of the roles held on the platform or in the
// organization, sorted.
func (a *Access) Roles() []Role {
	var roles []Role
	a.any(func(assignment *Assignment) bool {
		if assignment.Role != "" && (assignment.Scope == OnPlatform || assignment.Scope == OnOrganization && assignment.ScopeID == a.organization) {
			roles = append(roles, assignment.Role)
		}
		return false
	})
	slices.SortFunc(roles, func(x, y Role) int { return strings.Compare(string(x), string(y)) })
	return slices.Compact(roles)
}
