package directory_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/directory"
)

const (
	acme  = directory.ID("0a000000000000000000000000000001")
	other = directory.ID("0b000000000000000000000000000002")
	alice = directory.ID("1a000000000000000000000000000001")
)

func catalog() *directory.Catalog {
	group := func(id, name string, organization directory.ID, children ...directory.ID) directory.Group {
		return directory.Group{ID: directory.ID(id), Organization: organization, Name: name, ChildGroups: children}
	}
	return &directory.Catalog{
		Version:       7,
		Organizations: []directory.Organization{{ID: acme, Name: "acme", Policy: directory.DefaultPolicy()}, {ID: other, Name: "other"}},
		Groups: []directory.Group{
			group("everyone", directory.Everyone, acme), group("nobody", directory.Nobody, acme),
			group("staff", "staff", acme, "clerks"), group("clerks", "order-clerks", acme, "interns"), group("interns", "interns", acme),
			group("foreign", "foreign", other),
		},
		Assignments: []directory.Assignment{
			{ID: "1", Role: directory.AccessAsNonInteractiveUser, Scope: directory.OnOrganization, ScopeID: acme, Holder: "staff"},
			{ID: "2", Role: directory.AdministerNonInteractiveUser, Scope: directory.OnOrganization, ScopeID: acme, Holder: "nobody"},
			{ID: "3", Role: directory.OrganizationAdmin, Scope: directory.OnOrganization, ScopeID: other, Holder: "staff"},
			{ID: "4", Role: directory.PlatformAdmin, Scope: directory.OnPlatform, Holder: alice},
			{ID: "5", Role: directory.GroupAdmin, Scope: directory.OnGroup, ScopeID: "clerks", Holder: alice},
			{ID: "6", Rights: []directory.Right{directory.Introspect}, Scope: directory.OnOrganization, ScopeID: acme, Holder: "everyone"},
			{ID: "7", Rights: []directory.Right{directory.ManageAllTokens}, Scope: directory.OnOrganization, ScopeID: other, Holder: alice},
			{ID: "8", Rights: []directory.Right{directory.ReadManagedTokens}, Scope: directory.OnGroup, ScopeID: "clerks", Holder: alice},
			{ID: "9", Role: directory.ManageSystemSecurityRoles, Scope: directory.OnOrganization, ScopeID: acme, Holder: "foreign"},
		},
	}
}

func TestAccess(t *testing.T) {
	snapshot := directory.NewSnapshot(catalog())
	intern := &directory.Identity{ID: "2b000000000000000000000000000002", Organization: acme, Groups: []directory.ID{"interns", "nobody", "foreign", "unknown"}}
	access := snapshot.AccessOf(intern)

	require.Equal(t, []string{"interns", "order-clerks", "staff"}, access.Groups(), "membership is transitive; Nobody, foreign and unknown groups count for nothing")
	require.True(t, access.InGroup("staff"))
	require.True(t, access.InGroup(directory.Everyone))
	require.False(t, access.InGroup(directory.Nobody))
	require.Equal(t, []directory.Role{directory.AccessAsNonInteractiveUser}, access.Roles())
	require.True(t, access.HoldsOrganizationRole(directory.AccessAsNonInteractiveUser), "by a group that the direct one is nested in")
	require.False(t, access.HoldsOrganizationRole(directory.AdministerNonInteractiveUser), "what is on Nobody nobody has")
	require.False(t, access.HoldsOrganizationRole(directory.OrganizationAdmin), "a role of another organization")
	require.False(t, access.HoldsOrganizationRole(directory.ManageSystemSecurityRoles), "by a group of another organization")
	require.True(t, access.HasRight(directory.ManageMyTokens), "implied by the role")
	require.True(t, access.HasRight(directory.ReadMyTokens), "included in manage")
	require.True(t, access.HasRight(directory.Introspect), "by Everyone")
	require.False(t, access.HasRight(directory.ReadAllTokens))

	admin := &directory.Identity{ID: alice, Organization: acme}
	access = snapshot.AccessOf(admin)
	require.True(t, access.HoldsRole(directory.PlatformAdmin, directory.OnPlatform, ""))
	require.True(t, access.HoldsRole(directory.GroupAdmin, directory.OnGroup, "clerks"))
	require.False(t, access.HoldsRole(directory.GroupAdmin, directory.OnGroup, "staff"))
	require.False(t, access.HasRight(directory.ManageAllTokens), "a right in another organization")
	require.False(t, access.HasRight(directory.ReadManagedTokens), "a right in one group is none in the organization")
	require.False(t, access.HasRight(directory.ManageMyTokens), "no administrator gets a role implicitly")
	require.Equal(t, []directory.Role{directory.PlatformAdmin}, access.Roles(), "group roles are not roles of the organization")
}

