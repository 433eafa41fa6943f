package manage_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/storagetest"
)

// inFile is a world over a file.
func inFile(t *testing.T) *world {
	t.Helper()
	still := &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: still.now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return newWorld(t, still, storagetest.Stores{PATs: db.PATs(), Uses: db.Uses(), Identities: db.Identities(), Catalog: db.Catalog()})
}

func (w *world) groupOf(organization directory.ID, name string) directory.Group {
	w.Helper()
	made, err := w.people.CreateGroup(w.Context(), directory.Group{Organization: organization, Name: name}, directory.Actor{})
	require.NoError(w, err)
	return made
}

func (w *world) give(organization directory.ID, assignment directory.Assignment) {
	w.Helper()
	require.NoError(w, w.people.Assign(w.Context(), organization, assignment, directory.Actor{}))
}

// TestEnding counts what ends with a person and with a group, for who may end them.
func TestEnding(t *testing.T) {
	t.Parallel()
	w := inFile(t)
	home := w.organization(directory.DefaultPolicy())
	alice := w.person(home.ID, directory.AccessAsNonInteractiveUser)
	keeper := w.person(home.ID, directory.ManageSystemSecurityGroups)
	group := w.groupOf(home.ID, "clerks")
	require.NoError(t, w.people.AddMember(t.Context(), group.ID, alice.ID, directory.Actor{}))
	w.give(home.ID, directory.Assignment{Role: directory.OrganizationUser, Scope: directory.OnOrganization, ScopeID: home.ID, Holder: group.ID})
	w.give(home.ID, directory.Assignment{Role: directory.GroupAdmin, Scope: directory.OnGroup, ScopeID: group.ID, Holder: alice.ID})
	technical := w.technicalUser(home.ID, group.ID)
	w.give(home.ID, directory.Assignment{Role: directory.GroupUser, Scope: directory.OnGroup, ScopeID: group.ID, Holder: technical})
	for _, record := range []pat.Record{
		{Owner: alice.ID, Level: pat.Personal},
		{Owner: alice.ID, Level: pat.Personal, Expiration: w.clock.now().Add(time.Hour)},
		{Owner: alice.ID, Level: pat.Personal, Expiration: w.clock.now()},
		{Owner: alice.ID, Level: pat.Personal, State: pat.StateRevoked},
		{Owner: alice.ID, Level: pat.Personal, Managed: true},
		{Owner: keeper.ID, Level: pat.Personal},
		{Owner: technical, Level: pat.Group, LevelID: group.ID},
	} {
		record.Organization = home.ID
		w.store(&record)
	}

	end, err := w.manager.IdentityEnding(t.Context(), w.session(&keeper), string(alice.ID))
	require.NoError(t, err)
	require.Equal(t, &manage.Ending{Tokens: 4, Usable: 2, Roles: 2}, end)
	end, err = w.manager.GroupEnding(t.Context(), w.session(&keeper), string(group.ID))
	require.NoError(t, err)
	require.Equal(t, &manage.Ending{Tokens: 1, Usable: 1, Roles: 2, Members: 1}, end)

	var lack *manage.LackError
	_, err = w.manager.IdentityEnding(t.Context(), w.session(&alice), string(keeper.ID))
	require.ErrorAs(t, err, &lack)
	_, err = w.manager.GroupEnding(t.Context(), w.session(&alice), string(group.ID))
	require.ErrorAs(t, err, &lack, "who only keeps its members")
	_, err = w.manager.IdentityEnding(t.Context(), w.session(&keeper), string(technical))
	require.ErrorIs(t, err, manage.ErrTechnical)
}

// TestEndSessions names the person whose sessions may be ended, and records who ends
// them.
func TestEndSessions(t *testing.T) {
	t.Parallel()
	l := newLogins(t, inFile(t))
	alice, keeper := l.person(l.home.ID), l.person(l.home.ID, directory.ManageSystemSecurityGroups)
	other := l.organization(directory.DefaultPolicy())
	stranger := l.person(other.ID, directory.ManageSystemSecurityGroups)

	found, err := l.manager.EndSessions(t.Context(), l.session(&keeper), string(alice.ID))
	require.NoError(t, err)
	require.Equal(t, alice.ID, found.ID)
	events := l.trail.taken()
	require.Len(t, events, 1)
	require.Equal(t, []any{audit.LoginEnded, string(keeper.ID), string(alice.ID), string(l.home.ID)},
		[]any{events[0].Name, events[0].Actor, events[0].Subject, events[0].Organization})

	var lack *manage.LackError
	_, err = l.manager.EndSessions(t.Context(), l.session(&alice), string(keeper.ID))
	require.ErrorAs(t, err, &lack)
	_, err = l.manager.EndSessions(t.Context(), l.session(&stranger), string(alice.ID))
	require.ErrorIs(t, err, manage.ErrNotFound)
	_, err = l.manager.EndSessions(t.Context(), l.session(&keeper), string(l.technicalUser(l.home.ID, l.home.ID)))
	require.ErrorIs(t, err, manage.ErrTechnical)
	require.Empty(t, l.trail.taken())
	l.trail.err = errors.New("the disk is full")
	_, err = l.manager.EndSessions(t.Context(), l.session(&keeper), string(alice.ID))
	require.ErrorIs(t, err, fault.ErrUnavailable)
}
