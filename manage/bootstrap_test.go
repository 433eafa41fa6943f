package manage_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/manage"
)

func TestBootstrapSetsUpOnce(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		ctx, actor := t.Context(), directory.Actor{Origin: audit.Origin{IP: "192.0.2.7"}}
		needed := func(organization string) bool {
			t.Helper()
			needed, err := manage.SetupNeeded(ctx, w.people, organization)
			require.NoError(t, err)
			return needed
		}
		for _, name := range []string{directory.DefaultOrganizationName, "acme"} {
			made, err := w.people.AddOrganization(ctx, name, directory.DefaultPolicy(), directory.Actor{})
			require.NoError(t, err)
			_, err = w.people.CreateIdentity(ctx, directory.Identity{Organization: made.ID, Username: "somebody", Enabled: true}, directory.Actor{})
			require.NoError(t, err)
		}
		require.True(t, needed(directory.DefaultOrganizationName))

		setup := manage.Setup{Organization: directory.DefaultOrganizationName, Username: "admin", Users: "ci"}
		first, err := manage.Bootstrap(ctx, w.people, setup, actor)
		require.NoError(t, err)
		require.True(t, first.MadeGroup)
		require.True(t, first.Identity.BuiltInAdministrator)
		require.Equal(t, "admin", first.Identity.DisplayName)
		require.Equal(t, setup.Organization, first.Organization.Name)
		require.False(t, needed(setup.Organization))
		require.True(t, needed("acme"), "each has its own")

		again, err := manage.Bootstrap(ctx, w.people, setup, actor)
		require.NoError(t, err)
		require.False(t, again.MadeGroup)
		require.Equal(t, first.Identity.ID, again.Identity.ID)

		other, err := manage.Bootstrap(ctx, w.people, manage.Setup{Organization: "acme", Username: "root", DisplayName: "The Root", Users: directory.Everyone}, actor)
		require.NoError(t, err)
		require.Equal(t, "The Root", other.Identity.DisplayName)
		snapshot := w.snapshot()
		access := snapshot.AccessOf(&other.Identity)
		require.False(t, access.HoldsRole(directory.PlatformAdmin, directory.OnPlatform, ""))
		require.True(t, access.HoldsOrganizationRole(directory.OrganizationAdmin))
		access = snapshot.AccessOf(&first.Identity)
		require.True(t, access.HoldsRole(directory.PlatformAdmin, directory.OnPlatform, ""))

		// one who lost all roles is still there
		for _, assignment := range snapshot.Assignments() {
			if assignment.Holder == other.Identity.ID {
				require.NoError(t, w.people.RemoveAssignment(ctx, other.Organization.ID, assignment.ID, directory.Actor{}))
			}
		}
		require.False(t, needed("acme"))
	})
}

func TestBootstrapRefuses(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		ctx := t.Context()
		made, err := w.people.AddOrganization(ctx, directory.DefaultOrganizationName, directory.DefaultPolicy(), directory.Actor{})
		require.NoError(t, err)
		_, err = w.people.CreateIdentity(ctx, directory.Identity{Organization: made.ID, Username: "somebody", Enabled: true}, directory.Actor{})
		require.NoError(t, err)
		good := manage.Setup{Organization: directory.DefaultOrganizationName, Username: "admin", Users: directory.Nobody}
		with := func(change func(*manage.Setup)) manage.Setup {
			setup := good
			change(&setup)
			return setup
		}
		field, other := new(*directory.FieldError), new(*manage.AdministratorError)
		_, err = manage.Bootstrap(ctx, w.people, with(func(s *manage.Setup) { s.Username = "" }), directory.Actor{})
		require.ErrorAs(t, err, field)
		needed, err := manage.SetupNeeded(ctx, w.people, good.Organization)
		require.NoError(t, err)
		require.True(t, needed)
		done, err := manage.Bootstrap(ctx, w.people, with(func(s *manage.Setup) { s.Users = string(directory.OrganizationAdmin) }), directory.Actor{})
		require.ErrorIs(t, err, directory.ErrReserved)
		require.False(t, done.MadeGroup)
		needed, err = manage.SetupNeeded(ctx, w.people, good.Organization)
		require.NoError(t, err)
		require.True(t, needed, "nothing is half set up")
		_, err = manage.Bootstrap(ctx, w.people, good, directory.Actor{})
		require.NoError(t, err)

		_, err = manage.Bootstrap(ctx, w.people, with(func(s *manage.Setup) { s.Organization = "no " + id.New() }), directory.Actor{})
		require.ErrorIs(t, err, manage.ErrNoOrganization)
		_, err = manage.SetupNeeded(ctx, w.people, "none")
		require.ErrorIs(t, err, manage.ErrNoOrganization)
		_, err = manage.Bootstrap(ctx, w.people, with(func(s *manage.Setup) { s.Username = "somebody" }), directory.Actor{})
		require.ErrorIs(t, err, manage.ErrUsernameTaken)
		_, err = manage.Bootstrap(ctx, w.people, with(func(s *manage.Setup) { s.Username = "second" }), directory.Actor{})
		require.ErrorAs(t, err, other)
		require.Equal(t, "admin", (*other).Username)
	})
}
