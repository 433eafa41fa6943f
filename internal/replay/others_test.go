package replay_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

func TestApplyToOthers(t *testing.T) {
	nothing := func(*world, *stage) {}
	jwt := func(w *world, s *stage) {
		_, err := w.tokens.RevokeAccessToken(w.Context(), &s.shared, "jti", w.clock.at.Add(time.Minute), pat.Actor{})
		require.NoError(w, err)
	}
	for name, c := range map[string]scenario{
		"ACCESS_TOKEN_REVOKED": {
			do: jwt,
			check: func(w *world, s *stage) {
				live, err := w.db.Uses().Live(w.Context(), s.shared.ID, "jti")
				require.NoError(w, err)
				require.True(w, live.Revoked)
			},
			applied: names{audit.AccessTokenRevoked: 1},
		},
		"ACCESS_TOKEN_REVOKED, long ago": {
			do: func(w *world, s *stage) {
				jwt(w, s)
				w.clock.at = w.clock.at.Add(pat.MaxAccessTokenLife)
			},
			check:   nothing,
			already: names{audit.AccessTokenRevoked: 1},
		},
		"IDENTITY_CREATED": {
			do:    func(w *world, _ *stage) { w.person() },
			check: nothing,
			lost:  names{audit.IdentityCreated: 1},
		},
		"made and removed": {
			do: func(w *world, _ *stage) {
				person := w.person()
				require.NoError(w, w.people.ReplaceIdentity(w.Context(), person, directory.Actor{}))
				person.Revision++
				require.NoError(w, w.people.DeleteIdentity(w.Context(), &person, directory.Actor{}))
			},
			check:   nothing,
			already: names{audit.IdentityCreated: 1, audit.IdentityUpdated: 1, audit.IdentityDeleted: 1},
		},
		"IDENTITY_UPDATED": {
			do: func(w *world, s *stage) {
				s.owner.DisplayName = "Alice"
				require.NoError(w, w.people.ReplaceIdentity(w.Context(), s.owner, directory.Actor{}))
			},
			check: nothing,
			lost:  names{audit.IdentityUpdated: 1},
		},
		"IDENTITY_UPDATED, disabled": {
			do: func(w *world, s *stage) {
				s.owner.Enabled = false
				require.NoError(w, w.people.ReplaceIdentity(w.Context(), s.owner, directory.Actor{}))
			},
			check: func(w *world, s *stage) {
				owner, err := w.people.Find(w.Context(), s.owner.ID)
				require.NoError(w, err)
				require.False(w, owner.Enabled)
			},
			applied: names{audit.IdentityUpdated: 1},
		},
		"IDENTITY_UPDATED, disabled and enabled": {
			do: func(w *world, s *stage) {
				for _, enabled := range []bool{false, true} {
					s.owner.Enabled = enabled
					require.NoError(w, w.people.ReplaceIdentity(w.Context(), s.owner, directory.Actor{}))
					s.owner.Revision++
					w.clock.at = w.clock.at.Add(time.Minute)
				}
			},
			check: func(w *world, s *stage) {
				owner, err := w.people.Find(w.Context(), s.owner.ID)
				require.NoError(w, err)
				require.True(w, owner.Enabled)
			},
			lost: names{audit.IdentityUpdated: 2},
		},
		"IDENTITY_DELETED": {
			do: func(w *world, s *stage) {
				require.NoError(w, w.people.DeleteIdentity(w.Context(), &s.owner, directory.Actor{}))
			},
			check: func(w *world, s *stage) {
				_, err := w.people.Find(w.Context(), s.owner.ID)
				require.ErrorIs(w, err, directory.ErrNotFound)
				_, err = w.tokens.Find(w.Context(), s.mine.ID)
				require.ErrorIs(w, err, pat.ErrNotFound)
			},
		},
		"GROUP_CREATED": {
			do: func(w *world, _ *stage) {
				_, err := w.people.CreateGroup(w.Context(), directory.Group{Organization: w.organization.ID, Name: "new"}, directory.Actor{})
				require.NoError(w, err)
			},
			check: nothing,
			lost:  names{audit.GroupCreated: 1},
		},
		"GROUP_UPDATED": {
			do: func(w *world, s *stage) {
				group, err := w.people.CreateGroup(w.Context(), directory.Group{Organization: w.organization.ID, Name: "new"}, directory.Actor{})
				require.NoError(w, err)
				require.NoError(w, w.people.NestGroup(w.Context(), s.group.ID, group.ID, directory.Actor{}))
			},
			check: nothing,
			lost:  names{audit.GroupCreated: 1, audit.GroupUpdated: 1},
		},
		"GROUP_DELETED": {
			do: func(w *world, s *stage) {
				require.NoError(w, w.people.DeleteGroup(w.Context(), s.group.ID, directory.Actor{}))
			},
			check: func(w *world, s *stage) {
				who, err := w.people.Snapshot(w.Context())
				require.NoError(w, err)
				_, ok := who.Group(s.group.ID)
				require.False(w, ok)
				parent, ok := who.Group(s.parent.ID)
				require.True(w, ok)
				require.Empty(w, parent.ChildGroups)
			},
			applied: names{audit.GroupDeleted: 1}, lost: names{audit.GroupUpdated: 1},
		},
		"ROLE_ASSIGNED": {
			do: func(w *world, s *stage) {
				require.NoError(w, w.people.Assign(w.Context(), w.organization.ID, directory.Assignment{
					Role: directory.GroupAdmin, Scope: directory.OnGroup, ScopeID: s.group.ID, Holder: s.owner.ID,
				}, directory.Actor{}))
			},
			check: nothing,
			lost:  names{audit.RoleAssigned: 1},
		},
		"ROLE_UNASSIGNED": {
			do: func(w *world, s *stage) {
				require.NoError(w, w.people.Unassign(w.Context(), w.organization.ID, directory.AccessAsNonInteractiveUser, s.owner.ID, directory.Actor{}))
			},
			check: func(w *world, s *stage) {
				who, err := w.people.Snapshot(w.Context())
				require.NoError(w, err)
				_, ok := who.Assignment(s.role)
				require.False(w, ok)
			},
			applied: names{audit.RoleUnassigned: 1},
		},
		"ORGANIZATION_CREATED": {
			do: func(w *world, _ *stage) {
				_, err := w.people.CreateOrganization(w.Context(), "rival", directory.DefaultPolicy(), directory.Actor{})
				require.NoError(w, err)
			},
			check: nothing,
			lost:  names{audit.OrganizationCreated: 1},
		},
		"KEY_REVOKED": {
			do: func(w *world, s *stage) { require.NoError(w, w.ring.Revoke(w.Context(), s.kid, keys.Actor{})) },
			check: func(w *world, s *stage) {
				for _, key := range w.ring.List() {
					require.Equal(w, key.KID == s.kid, key.State == keys.Revoked)
				}
				require.NoError(w, w.ring.Ready(w.clock.at))
			},
			applied: names{audit.KeyRevoked: 1}, lost: names{audit.KeyCreated: 1},
		},
	} {
		t.Run(name, func(t *testing.T) { c.run(t) })
	}
}
