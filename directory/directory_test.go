package directory_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/storage/bolt"
)

func open(t *testing.T) *directory.Directory {
	t.Helper()
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	d, err := directory.New(directory.Config{Identities: db.Identities(), Catalog: db.Catalog(), Now: time.Now})
	require.NoError(t, err)
	return d
}

func snapshotOf(t *testing.T, d *directory.Directory) *directory.Snapshot {
	t.Helper()
	snapshot, err := d.Snapshot(t.Context())
	require.NoError(t, err)
	return snapshot
}

func TestCreateOrganizationOnce(t *testing.T) {
	d := open(t)
	var ids sync.Map
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			organization, err := d.CreateOrganization(t.Context(), "acme", directory.DefaultPolicy(), directory.Actor{})
			if err != nil {
				t.Error(err)
			}
			ids.Store(organization.ID, true)
		})
	}
	group.Wait()
	made := 0
	ids.Range(func(any, any) bool { made++; return true })
	require.Equal(t, 1, made)
	snapshot := snapshotOf(t, d)
	organization, ok := snapshot.OrganizationByName("acme")
	require.True(t, ok)
	require.Equal(t, directory.DefaultPolicy(), organization.Policy)
	for _, reserved := range []string{directory.Nobody, directory.Everyone, directory.Administrators} {
		_, ok := snapshot.GroupByName(organization.ID, reserved)
		require.True(t, ok, reserved)
	}
}

func TestGroups(t *testing.T) {
	d := open(t)
	ctx, nobody := t.Context(), directory.Actor{}
	organization, err := d.CreateOrganization(ctx, "acme", directory.DefaultPolicy(), nobody)
	require.NoError(t, err)
	group := func(name string, children ...directory.ID) directory.Group {
		made, err := d.CreateGroup(ctx, directory.Group{Organization: organization.ID, Name: name, ChildGroups: children}, nobody)
		require.NoError(t, err)
		return made
	}
	inner := group("inner")
	middle := group("middle", inner.ID)
	outer := group("outer")
	require.NoError(t, d.NestGroup(ctx, outer.ID, middle.ID, nobody))
	require.NoError(t, d.NestGroup(ctx, outer.ID, middle.ID, nobody), "nesting twice changes nothing")

	require.ErrorIs(t, d.NestGroup(ctx, inner.ID, outer.ID, nobody), directory.ErrCycle)
	require.ErrorIs(t, d.NestGroup(ctx, inner.ID, inner.ID, nobody), directory.ErrCycle)
	require.ErrorIs(t, d.NestGroup(ctx, inner.ID, "none", nobody), directory.ErrNotFound)
	require.ErrorIs(t, d.NestGroup(ctx, "none", inner.ID, nobody), directory.ErrNotFound)
	reserved, _ := snapshotOf(t, d).GroupByName(organization.ID, directory.Nobody)
	require.ErrorIs(t, d.NestGroup(ctx, reserved.ID, inner.ID, nobody), directory.ErrNotFound, "Nobody never has members")
	_, err = d.CreateGroup(ctx, directory.Group{Organization: organization.ID, Name: "inner"}, nobody)
	require.ErrorIs(t, err, directory.ErrNameTaken)
	_, err = d.CreateGroup(ctx, directory.Group{Organization: organization.ID, Name: "x", ChildGroups: []directory.ID{"none"}}, nobody)
	require.ErrorIs(t, err, directory.ErrNotFound)

	access := snapshotOf(t, d).AccessOf(&directory.Identity{ID: "i", Organization: organization.ID, Groups: []directory.ID{inner.ID}})
	require.Equal(t, []string{"inner", "middle", "outer"}, access.Groups())
}

func TestAssignments(t *testing.T) {
	d := open(t)
	ctx, nobody := t.Context(), directory.Actor{}
	organization, err := d.CreateOrganization(ctx, "acme", directory.DefaultPolicy(), nobody)
	require.NoError(t, err)
	identity, err := d.CreateIdentity(ctx, directory.Identity{Organization: organization.ID, Type: directory.User, Username: "alice", Enabled: true}, nobody)
	require.NoError(t, err)
	holds := func() bool {
		access := snapshotOf(t, d).AccessOf(&identity)
		return access.HoldsOrganizationRole(directory.AccessAsNonInteractiveUser)
	}
	require.False(t, holds())
	assignment := directory.Assignment{
		Role: directory.AccessAsNonInteractiveUser, Scope: directory.OnOrganization, ScopeID: organization.ID, Holder: identity.ID,
	}
	require.NoError(t, d.Assign(ctx, organization.ID, assignment, nobody))
	version := snapshotOf(t, d).Version()
	require.True(t, holds(), "this process sees its own change at once")
	require.NoError(t, d.Assign(ctx, organization.ID, assignment, nobody))
	require.Equal(t, version, snapshotOf(t, d).Version(), "what is held is not written twice")
	require.NoError(t, d.Unassign(ctx, organization.ID, directory.AccessAsNonInteractiveUser, identity.ID, nobody))
	require.False(t, holds())
}

