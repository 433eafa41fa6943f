package manage_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// TestHolderByName finds groups and people by name for who may assign roles there.
func TestHolderByName(t *testing.T) {
	t.Parallel()
	w := inFile(t)
	home, other := w.organization(directory.DefaultPolicy()), w.organization(directory.DefaultPolicy())
	alice, assigner := w.person(home.ID), w.person(home.ID, directory.ManageSystemSecurityRoles)
	there := w.person(other.ID)
	group := w.groupOf(home.ID, "clerks")
	c := w.session(&assigner)

	found, err := w.manager.Holder(t.Context(), c, "", true, "clerks")
	require.NoError(t, err)
	require.Equal(t, &manage.Reference{ID: group.ID, Name: "clerks"}, found)
	found, err = w.manager.Holder(t.Context(), c, home.ID, false, alice.Username)
	require.NoError(t, err)
	require.Equal(t, &manage.Reference{ID: alice.ID, Name: alice.DisplayName}, found)

	for name, ask := range map[string]func() (*manage.Reference, error){
		"no such group":     func() (*manage.Reference, error) { return w.manager.Holder(t.Context(), c, "", true, "clerk") },
		"no such person":    func() (*manage.Reference, error) { return w.manager.Holder(t.Context(), c, "", false, "clerks") },
		"somebody of other": func() (*manage.Reference, error) { return w.manager.Holder(t.Context(), c, "", false, there.Username) },
		"others' tenant": func() (*manage.Reference, error) {
			return w.manager.Holder(t.Context(), c, other.ID, false, there.Username)
		},
	} {
		_, err := ask()
		require.ErrorIs(t, err, manage.ErrNotFound, name)
	}
	var lack *manage.LackError
	_, err = w.manager.Holder(t.Context(), w.session(&alice), "", false, assigner.Username)
	require.ErrorAs(t, err, &lack)
}

// TestMemberByUsername finds people for who keeps a group, without the right to read
// all of them.
func TestMemberByUsername(t *testing.T) {
	t.Parallel()
	w := inFile(t)
	home := w.organization(directory.DefaultPolicy())
	alice, keeper := w.person(home.ID), w.person(home.ID)
	group, closed := w.groupOf(home.ID, "clerks"), w.groupOf(home.ID, "others")
	w.give(home.ID, directory.Assignment{Role: directory.GroupAdmin, Scope: directory.OnGroup, ScopeID: group.ID, Holder: keeper.ID})

	found, err := w.manager.MemberByUsername(t.Context(), w.session(&keeper), string(group.ID), alice.Username)
	require.NoError(t, err)
	require.Equal(t, alice.ID, found.ID)
	_, err = w.manager.MemberByUsername(t.Context(), w.session(&keeper), string(group.ID), "nobody")
	require.ErrorIs(t, err, manage.ErrNotFound)
	_, err = w.manager.MemberByUsername(t.Context(), w.session(&keeper), string(closed.ID), alice.Username)
	require.ErrorIs(t, err, manage.ErrNotFound)
	var lack *manage.LackError
	_, err = w.manager.MemberByUsername(t.Context(), w.session(&alice), string(group.ID), keeper.Username)
	require.ErrorAs(t, err, &lack)
}

// TestSearchIdentities finds technical users too, as SearchPeople does not.
func TestSearchIdentities(t *testing.T) {
	t.Parallel()
	w := inFile(t)
	home := w.organization(directory.DefaultPolicy())
	keeper := w.person(home.ID, directory.ManageSystemSecurityGroups)
	technical := w.technicalUser(home.ID, home.ID)
	search := &manage.Search[directory.Identity]{
		Ask:   manage.Ask{Limit: 10, Count: true},
		Where: func(identity *directory.Identity) bool { return !strings.HasPrefix(identity.Username, "x") },
	}
	for range 2 {
		found, err := w.manager.SearchIdentities(t.Context(), w.session(&keeper), manage.Given(search))
		require.NoError(t, err)
		require.Equal(t, 2, found.Total)
		require.ElementsMatch(t, []directory.ID{keeper.ID, technical}, []directory.ID{found.Entries[0].ID, found.Entries[1].ID})
		people, err := w.manager.SearchPeople(t.Context(), w.session(&keeper), manage.Given(search))
		require.NoError(t, err)
		require.Equal(t, 1, people.Total)
	}
}
