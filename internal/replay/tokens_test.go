package replay_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/pat"
)

func TestApplyToTokens(t *testing.T) {
	nothing := func(*world, *stage) {}
	for name, c := range map[string]scenario{
		"PERSONAL_ACCESS_TOKEN_CREATED": {
			do: func(w *world, s *stage) {
				_, record := w.token(&s.owner, pat.Organization)
				w.revoke(record.ID, pat.End{})
				_, record = w.token(&s.owner, pat.Organization)
				w.rename(record.ID)
				w.delete(record.ID)
			},
			check:   nothing,
			already: names{audit.TokenCreated: 1, audit.TokenRevoked: 1, audit.TokenUpdated: 1, audit.TokenDeleted: 1},
			lost:    names{audit.TokenCreated: 1},
		},
		"PERSONAL_ACCESS_TOKEN_UPDATED": {
			do:    func(w *world, s *stage) { w.rename(s.shared.ID) },
			check: func(w *world, s *stage) { require.Equal(w, s.shared.Name, w.stored(s.shared.ID).Name) },
			lost:  names{audit.TokenUpdated: 1},
		},
		"PERSONAL_ACCESS_TOKEN_DELETED": {
			do: func(w *world, s *stage) {
				w.revoke(s.shared.ID, pat.End{})
				w.delete(s.shared.ID)
			},
			check: func(w *world, s *stage) {
				_, err := w.tokens.Find(w.Context(), s.shared.ID)
				require.ErrorIs(w, err, pat.ErrNotFound)
			},
			applied: names{audit.TokenDeleted: 1}, already: names{audit.TokenRevoked: 1},
		},
		"PERSONAL_ACCESS_TOKEN_REVOKED": {
			do: func(w *world, s *stage) { w.revoke(s.mine.ID, pat.End{Reason: pat.Unused}) },
			check: func(w *world, s *stage) {
				record := w.stored(s.mine.ID)
				require.Equal(w, pat.StateRevoked, record.State)
				require.Equal(w, pat.Unused, record.RevokeReason)
				require.True(w, record.RevokedAt.Before(w.clock.at))
				require.Empty(w, record.RevokedBy)
			},
			applied: names{audit.TokenRevoked: 1},
		},
		"revoked without its children": {
			do: func(w *world, s *stage) { w.revoke(s.shared.ID, pat.End{Reversible: true}) },
			check: func(w *world, s *stage) {
				require.Equal(w, pat.StateActive, w.stored(s.child.ID).State)
				require.False(w, w.stored(s.shared.ID).Reversible, "nobody knows whether it was")
			},
			applied: names{audit.TokenRevoked: 1},
		},
		"leaked": {
			do:      func(w *world, s *stage) { w.revoke(s.shared.ID, pat.End{Reason: pat.Compromised}) },
			check:   func(w *world, s *stage) { require.Equal(w, pat.StateRevoked, w.stored(s.child.ID).State) },
			applied: names{audit.TokenRevoked: 2},
		},
		"PERSONAL_ACCESS_TOKEN_REACTIVATED": {
			do: func(w *world, s *stage) {
				w.revoke(s.shared.ID, pat.End{Reversible: true})
				w.reactivate(s.shared.ID)
			},
			check: func(w *world, s *stage) {
				record := w.stored(s.shared.ID)
				require.Equal(w, pat.StateActive, record.State)
				require.EqualValues(w, 2, record.Generation, "JWTs from before stay dead")
			},
			applied: names{audit.TokenRevoked: 1, audit.TokenReactivated: 1},
		},
		"revoked, reactivated, revoked": {
			do: func(w *world, s *stage) {
				w.revoke(s.shared.ID, pat.End{Reversible: true})
				w.reactivate(s.shared.ID)
				w.revoke(s.shared.ID, pat.End{Reason: pat.Unused})
			},
			check: func(w *world, s *stage) {
				record := w.stored(s.shared.ID)
				require.Equal(w, pat.StateRevoked, record.State)
				require.Equal(w, pat.Unused, record.RevokeReason)
				require.EqualValues(w, 1, record.Generation)
			},
			applied: names{audit.TokenRevoked: 1}, already: names{audit.TokenRevoked: 1, audit.TokenReactivated: 1},
		},
		"reactivated twice": {
			do: func(w *world, s *stage) {
				for range 2 {
					w.revoke(s.shared.ID, pat.End{Reversible: true})
					w.reactivate(s.shared.ID)
				}
			},
			check: func(w *world, s *stage) {
				require.Equal(w, pat.StateActive, w.stored(s.shared.ID).State)
				require.EqualValues(w, 3, w.stored(s.shared.ID).Generation, "JWTs of the one between are dead, too")
			},
			applied: names{audit.TokenRevoked: 1, audit.TokenReactivated: 1}, already: names{audit.TokenRevoked: 1, audit.TokenReactivated: 1},
		},
		"revoked, then for good": {
			do: func(w *world, s *stage) {
				w.revoke(s.shared.ID, pat.End{Reversible: true})
				w.revoke(s.shared.ID, pat.End{Reason: pat.Compromised})
			},
			check: func(w *world, s *stage) {
				require.Equal(w, pat.Compromised, w.stored(s.shared.ID).RevokeReason)
				require.False(w, w.stored(s.shared.ID).Reversible)
				require.True(w, w.stored(s.shared.ID).RevokedAt.Before(w.stored(s.child.ID).RevokedAt), "it ended the first time")
			},
			applied: names{audit.TokenRevoked: 2}, already: names{audit.TokenRevoked: 1}, // and the child
		},
		"PERSONAL_ACCESS_TOKEN_ROTATED": {
			do: func(w *world, s *stage) { w.rotate(s.shared.ID) },
			check: func(w *world, s *stage) {
				record := w.stored(s.shared.ID)
				require.Equal(w, pat.StateRevoked, record.State)
				require.Equal(w, pat.Compromised, record.RevokeReason)
				require.False(w, record.Reversible)
			},
			applied: names{audit.TokenRotated: 1},
		},
		"rotated twice": {
			do: func(w *world, s *stage) {
				w.rotate(s.shared.ID)
				w.rotate(s.shared.ID)
			},
			check: func(w *world, s *stage) {
				record := w.stored(s.shared.ID)
				require.Less(w, record.RevokedAt.Sub(record.Created), pat.MaxSkew, "it ended the first time")
			},
			applied: names{audit.TokenRotated: 1}, already: names{audit.TokenRotated: 1},
		},
		"rotated, revoked, reactivated": {
			do: func(w *world, s *stage) {
				w.rotate(s.shared.ID)
				w.revoke(s.shared.ID, pat.End{Reversible: true})
				w.reactivate(s.shared.ID)
			},
			check:   func(w *world, s *stage) { require.Equal(w, pat.Compromised, w.stored(s.shared.ID).RevokeReason) },
			applied: names{audit.TokenRotated: 1}, already: names{audit.TokenRevoked: 1, audit.TokenReactivated: 1},
		},
		"PERSONAL_ACCESS_TOKEN_EXPIRED": {
			do: func(w *world, s *stage) {
				w.clock.at = w.clock.at.Add(2 * time.Hour)
				w.use(s.secret)
			},
			check:   func(w *world, s *stage) { require.Equal(w, pat.StateAutoRevoked, w.stored(s.mine.ID).State) },
			applied: names{audit.TokenExpired: 1},
		},
	} {
		t.Run(name, func(t *testing.T) { c.run(t) })
	}
}