func TestDeleteGroup(t *testing.T) {
	d := open(t)
	ctx, nobody := t.Context(), directory.Actor{}
	organization, err := d.CreateOrganization(ctx, "acme", directory.DefaultPolicy(), nobody)
	require.NoError(t, err)
	group := func(name string, children ...directory.ID) directory.Group {
		made, err := d.CreateGroup(ctx, directory.Group{Organization: organization.ID, Name: name, ChildGroups: children}, nobody)
		require.NoError(t, err)
		return made
	}
	doomed, sibling := group("doomed"), group("sibling")
	parent := group("parent", doomed.ID, sibling.ID)
	member, err := d.CreateIdentity(ctx, directory.Identity{
		Organization: organization.ID, Username: "alice", Groups: []directory.ID{doomed.ID, sibling.ID},
	}, nobody)
	require.NoError(t, err)
	for _, assignment := range []directory.Assignment{
		{Role: directory.OrganizationAdmin, Scope: directory.OnOrganization, ScopeID: organization.ID, Holder: doomed.ID},
		{Role: directory.GroupAdmin, Scope: directory.OnGroup, ScopeID: doomed.ID, Holder: member.ID},
		{Role: directory.GroupAdmin, Scope: directory.OnGroup, ScopeID: sibling.ID, Holder: member.ID},
	} {
		require.NoError(t, d.Assign(ctx, organization.ID, assignment, nobody))
	}

	require.NoError(t, d.DeleteGroup(ctx, doomed.ID, nobody))
	snapshot := snapshotOf(t, d)
	_, ok := snapshot.Group(doomed.ID)
	require.False(t, ok)
	left, ok := snapshot.Group(parent.ID)
	require.True(t, ok)
	require.Equal(t, []directory.ID{sibling.ID}, left.ChildGroups)
	access := snapshot.AccessOf(&member)
	require.False(t, access.HoldsOrganizationRole(directory.OrganizationAdmin))
	require.False(t, access.HoldsRole(directory.GroupAdmin, directory.OnGroup, doomed.ID))
	require.True(t, access.HoldsRole(directory.GroupAdmin, directory.OnGroup, sibling.ID), "other groups keep theirs")
	require.Equal(t, []string{"parent", "sibling"}, access.Groups())

	require.ErrorIs(t, d.DeleteGroup(ctx, doomed.ID, nobody), directory.ErrNotFound)
	everyone, ok := snapshot.GroupByName(organization.ID, directory.Everyone)
	require.True(t, ok)
	require.ErrorIs(t, d.DeleteGroup(ctx, everyone.ID, nobody), directory.ErrReserved)
}

func TestRemoveAssignment(t *testing.T) {
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	d, err := directory.New(directory.Config{Identities: db.Identities(), Catalog: db.Catalog(), Now: time.Now})
	require.NoError(t, err)
	ctx, nobody := t.Context(), directory.Actor{}
	organization, err := d.CreateOrganization(ctx, "acme", directory.DefaultPolicy(), nobody)
	require.NoError(t, err)
	holder, err := d.CreateIdentity(ctx, directory.Identity{Organization: organization.ID, Username: "alice"}, nobody)
	require.NoError(t, err)
	for _, role := range []directory.Role{directory.OrganizationAdmin, directory.OrganizationUser} {
		require.NoError(t, d.Assign(ctx, organization.ID, directory.Assignment{
			Role: role, Scope: directory.OnOrganization, ScopeID: organization.ID, Holder: holder.ID,
		}, nobody))
	}
	catalog, err := db.Catalog().Load(ctx)
	require.NoError(t, err)
	held := catalog.Assignments
	require.Len(t, held, 2)
	require.NoError(t, d.RemoveAssignment(ctx, organization.ID, held[0].ID, nobody))
	snapshot := snapshotOf(t, d)
	access := snapshot.AccessOf(&holder)
	require.Equal(t, []directory.Role{held[1].Role}, access.Roles())
	_, ok := snapshot.Assignment(held[1].ID)
	require.True(t, ok)
	require.ErrorIs(t, d.RemoveAssignment(ctx, organization.ID, held[0].ID, nobody), directory.ErrNotFound)
}

