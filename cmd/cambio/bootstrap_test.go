package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/config"
	"github.com/cambio-sts/cambio/keys"
)

// prepared is a node on a fresh store, as after init.
func prepared(t *testing.T) *node {
	t.Helper()
	dir := t.TempDir()
	master := filepath.Join(dir, "master.key")
	require.NoError(t, os.WriteFile(master, []byte(keys.GenerateMaster().Reveal()), 0o600))
	settings, _, err := config.Load(config.Sources{Env: []string{
		"CAMBIO_ISSUER=https://sts.example.com", "CAMBIO_STORE_URL=bolt:" + filepath.Join(dir, "cambio.db"), "CAMBIO_MASTER_KEY_FILE=" + master,
	}})
	require.NoError(t, err)
	n, err := openDomain(t.Context(), settings, opening{create: true}, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.store.Close()) })
	_, err = n.prepare(t.Context())
	require.NoError(t, err)
	return n
}

// The last answer to who may use tokens is the one that counts, and the token of
// the administrator is of use whatever it is.
func TestBootstrapReplacesItsAnswer(t *testing.T) {
	n := prepared(t)
	for _, group := range []string{directory.Everyone, directory.Nobody, "ci", directory.Everyone, "ci", directory.Nobody} {
		token, err := n.bootstrap(t.Context(), io.Discard, administration{directory.DefaultOrganizationName, "admin", group})
		require.NoError(t, err)
		snapshot, err := n.directory.Snapshot(t.Context())
		require.NoError(t, err)
		organization, _ := snapshot.OrganizationByName(directory.DefaultOrganizationName)
		may := func(groups ...directory.ID) bool {
			access := snapshot.AccessOf(&directory.Identity{ID: "somebody", Organization: organization.ID, Groups: groups})
			return access.HoldsOrganizationRole(directory.AccessAsNonInteractiveUser)
		}
		require.Equal(t, group == directory.Everyone, may(), "anybody after %s", group)
		if ci, ok := snapshot.GroupByName(organization.ID, "ci"); ok {
			require.Equal(t, group != directory.Nobody, may(ci.ID), "ci after %s", group)
		}
		record, err := n.tokens.Find(t.Context(), token.ID())
		require.NoError(t, err)
		admin, err := n.directory.Find(t.Context(), record.Owner)
		require.NoError(t, err)
		access := snapshot.AccessOf(&admin)
		require.True(t, access.HoldsOrganizationRole(directory.AccessAsNonInteractiveUser), "the administrator after %s", group)
	}
}

// The administrator of another organization has a token of that organization, may do
// there what its setting up needs, and nothing on the platform.
func TestBootstrapOfAnotherOrganization(t *testing.T) {
	n := prepared(t)
	acme, err := n.directory.CreateOrganization(t.Context(), "acme", directory.DefaultPolicy(), directory.Actor{})
	require.NoError(t, err)
	roles := map[string][]directory.Role{}
	for _, name := range []string{directory.DefaultOrganizationName, "acme"} {
		token, err := n.bootstrap(t.Context(), io.Discard, administration{name, "admin", directory.Nobody})
		require.NoError(t, err)
		record, err := n.tokens.Find(t.Context(), token.ID())
		require.NoError(t, err)
		admin, err := n.directory.Find(t.Context(), record.Owner)
		require.NoError(t, err)
		require.True(t, admin.BuiltInAdministrator)
		require.Equal(t, name == "acme", admin.Organization == acme.ID)
		require.Equal(t, name == "acme", record.Organization == acme.ID)
		snapshot, err := n.directory.Snapshot(t.Context())
		require.NoError(t, err)
		access := snapshot.AccessOf(&admin)
		roles[name] = access.Roles()
		require.Equal(t, name != "acme", access.HoldsRole(directory.PlatformAdmin, directory.OnPlatform, ""))
	}
	common := []directory.Role{directory.AccessAsNonInteractiveUser, directory.ManageSystemSecurityGroups, directory.ManageSystemSecurityRoles}
	require.ElementsMatch(t, append([]directory.Role{directory.PlatformAdmin}, common...), roles[directory.DefaultOrganizationName])
	require.ElementsMatch(t, append([]directory.Role{directory.OrganizationAdmin}, common...), roles["acme"])
}
