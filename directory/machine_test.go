package directory_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
)

// machine changes groups and members in any order and knows who should be in which.
type machine struct {
	*world

	groups  []directory.ID // also such as were deleted
	people  []directory.ID
	members map[directory.ID]map[directory.ID]bool
	made    int
}

func (m *machine) anyGroup(t *rapid.T) directory.ID {
	return rapid.SampledFrom(m.groups).Draw(t, "group")
}

func (m *machine) anyone(t *rapid.T) directory.ID {
	return rapid.SampledFrom(m.people).Draw(t, "person")
}

// refused lets pass only what the documentation foresees.
func refused(t *rapid.T, err error, foreseen ...error) bool {
	t.Helper()
	if err == nil {
		return false
	}
	is := func(one error) bool { return errors.Is(err, one) }
	require.True(t, slices.ContainsFunc(foreseen, is), "%v", err)
	return true
}

func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"create": func(t *rapid.T) {
			m.made++
			group := directory.Group{Organization: m.organization.ID, Name: fmt.Sprint("group ", m.made)}
			if rapid.Bool().Draw(t, "with a child") {
				group.ChildGroups = []directory.ID{m.anyGroup(t)}
			}
			made, err := m.CreateGroup(m.Context(), group, platform)
			if !refused(t, err, directory.ErrNotFound) {
				m.groups = append(m.groups, made.ID)
			}
		},
		"nest": func(t *rapid.T) {
			err := m.NestGroup(m.Context(), m.anyGroup(t), m.anyGroup(t), platform)
			refused(t, err, directory.ErrNotFound, directory.ErrCycle)
		},
		"unnest": func(t *rapid.T) {
			refused(t, m.UnnestGroup(m.Context(), m.anyGroup(t), m.anyGroup(t), platform), directory.ErrNotFound)
		},
		"rename": func(t *rapid.T) {
			name := rapid.SampledFrom([]string{"a", "b", directory.Nobody, directory.Everyone, string(directory.GroupAdmin)}).Draw(t, "name")
			_, err := m.UpdateGroup(m.Context(), m.anyGroup(t), func(group *directory.Group) error { group.Name = name; return nil }, platform)
			refused(t, err, directory.ErrNotFound, directory.ErrNameTaken, directory.ErrReserved)
		},
		"delete": func(t *rapid.T) {
			group := m.anyGroup(t)
			if !refused(t, m.DeleteGroup(m.Context(), group, platform), directory.ErrNotFound, directory.ErrReserved) {
				delete(m.members, group)
			}
		},
		"add": func(t *rapid.T) {
			group, person := m.anyGroup(t), m.anyone(t)
			if !refused(t, m.AddMember(m.Context(), group, person, platform), directory.ErrNotFound, directory.ErrReserved) {
				if m.members[group] == nil {
					m.members[group] = map[directory.ID]bool{}
				}
				m.members[group][person] = true
			}
		},
		"remove": func(t *rapid.T) {
			group, person := m.anyGroup(t), m.anyone(t)
			require.NoError(t, m.RemoveMember(m.Context(), group, person, platform))
			delete(m.members[group], person)
		},
		"give": func(t *rapid.T) {
			holder := rapid.SampledFrom(slices.Concat(m.groups, m.people)).Draw(t, "holder")
			right := rapid.SampledFrom([]directory.Right{directory.Introspect, directory.ReadAllTokens, directory.ManageAllTokens}).Draw(t, "right")
			if _, ok := snapshotOf(m.T, m.Directory).Group(holder); ok || slices.Contains(m.people, holder) {
				m.assign(holder, right)
			}
		},
	}
}

// check proves what holds after any change.
func (m *machine) check(t *rapid.T) {
	snapshot := snapshotOf(m.T, m.Directory)
	everyone := m.reserved(directory.Everyone)
	require.Empty(t, collect(m.T, m.Members(m.Context(), m.reserved(directory.Nobody))))
	require.Empty(t, collect(m.T, m.Members(m.Context(), everyone)))
	for _, group := range snapshot.Groups(m.organization.ID) {
		require.False(t, cyclic(snapshot, group.ID, nil), group.Name)
		var members []directory.ID
		for _, member := range collect(m.T, m.Members(m.Context(), group.ID)) {
			members = append(members, member.ID)
		}
		require.Equal(t, slices.Sorted(maps.Keys(m.members[group.ID])), members, group.Name)

		given := union(snapshot.Given(group.ID))
		person := directory.Identity{ID: m.people[0], Organization: m.organization.ID}
		alone := snapshot.AccessOf(&person)
		person.Groups = []directory.ID{group.ID}
		member := snapshot.AccessOf(&person)
		require.Equal(t, union(member.Assignments()), union(alone.Assignments(), snapshot.Given(group.ID)), group.Name)
		if len(snapshot.Parents(everyone)) == 0 { // else some of it all have anyway, as long as Everyone is there
			had := union(alone.Assignments())
			require.False(t, slices.ContainsFunc(given, func(one directory.ID) bool { return slices.Contains(had, one) }), group.Name)
		}
	}
}

// cyclic reports whether a group is its own ancestor.
func cyclic(snapshot *directory.Snapshot, group directory.ID, below []directory.ID) bool {
	return slices.Contains(below, group) || slices.ContainsFunc(snapshot.Parents(group), func(parent directory.ID) bool {
		return cyclic(snapshot, parent, append(slices.Clone(below), group))
	})
}

// union is the ids of assignments, sorted, each once.
func union(assignments ...[]directory.Assignment) []directory.ID {
	all := map[directory.ID]bool{}
	for _, one := range slices.Concat(assignments...) {
		all[one.ID] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// TestGroupsStaySound: whatever is done to groups and their members, no group contains
// itself, Nobody has no members, a group has just those that were added and not
// removed, and to be in one gives what Given says.
func TestGroupsStaySound(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{world: w, members: map[directory.ID]map[directory.ID]bool{}}
		var err error
		m.organization, err = w.AddOrganization(t.Context(), "of "+id.New(), directory.DefaultPolicy(), platform)
		require.NoError(rt, err)
		for _, reserved := range []string{directory.Nobody, directory.Everyone, directory.Administrators} {
			m.groups = append(m.groups, m.reserved(reserved))
		}
		for range 3 {
			m.people = append(m.people, m.identity("user "+id.New()).ID)
		}
		actions := m.actions()
		for _, action := range rapid.SliceOfN(rapid.SampledFrom(slices.Sorted(maps.Keys(actions))), 1, 15).Draw(rt, "actions") {
			actions[action](rt)
			m.check(rt)
		}
	})
}