func TestAssignToGroupOnly(t *testing.T) {
	d := open(t)
	ctx, platform := t.Context(), directory.Actor{}
	organization, err := d.CreateOrganization(ctx, "acme", directory.DefaultPolicy(), platform)
	require.NoError(t, err)
	other, err := d.CreateOrganization(ctx, "other", directory.DefaultPolicy(), platform)
	require.NoError(t, err)
	ci, err := d.CreateGroup(ctx, directory.Group{Organization: organization.ID, Name: "ci"}, platform)
	require.NoError(t, err)
	everyone, _ := snapshotOf(t, d).GroupByName(organization.ID, directory.Everyone)
	const role = directory.AccessAsNonInteractiveUser
	holds := func(identity directory.Identity) bool {
		access := snapshotOf(t, d).AccessOf(&identity)
		return access.HoldsOrganizationRole(role)
	}
	anybody := directory.Identity{ID: "a", Organization: organization.ID}
	member := directory.Identity{ID: "b", Organization: organization.ID, Groups: []directory.ID{ci.ID}}
	itself := directory.Identity{ID: "c", Organization: organization.ID}
	elsewhere := directory.Identity{ID: "d", Organization: other.ID}
	theirs, _ := snapshotOf(t, d).GroupByName(other.ID, directory.Everyone)
	require.NoError(t, d.AssignToGroupOnly(ctx, other.ID, role, theirs.ID, platform))
	require.NoError(t, d.Assign(ctx, organization.ID, directory.Assignment{
		Role: role, Scope: directory.OnOrganization, ScopeID: organization.ID, Holder: itself.ID,
	}, platform))

	for _, step := range []struct {
		group           directory.ID
		anybody, member bool
	}{{everyone.ID, true, true}, {ci.ID, false, true}, {everyone.ID, true, true}} {
		require.NoError(t, d.AssignToGroupOnly(ctx, organization.ID, role, step.group, platform))
		version := snapshotOf(t, d).Version()
		require.NoError(t, d.AssignToGroupOnly(ctx, organization.ID, role, step.group, platform))
		require.Equal(t, version, snapshotOf(t, d).Version(), "what is held is not written twice")
		require.Equal(t, step.anybody, holds(anybody))
		require.Equal(t, step.member, holds(member))
		require.True(t, holds(itself), "what an identity holds itself is not a group's")
		require.True(t, holds(elsewhere), "another organization is not touched")
	}
	require.ErrorIs(t, d.AssignToGroupOnly(ctx, organization.ID, role, theirs.ID, platform), directory.ErrNotFound)
	require.ErrorIs(t, d.AssignToGroupOnly(ctx, organization.ID, role, "none", platform), directory.ErrNotFound)
}

func TestIdentities(t *testing.T) {
	d := open(t)
	ctx, nobody := t.Context(), directory.Actor{}
	organization, err := d.CreateOrganization(ctx, "acme", directory.DefaultPolicy(), nobody)
	require.NoError(t, err)
	identity, err := d.CreateIdentity(ctx, directory.Identity{Organization: organization.ID, Type: directory.User, Username: "alice"}, nobody)
	require.NoError(t, err)
	_, err = d.CreateIdentity(ctx, directory.Identity{Organization: organization.ID, Type: directory.User, Username: "alice"}, nobody)
	require.ErrorIs(t, err, directory.ErrNameTaken)
	_, err = d.CreateIdentity(ctx, directory.Identity{Organization: organization.ID, Username: " "}, nobody)
	require.Error(t, err)

	found, err := d.FindByLogin(ctx, organization.ID, directory.ByUsername, "alice")
	require.NoError(t, err)
	require.Equal(t, identity.ID, found.ID)
	found.DisplayName = "Alice"
	require.NoError(t, d.ReplaceIdentity(ctx, found, nobody))
	require.ErrorIs(t, d.ReplaceIdentity(ctx, found, nobody), directory.ErrConflict)
	found, err = d.Find(ctx, identity.ID)
	require.NoError(t, err)
	require.Equal(t, "Alice", found.DisplayName)
	require.False(t, found.Modified.IsZero())

	require.NoError(t, d.DeleteIdentity(ctx, &found, nobody))
	_, err = d.Find(ctx, identity.ID)
	require.ErrorIs(t, err, directory.ErrNotFound)
	require.ErrorIs(t, d.DeleteIdentity(ctx, &found, nobody), directory.ErrNotFound)
}

func TestNewNeedsAll(t *testing.T) {
	_, err := directory.New(directory.Config{})
	require.Error(t, err)
}

// source is a catalog that counts its reads and can be out of reach.
type source struct {
	directory.Identities
	mu            sync.Mutex
	catalog       directory.Catalog
	err           error
	writeErr      error
	loads, checks atomic.Int64
}

func (s *source) Version(context.Context) (uint64, error) {
	s.checks.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.catalog.Version, s.err
}

