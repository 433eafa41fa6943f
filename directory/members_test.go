package directory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

func TestMembers(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.identity("alice"), w.identity("bob")
	inner := w.group("inner")
	outer := w.group("outer", inner.ID)
	w.events()
	for range 2 {
		require.NoError(t, w.AddMember(t.Context(), inner.ID, alice.ID, platform))
		require.Equal(t, []directory.Identity{w.find(alice.ID)}, collect(t, w.Members(t.Context(), inner.ID)))
	}
	require.Equal(t, []audit.Name{audit.IdentityUpdated}, w.events(), "twice is once")
	require.Empty(t, collect(t, w.Members(t.Context(), outer.ID)), "direct ones only")
	require.NoError(t, w.RemoveMember(t.Context(), inner.ID, bob.ID, platform))
	require.Empty(t, w.events())
	require.NoError(t, w.RemoveMember(t.Context(), inner.ID, alice.ID, platform))
	require.Empty(t, collect(t, w.Members(t.Context(), inner.ID)))
	require.Equal(t, []audit.Name{audit.IdentityUpdated}, w.events())
}

func TestMembersRefused(t *testing.T) {
	w := newWorld(t)
	alice, staff := w.identity("alice"), w.group("staff")
	elsewhere, err := w.AddOrganization(t.Context(), "elsewhere", directory.DefaultPolicy(), platform)
	require.NoError(t, err)
	foreign, err := w.CreateGroup(t.Context(), directory.Group{Organization: elsewhere.ID, Name: "foreign"}, platform)
	require.NoError(t, err)
	unknown := directory.ID(id.New())
	for name, one := range map[string]struct {
		group, identity directory.ID
		want            error
	}{
		"fine":             {staff.ID, alice.ID, nil},
		"unknown group":    {unknown, alice.ID, directory.ErrNotFound},
		"unknown identity": {staff.ID, unknown, directory.ErrNotFound},
		"foreign group":    {foreign.ID, alice.ID, directory.ErrNotFound},
		"Nobody":           {w.reserved(directory.Nobody), alice.ID, directory.ErrReserved},
		"Everyone":         {w.reserved(directory.Everyone), alice.ID, directory.ErrReserved},
		"Administrators":   {w.reserved(directory.Administrators), alice.ID, nil},
	} {
		require.ErrorIs(t, w.AddMember(t.Context(), one.group, one.identity, platform), one.want, name)
	}
	require.ErrorIs(t, w.RemoveMember(t.Context(), staff.ID, unknown, platform), directory.ErrNotFound)
	require.NoError(t, w.DeleteGroup(t.Context(), staff.ID, platform))
	require.ErrorIs(t, w.AddMember(t.Context(), staff.ID, alice.ID, platform), directory.ErrNotFound, "it was one")
	require.NoError(t, w.RemoveMember(t.Context(), staff.ID, alice.ID, platform))
	require.Equal(t, []directory.ID{w.reserved(directory.Administrators)}, w.find(alice.ID).Groups)
}

// TestMemberOfANewGroup: what another process made a moment ago is known.
func TestMemberOfANewGroup(t *testing.T) {
	w := newWorld(t)
	alice := w.identity("alice")
	_, err := w.Snapshot(t.Context())
	require.NoError(t, err)
	made := directory.Group{ID: directory.ID(id.New()), Organization: w.organization.ID, Name: "new"}
	require.NoError(t, w.db.Catalog().Write(t.Context(), snapshotOf(t, w.Directory).Version(),
		[]directory.Change{{Group: &made}}, []audit.Event{{ID: id.New(), Name: audit.GroupCreated}}))
	require.NoError(t, w.AddMember(t.Context(), made.ID, alice.ID, platform))
}
