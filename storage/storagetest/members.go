package storagetest

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

func runMembers(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"follow their records":   membersFollow,
		"one of 20 replaces":     membersRace,
		"a thousand in a group":  membersMany,
		"of what is no group":    membersUnknown,
		"identities by their id": identitiesFound,
		"an ended context":       membersCancelled,
	})
}

func newGroup() directory.ID { return directory.ID(id.New()) }

// requireMembers proves that a group has these members and no others, by id.
func requireMembers(t *testing.T, s Stores, group directory.ID, want ...directory.Identity) {
	t.Helper()
	slices.SortFunc(want, func(a, b directory.Identity) int { return cmp.Compare(a.ID, b.ID) })
	require.Equal(t, want, collect(t, s.Identities.Members(t.Context(), group)))
}

// membersFollow: who is in a group is who says so in its record, after each change of
// that and after none that was refused.
func membersFollow(t *testing.T, s Stores) {
	t.Helper()
	staff, clerks, guests := newGroup(), newGroup(), newGroup()
	stays, moves := newIdentity(), filledIdentity(t)
	stays.Groups, moves.Groups = []directory.ID{staff}, []directory.ID{staff, clerks}
	moves.Username = "30:\"" + string(guests) + "\"" // as it might stand in a list of groups
	createIdentity(t, s, stays)
	createIdentity(t, s, moves)
	requireMembers(t, s, staff, stays, moves)
	requireMembers(t, s, clerks, moves)
	requireMembers(t, s, guests)

	taken := newIdentity()
	taken.Username, taken.Groups = stays.Username, []directory.ID{guests}
	require.ErrorIs(t, s.Identities.Create(t.Context(), taken, event(audit.IdentityCreated)), directory.ErrNameTaken)
	requireMembers(t, s, guests)

	replace := func(groups ...directory.ID) {
		t.Helper()
		moves.Groups = groups
		require.NoError(t, s.Identities.Replace(t.Context(), moves, event(audit.IdentityUpdated)))
		moves.Revision++
	}
	replace(guests, staff)
	requireMembers(t, s, staff, stays, moves)
	requireMembers(t, s, clerks)
	requireMembers(t, s, guests, moves)
	old := moves
	old.Revision--
	old.Groups = []directory.ID{clerks}
	require.ErrorIs(t, s.Identities.Replace(t.Context(), old, event(audit.IdentityUpdated)), directory.ErrConflict)
	requireMembers(t, s, clerks)
	moves.Username = "another"
	replace(guests, staff)
	requireMembers(t, s, guests, moves)
	replace()
	requireMembers(t, s, staff, stays)
	requireMembers(t, s, guests)
	replace(staff)
	requireMembers(t, s, staff, stays, moves)
	require.NoError(t, s.Identities.Delete(t.Context(), moves.ID, event(audit.IdentityDeleted)))
	requireMembers(t, s, staff, stays)
	require.NoError(t, s.Identities.Delete(t.Context(), stays.ID, event(audit.IdentityDeleted)))
	requireMembers(t, s, staff)
}

func membersRace(t *testing.T, s Stores) {
	t.Helper()
	identity := newIdentity()
	createIdentity(t, s, identity)
	groups := []directory.ID{newGroup(), newGroup(), newGroup(), newGroup()}
	together(20, func(i int) {
		changed, updated := identity, event(audit.IdentityUpdated)
		changed.Groups = groups[i%3 : i%3+2]
		if err := insist(func() error { return s.Identities.Replace(t.Context(), changed, updated) }); err != nil {
			assert.ErrorIs(t, err, directory.ErrConflict)
		}
	})
	after := mustFindIdentity(t, s, identity.ID)
	require.Len(t, after.Groups, 2)
	for _, group := range groups {
		if slices.Contains(after.Groups, group) {
			requireMembers(t, s, group, after)
		} else {
			requireMembers(t, s, group)
		}
	}
}

// membersMany: a group of members in every shard, next to one of another organization.
func membersMany(t *testing.T, s Stores) {
	t.Helper()
	group, foreign := newGroup(), newGroup()
	all := make([]directory.Identity, 1000)
	for i := range all {
		all[i] = newIdentity()
		all[i].ID, all[i].Groups = directory.ID(in(id.ShardName(i%id.Shards))), []directory.ID{group}
		all[i].Username = string(all[i].ID)
	}
	abroad := newIdentity()
	abroad.Organization, abroad.Groups = directory.ID(id.New()), []directory.ID{foreign}
	createIdentity(t, s, abroad)
	together(20, func(i int) {
		for part := i; part < len(all); part += 20 {
			created := event(audit.IdentityCreated)
			assert.NoError(t, insist(func() error { return s.Identities.Create(t.Context(), all[part], created) }))
		}
	})
	requireMembers(t, s, foreign, abroad)
	requireMembers(t, s, group, slices.Clone(all)...)
	first := collect(t, s.Identities.Members(t.Context(), group))[0]
	for one, err := range s.Identities.Members(t.Context(), group) {
		require.NoError(t, err)
		require.Equal(t, first, one)
		break // nobody has to read to the end
	}
	ids := make([]directory.ID, 0, len(all))
	for i := range all {
		ids = append(ids, all[i].ID)
	}
	found, err := s.Identities.FindAll(t.Context(), ids)
	require.NoError(t, err)
	require.Len(t, found, len(all))
	for i := range all {
		require.Equal(t, all[i], found[all[i].ID])
	}
}

func membersUnknown(t *testing.T, s Stores) {
	t.Helper()
	identity := newIdentity()
	identity.Groups = []directory.ID{"", "{}", "A"}
	createIdentity(t, s, identity)
	for _, group := range []directory.ID{newGroup(), "", "{}", "A"} {
		requireMembers(t, s, group)
	}
	require.Equal(t, identity, mustFindIdentity(t, s, identity.ID))
	identity.Groups = nil
	require.NoError(t, s.Identities.Replace(t.Context(), identity, event(audit.IdentityUpdated)))
}

// identitiesFound: those that are gone, or are none, are left out.
func identitiesFound(t *testing.T, s Stores) {
	t.Helper()
	first, second, gone := filledIdentity(t), newIdentity(), newIdentity()
	for _, identity := range []directory.Identity{first, second, gone} {
		createIdentity(t, s, identity)
	}
	require.NoError(t, s.Identities.Delete(t.Context(), gone.ID, event(audit.IdentityDeleted)))
	found, err := s.Identities.FindAll(t.Context(), []directory.ID{first.ID, gone.ID, directory.ID(id.New()), second.ID, "{}", "", first.ID})
	require.NoError(t, err)
	require.Equal(t, map[directory.ID]directory.Identity{first.ID: first, second.ID: second}, found)
	found, err = s.Identities.FindAll(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, found)
}

func membersCancelled(t *testing.T, s Stores) {
	t.Helper()
	identity := newIdentity()
	createIdentity(t, s, identity)
	require.Error(t, second(s.Identities.FindAll(cancelled(t), []directory.ID{identity.ID})))
	failed := false
	for _, err := range s.Identities.Members(cancelled(t), newGroup()) {
		require.Error(t, err)
		failed = true
	}
	require.True(t, failed)
}