func (s *source) Load(context.Context) (directory.Catalog, error) {
	s.loads.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.catalog, s.err
}

func (s *source) Write(context.Context, uint64, []directory.Change, []audit.Event) error {
	return s.writeErr
}

func (s *source) set(change func(*source)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func TestSnapshotIsAtMostASecondOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		d, err := directory.New(directory.Config{Identities: s, Catalog: s, Now: time.Now})
		require.NoError(t, err)
		_, err = d.Snapshot(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, s.loads.Load())

		time.Sleep(directory.MaxSnapshotAge)
		_, err = d.Snapshot(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, s.checks.Load(), "young enough")

		time.Sleep(time.Millisecond)
		_, err = d.Snapshot(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 2, s.checks.Load())
		require.EqualValues(t, 1, s.loads.Load(), "an unchanged catalog is not loaded again")

		s.set(func(s *source) { s.err = errors.New("down") })
		_, err = d.Snapshot(t.Context())
		require.NoError(t, err)
		time.Sleep(directory.MaxSnapshotAge + 1)
		_, err = d.Snapshot(t.Context())
		require.ErrorIs(t, err, fault.ErrUnavailable)

		s.set(func(s *source) { s.err = nil; s.catalog.Version = 9 })
		snapshot, err := d.Snapshot(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 9, snapshot.Version())
	})
}

// A store that lost its directory denies nobody and allows nothing: its answers
// would pass for the truth about what was revoked.
func TestLostCatalog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		s.catalog.Version = 3
		d, err := directory.New(directory.Config{Identities: s, Catalog: s, Now: time.Now})
		require.NoError(t, err)
		_, err = d.Snapshot(t.Context())
		require.NoError(t, err)
		s.set(func(s *source) { s.catalog = directory.Catalog{} })
		time.Sleep(directory.MaxSnapshotAge + 1)
		_, err = d.Snapshot(t.Context())
		require.ErrorIs(t, err, fault.ErrUnavailable)
		s.set(func(s *source) { s.catalog.Version = 2 })
		_, err = d.Snapshot(t.Context())
		require.NoError(t, err, "an earlier state of it is one")
	})
}

func TestRunKeepsTheSnapshotYoung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		d, err := directory.New(directory.Config{Identities: s, Catalog: s, Now: time.Now})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		time.Sleep(10 * time.Second)
		before := s.checks.Load()
		require.Greater(t, before, int64(30))
		s.set(func(s *source) { s.catalog.Version = 3 })
		time.Sleep(time.Second)
		snapshot, err := d.Snapshot(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 3, snapshot.Version())
		cancel()
		require.NoError(t, <-done)
	})
}

func TestWritesGiveUpInTheEnd(t *testing.T) {
	s := &source{writeErr: directory.ErrConflict}
	d, err := directory.New(directory.Config{Identities: s, Catalog: s, Now: time.Now})
	require.NoError(t, err)
	_, err = d.CreateOrganization(t.Context(), "acme", directory.DefaultPolicy(), directory.Actor{})
	require.ErrorIs(t, err, fault.ErrUnavailable)
	s.writeErr = errors.New("down")
	_, err = d.CreateOrganization(t.Context(), "acme", directory.DefaultPolicy(), directory.Actor{})
	require.ErrorContains(t, err, "down")
	s.err = errors.New("gone")
	_, err = d.CreateOrganization(t.Context(), "acme", directory.DefaultPolicy(), directory.Actor{})
	require.ErrorContains(t, err, "gone")
}

// stalled is a catalog that never answers.
type stalled struct {
	directory.Catalogs

	asked atomic.Int64
}

func (s *stalled) Version(ctx context.Context) (uint64, error) {
	s.asked.Add(1)
	<-ctx.Done()
	return 0, ctx.Err()
}

// TestStalledCatalog: who waits for the same answer waits together, and whoever
// asked first may have gone.
func TestStalledCatalog(t *testing.T) {
	store := &stalled{}
	d, err := directory.New(directory.Config{Identities: struct{ directory.Identities }{}, Catalog: store, Now: time.Now})
	require.NoError(t, err)
	gone, leave := context.WithCancel(t.Context())
	leave()
	started := time.Now()
	var group sync.WaitGroup
	for i := range 16 {
		ctx := t.Context()
		if i%2 == 0 {
			ctx = gone
		}
		group.Go(func() {
			if _, err := d.Snapshot(ctx); !errors.Is(err, fault.ErrUnavailable) {
				t.Errorf("a directory that cannot be read says %v", err)
			}
		})
	}
	group.Wait()
	require.Less(t, time.Since(started), 3*time.Second)
	require.LessOrEqual(t, store.asked.Load(), int64(4))
}
