package main

import (
	"context"
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
	require.Len(t, runner.Jobs, 3)
}

// Rounds end where the next one begins, whoever runs it, and one that fails is begun
// again.
func TestWarnExpiring(t *testing.T) {
	n := prepared(t)
	ctx := t.Context()
	record := dying(t, n)
	require.NoError(t, n.directory.Refresh(ctx))
	sink, err := audit.OpenSink(audit.Config{Dir: t.TempDir(), Now: time.Now})
	require.NoError(t, err)
	n.sink = sink
	mark := func() time.Time {
		at, err := n.store.Mark(ctx, "expiring "+string(record.Organization))
		require.NoError(t, err)
		return at
	}
	warnings := func() []audit.Line {
		look, err := sink.After(nil, 10, func(name audit.Name) bool { return name == audit.TokenExpiring })
		require.NoError(t, err)
		return look.Lines
	}
	ended, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	require.Error(t, n.warnExpiring(ended), "nothing reaches the disk yet")
	require.Zero(t, mark())
	sinking, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- sink.Run(sinking) }()
	defer func() {
		stop()
		require.NoError(t, <-done)
	}()
	require.NoError(t, n.warnExpiring(ctx))
	require.WithinDuration(t, time.Now(), mark(), time.Minute)
	got := warnings()
	require.Len(t, got, 2, "that of the round that failed is there too")
	require.Equal(t, got[0].Event.ID, got[1].Event.ID)
	require.NoError(t, n.warnExpiring(ctx))
	require.Len(t, warnings(), 2)
}

// Only technical users are removed, only old ones, and only without a token; what they
// held goes too.
func TestRemoveTokenless(t *testing.T) {
	n := prepared(t)
	ctx := t.Context()
	snapshot, err := n.directory.Snapshot(ctx)
	require.NoError(t, err)
	organization := snapshot.Organizations()[0].ID
	add := func(name string, typ directory.IdentityType, age time.Duration) directory.ID {
		identity := directory.Identity{
			ID: directory.ID(id.New()), Organization: organization, Type: typ, Username: name, Enabled: true, Revision: 1, Created: pat.Milliseconds(time.Now().Add(-age)),
		}
		require.NoError(t, n.store.Identities().Create(ctx, identity, audit.Event{ID: id.New(), Time: time.Now()}))
		return identity.ID
	}
	left, person, young, owner := add("left", directory.TechnicalUser, 2*time.Hour), add("person", directory.User, 2*time.Hour),
		add("young", directory.TechnicalUser, 30*time.Minute), add("owner", directory.TechnicalUser, 2*time.Hour)
	require.NoError(t, n.store.PATs().Create(ctx, pat.Record{
		ID: pat.NewID(organization), Organization: organization, Owner: owner, Name: "ci", Level: pat.Organization, LevelID: organization,
		State: pat.StateRevoked, Created: pat.Milliseconds(time.Now()), Generation: 1, Revision: 1,
	}, 0, audit.Event{ID: id.New(), Time: time.Now()}))
	role := directory.Assignment{Role: directory.AccessAsNonInteractiveUser, Scope: directory.OnOrganization, ScopeID: organization, Holder: left}
	require.NoError(t, n.directory.Assign(ctx, organization, role, directory.Actor{}))
	for range 2 {
		require.NoError(t, n.removeTokenless(ctx))
		for identity, want := range map[directory.ID]error{left: directory.ErrNotFound, person: nil, young: nil, owner: nil} {
			_, err := n.directory.Find(ctx, identity)
			require.ErrorIs(t, err, want)
		}
	}
	catalog, err := n.store.Catalog().Load(ctx)
	require.NoError(t, err)
	for _, assignment := range catalog.Assignments {
		require.NotEqual(t, left, assignment.Holder)
	}
}
