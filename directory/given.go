package directory

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Groups returns an organization's groups, by name; they must not be changed.
func (s *Snapshot) Groups(organization ID) []*Group {
	var out []*Group
	for _, group := range s.groups {
		if group.Organization == organization {
			out = append(out, group)
		}
	}
	slices.SortFunc(out, func(a, b *Group) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Parents returns the groups that have a group as a child, by id.
func (s *Snapshot) Parents(group ID) []ID {
	return slices.Sorted(slices.Values(s.parents[group]))
}

// Assignments returns all of them, by id.
func (s *Snapshot) Assignments() []Assignment {
	return byID(slices.Concat(slices.Collect(maps.Values(s.held))...))
}

// Given returns all assignments that membership in a group gives, by id: its own and
// those of every group that it is nested in, but not what one has by Everyone.
// Everyone and Nobody themselves give nothing.
func (s *Snapshot) Given(group ID) []Assignment {
	known, ok := s.groups[group]
	if !ok {
		return nil
	}
	given := Access{snapshot: s, organization: known.Organization, holders: []ID{s.everyone[known.Organization]}}
	given.join(group)
	given.holders = given.holders[1:]
	return given.Assignments()
}

// Assignments returns everything that the identity holds, by itself, by its groups
// and by Everyone, by id.
func (a *Access) Assignments() []Assignment {
	var out []Assignment
	for _, holder := range a.holders {
		out = append(out, a.snapshot.held[holder]...)
	}
	return byID(out)
}

// GroupIDs returns all groups the identity is in, by name, without Everyone.
func (a *Access) GroupIDs() []ID {
	out := slices.DeleteFunc(slices.Clone(a.holders[1:]), func(id ID) bool { return a.snapshot.groups[id].Name == Everyone })
	slices.SortFunc(out, func(x, y ID) int { return strings.Compare(a.snapshot.groups[x].Name, a.snapshot.groups[y].Name) })
	return out
}

func byID(assignments []Assignment) []Assignment {
	slices.SortFunc(assignments, func(a, b Assignment) int { return cmp.Compare(a.ID, b.ID) })
	return assignments
}