func TestSnapshotFinds(t *testing.T) {
	snapshot := directory.NewSnapshot(catalog())
	require.EqualValues(t, 7, snapshot.Version())
	organization, ok := snapshot.Organization(acme)
	require.True(t, ok)
	require.Equal(t, "acme", organization.Name)
	_, ok = snapshot.Organization("none")
	require.False(t, ok)
	_, ok = snapshot.OrganizationByName("other")
	require.True(t, ok)
	_, ok = snapshot.OrganizationByName("none")
	require.False(t, ok)
	all := snapshot.Organizations()
	require.Len(t, all, len(catalog().Organizations))
	require.True(t, slices.IsSortedFunc(all, func(a, b *directory.Organization) int { return cmp.Compare(a.ID, b.ID) }))
	group, ok := snapshot.GroupByName(acme, "staff")
	require.True(t, ok)
	require.EqualValues(t, "staff", group.ID)
	_, ok = snapshot.GroupByName(other, "staff")
	require.False(t, ok)
	_, ok = snapshot.Group("clerks")
	require.True(t, ok)
}

// Whoever has a right has it still when more is assigned or more groups are
// joined, and whoever is in no organization's scope gets nothing from it.
func TestAccessIsMonotoneAndBoundToTheOrganization(t *testing.T) {
	rights := []directory.Right{directory.ReadMyTokens, directory.ManageMyTokens, directory.ReadAllTokens, directory.ManageAllTokens, directory.Introspect}
	rapid.Check(t, func(t *rapid.T) {
		c := &directory.Catalog{Organizations: []directory.Organization{{ID: acme}, {ID: other}}}
		groups := rapid.IntRange(1, 6).Draw(t, "groups")
		for i := range groups {
			group := directory.Group{ID: directory.ID(fmt.Sprint("g", i)), Organization: acme, Name: fmt.Sprint("g", i)}
			for child := range i {
				if rapid.Bool().Draw(t, "nested") {
					group.ChildGroups = append(group.ChildGroups, directory.ID(fmt.Sprint("g", child)))
				}
			}
			c.Groups = append(c.Groups, group)
		}
		for i := range rapid.IntRange(0, 8).Draw(t, "assignments") {
			c.Assignments = append(c.Assignments, directory.Assignment{
				ID: directory.ID(fmt.Sprint("a", i)), Scope: directory.OnOrganization, ScopeID: rapid.SampledFrom([]directory.ID{acme, other}).Draw(t, "scope"),
				Holder: directory.ID(fmt.Sprint("g", rapid.IntRange(0, groups-1).Draw(t, "holder"))),
				Rights: []directory.Right{rapid.SampledFrom(rights).Draw(t, "right")},
			})
		}
		member := directory.ID(fmt.Sprint("g", rapid.IntRange(0, groups-1).Draw(t, "member")))
		snapshot := directory.NewSnapshot(c)
		less := snapshot.AccessOf(&directory.Identity{ID: alice, Organization: acme})
		more := snapshot.AccessOf(&directory.Identity{ID: alice, Organization: acme, Groups: []directory.ID{member}})
		foreign := snapshot.AccessOf(&directory.Identity{ID: alice, Organization: other, Groups: []directory.ID{member}})
		for _, right := range rights {
			require.False(t, less.HasRight(right))
			require.False(t, foreign.HasRight(right))
			if right == directory.ReadAllTokens && more.HasRight(directory.ManageAllTokens) {
				require.True(t, more.HasRight(right))
			}
		}
	})
}

func TestStatus(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	policy := directory.DefaultPolicy()
	policy.LogonInactivityDays = 30
	for name, c := range map[string]struct {
		change func(*directory.Identity, *directory.Policy)
		want   directory.Status
	}{
		"logged in lately":     {func(*directory.Identity, *directory.Policy) {}, directory.Active},
		"disabled":             {func(i *directory.Identity, _ *directory.Policy) { i.Enabled = false }, directory.Disabled},
		"threshold reached":    {func(i *directory.Identity, _ *directory.Policy) { i.LastLogin = now.Add(-30 * day) }, directory.Inactive},
		"a moment before it":   {func(i *directory.Identity, _ *directory.Policy) { i.LastLogin = now.Add(-30*day + 1) }, directory.Active},
		"never logged in, old": {func(i *directory.Identity, _ *directory.Policy) { i.LastLogin = time.Time{} }, directory.Inactive},
		"never logged in, new": {func(i *directory.Identity, _ *directory.Policy) { i.LastLogin, i.Created = time.Time{}, now }, directory.Active},
		"built-in administrator": {func(i *directory.Identity, _ *directory.Policy) {
			i.LastLogin, i.BuiltInAdministrator = time.Time{}, true
		}, directory.Active},
		"technical user": {func(i *directory.Identity, _ *directory.Policy) {
			i.LastLogin, i.Type = time.Time{}, directory.TechnicalUser
		}, directory.Active},
		"threshold off":                 {func(i *directory.Identity, p *directory.Policy) { i.LastLogin, p.LogonInactivityDays = time.Time{}, 0 }, directory.Active},
		"disabled built-in, all exempt": {func(i *directory.Identity, _ *directory.Policy) { i.Enabled, i.BuiltInAdministrator = false, true }, directory.Disabled},
	} {
		identity, policy := directory.Identity{Type: directory.User, Enabled: true, Created: now.Add(-90 * day), LastLogin: now.Add(-day)}, policy
		c.change(&identity, &policy)
		require.Equal(t, c.want, identity.Status(&policy, now), name)
	}
}
