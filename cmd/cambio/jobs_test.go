package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// Each organization's policy decides over its own tokens.
func TestRevokeUnusedByPolicy(t *testing.T) {
	n := prepared(t)
	ctx := t.Context()
	event := func() audit.Event { return audit.Event{ID: id.New(), Time: time.Now()} }
	idle := func(name string, days int) pat.ID {
		policy := directory.DefaultPolicy()
		policy.UnusedRevokeDays = days
		organization, err := n.directory.CreateOrganization(ctx, name, policy, directory.Actor{})
		require.NoError(t, err)
		owner, err := n.directory.CreateIdentity(ctx, directory.Identity{Organization: organization.ID, Username: "alice", Enabled: true}, directory.Actor{})
		require.NoError(t, err)
		record := pat.Record{
			ID: pat.NewID(owner.ID), Organization: organization.ID, Owner: owner.ID, Name: "idle", Level: pat.Personal, State: pat.StateActive,
			Created: time.Now().Add(-40 * 24 * time.Hour).UTC().Truncate(time.Millisecond), Generation: 1, Revision: 1,
		}
		require.NoError(t, n.store.PATs().Create(ctx, record, 0, event()))
		return record.ID
	}
	strict, lax, off := idle("strict", 30), idle("lax", 50), idle("off", 0)
	require.NoError(t, n.directory.Refresh(ctx))
	for range 2 {
		require.NoError(t, n.revokeUnused(ctx))
		for token, want := range map[pat.ID]pat.State{strict: pat.StateRevoked, lax: pat.StateActive, off: pat.StateActive} {
			record, err := n.tokens.Find(ctx, token)
			require.NoError(t, err)
			require.Equal(t, want, record.State)
		}
	}
	runner, err := n.runner()
	require.NoError(t, err)
	require.Len(t, runner.Jobs, 1)
}
