package manage_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/manage"
)

// TestTokenUsers gives the use of personal tokens to one group at a time; people keep
// what they hold by themselves.
func TestTokenUsers(t *testing.T) {
	t.Parallel()
	w := inFile(t)
	home := w.organization(directory.DefaultPolicy())
	other := w.organization(directory.DefaultPolicy())
	w.groupOf(other.ID, "theirs")
	alice, assigner := w.person(home.ID, directory.AccessAsNonInteractiveUser), w.person(home.ID, directory.ManageSystemSecurityRoles)
	clerks := w.groupOf(home.ID, "clerks")
	people := []manage.Reference{{ID: alice.ID, Name: alice.DisplayName}}
	for _, step := range []struct {
		set  string
		want manage.TokenUsers
	}{
		{directory.Nobody, manage.TokenUsers{People: people}},
		{directory.Everyone, manage.TokenUsers{Everyone: true, People: people}},
		{"clerks", manage.TokenUsers{Groups: []manage.Reference{{ID: clerks.ID, Name: "clerks"}}, People: people}},
	} {
		require.NoError(t, w.manager.SetTokenUsers(t.Context(), w.session(&assigner), manage.Given(step.set)))
		users, err := w.manager.TokenUsers(t.Context(), w.session(&assigner))
		require.NoError(t, err)
		require.Equal(t, &step.want, users, step.set)
	}
	require.ErrorIs(t, w.manager.SetTokenUsers(t.Context(), w.session(&assigner), manage.Given("theirs")), manage.ErrNotFound)
	var lack *manage.LackError
	require.ErrorAs(t, w.manager.SetTokenUsers(t.Context(), w.session(&alice), manage.Given(directory.Nobody)), &lack)
	_, err := w.manager.TokenUsers(t.Context(), w.session(&alice))
	require.ErrorAs(t, err, &lack)
}

// TestHeldBy tells what comes to somebody, and by which group, to who may read both.
func TestHeldBy(t *testing.T) {
	t.Parallel()
	w := inFile(t)
	home := w.organization(directory.DefaultPolicy())
	alice := w.person(home.ID, directory.AccessAsNonInteractiveUser)
	keeper := w.person(home.ID, directory.ManageSystemSecurityGroups, directory.ManageSystemSecurityRoles)
	groups := w.person(home.ID, directory.ManageSystemSecurityGroups)
	clerks := w.groupOf(home.ID, "clerks")
	require.NoError(t, w.people.AddMember(t.Context(), clerks.ID, alice.ID, directory.Actor{}))
	w.give(home.ID, directory.Assignment{Role: directory.GroupUser, Scope: directory.OnGroup, ScopeID: clerks.ID, Holder: clerks.ID})
	w.give(home.ID, directory.Assignment{Role: directory.PlatformAdmin, Scope: directory.OnPlatform, Holder: alice.ID})

	held, err := w.manager.HeldBy(t.Context(), w.session(&keeper), string(alice.ID))
	require.NoError(t, err)
	require.Len(t, held, 2, "those on the platform are the platform's")
	require.Equal(t, directory.AccessAsNonInteractiveUser, held[0].Role)
	require.False(t, held[0].HolderGroup)
	require.Equal(t, home.Name, held[0].ScopeName)
	require.Equal(t, directory.GroupUser, held[1].Role)
	require.Equal(t, []any{true, "clerks", "clerks"}, []any{held[1].HolderGroup, held[1].HolderName, held[1].ScopeName})
	held, err = w.manager.HeldByGroup(t.Context(), w.session(&keeper), string(clerks.ID))
	require.NoError(t, err)
	require.Len(t, held, 1)

	var lack *manage.LackError
	_, err = w.manager.HeldBy(t.Context(), w.session(&groups), string(alice.ID))
	require.ErrorAs(t, err, &lack)
	_, err = w.manager.HeldByGroup(t.Context(), w.session(&groups), string(clerks.ID))
	require.ErrorAs(t, err, &lack)
	_, err = w.manager.HeldBy(t.Context(), w.session(&alice), string(keeper.ID))
	require.ErrorAs(t, err, &lack)
}
