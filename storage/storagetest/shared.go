package storagetest

import (
	"cmp"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

func runCatalog(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"every field comes back": catalogRoundTrip,
		"put again and remove":   catalogRemove,
		"one of 100":             catalogRace,
		"100 in turn":            catalogTurns,
	})
}

func mustLoad(t *testing.T, s Stores) directory.Catalog {
	t.Helper()
	catalog, err := s.Catalog.Load(t.Context())
	require.NoError(t, err)
	version, err := s.Catalog.Version(t.Context())
	require.NoError(t, err)
	require.Equal(t, catalog.Version, version)
	return catalog
}

func mustWrite(t *testing.T, s Stores, want uint64, changes ...directory.Change) {
	t.Helper()
	require.NoError(t, s.Catalog.Write(t.Context(), want, changes, []audit.Event{event(audit.PolicyUpdated)}))
}

func catalogRoundTrip(t *testing.T, s Stores) {
	t.Helper()
	require.Zero(t, mustLoad(t, s), "an empty store")
	full := filled[directory.Organization](t)
	plain := directory.Organization{ID: directory.ID(id.New()), Name: "plain", Policy: directory.DefaultPolicy()}
	group, assignment := filled[directory.Group](t), filled[directory.Assignment](t)
	first, second := event(audit.OrganizationCreated), event(audit.GroupCreated)
	require.NoError(t, s.Catalog.Write(t.Context(), 0, []directory.Change{
		{Organization: &full},
		{Organization: &plain},
		{Group: &group},
		{Assignment: &assignment},
		{Group: &directory.Group{ID: directory.ID(id.New())}},
		{Assignment: &directory.Assignment{ID: directory.ID(id.New())}},
	}, []audit.Event{first, second}))
	catalog := mustLoad(t, s)
	require.EqualValues(t, 1, catalog.Version)
	require.ElementsMatch(t, []directory.Organization{full, plain}, catalog.Organizations)
	require.Len(t, catalog.Groups, 2)
	require.Contains(t, catalog.Groups, group)
	require.Len(t, catalog.Assignments, 2)
	require.Contains(t, catalog.Assignments, assignment)
	events := drain(t, s)
	require.Equal(t, []string{first.ID, second.ID}, []string{events[0].ID, events[1].ID}, "in the order given")
	require.Len(t, events, 2)
}

func catalogRemove(t *testing.T, s Stores) {
	t.Helper()
	group := directory.Group{ID: directory.ID(id.New()), Organization: organization, Name: "g"}
	role := directory.Assignment{ID: directory.ID(id.New()), Role: directory.PlatformAdmin, Holder: group.ID, Scope: directory.OnPlatform}
	tenant := directory.Organization{ID: organization, Name: "t"}
	mustWrite(t, s, 0, directory.Change{Group: &group}, directory.Change{Assignment: &role}, directory.Change{Organization: &tenant})
	group.Name = "renamed"
	mustWrite(t, s, 1, directory.Change{Group: &group})
	require.Equal(t, []directory.Group{group}, mustLoad(t, s).Groups)
	mustWrite(t, s, 2,
		directory.Change{Group: &directory.Group{ID: group.ID}, Remove: true},
		directory.Change{Assignment: &directory.Assignment{ID: role.ID}, Remove: true},
		directory.Change{Organization: &directory.Organization{ID: directory.ID(id.New())}, Remove: true})
	catalog := mustLoad(t, s)
	require.EqualValues(t, 3, catalog.Version)
	require.Empty(t, catalog.Groups)
	require.Empty(t, catalog.Assignments)
	require.Equal(t, []directory.Organization{tenant}, catalog.Organizations)
	mustWrite(t, s, 3, directory.Change{Organization: &tenant, Remove: true})
	require.Equal(t, directory.Catalog{Version: 4}, mustLoad(t, s))
	drain(t, s)
	for _, stale := range []uint64{0, 3, 5} {
		err := s.Catalog.Write(t.Context(), stale, []directory.Change{{Group: &group}}, []audit.Event{event(audit.GroupCreated)})
		require.ErrorIs(t, err, directory.ErrConflict)
	}
	require.Equal(t, directory.Catalog{Version: 4}, mustLoad(t, s))
	require.Empty(t, drain(t, s))
}

func catalogRace(t *testing.T, s Stores) {
	t.Helper()
	var won atomic.Int64
	together(100, func(int) {
		group := directory.Group{ID: directory.ID(id.New()), Organization: organization}
		created := event(audit.GroupCreated)
		err := insist(func() error {
			return s.Catalog.Write(t.Context(), 0, []directory.Change{{Group: &group}}, []audit.Event{created})
		})
		tally(t, &won, err, directory.ErrConflict)
	})
	require.EqualValues(t, 1, won.Load())
	catalog := mustLoad(t, s)
	require.EqualValues(t, 1, catalog.Version)
	require.Len(t, catalog.Groups, 1)
	require.Len(t, drain(t, s), 1)
}

// catalogTurns: who tries again after a conflict loses no change.
func catalogTurns(t *testing.T, s Stores) {
	t.Helper()
	const writers = 100
	together(writers, func(i int) {
		group := directory.Group{ID: directory.ID(id.New()), Organization: organization, Name: strconv.Itoa(i)}
		created := event(audit.GroupCreated)
		for range 100 * writers {
			version, err := s.Catalog.Version(t.Context())
			if err == nil {
				err = s.Catalog.Write(t.Context(), version, []directory.Change{{Group: &group}}, []audit.Event{created})
			}
			if err == nil {
				return
			}
		}
		assert.Fail(t, "no turn")
	})
	catalog := mustLoad(t, s)
	require.EqualValues(t, writers, catalog.Version)
	require.Len(t, catalog.Groups, writers)
	require.Len(t, drain(t, s), writers)
}

func runKeys(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"every field comes back": keysRoundTrip,
		"one of 50":              keysRace,
	})
}

func mustLoadKeys(t *testing.T, s Stores) keys.Stored {
	t.Helper()
	out, err := s.Keys.LoadKeys(t.Context())
	require.NoError(t, err)
	return out
}

func keysRoundTrip(t *testing.T, s Stores) {
	t.Helper()
	require.Zero(t, mustLoadKeys(t, s), "a fresh store")
	first := filled[keys.Stored](t)
	first.Version = 1
	created := event(audit.KeyCreated)
	require.NoError(t, s.Keys.SwapKeys(t.Context(), 0, first, created))
	require.Equal(t, first, mustLoadKeys(t, s))
	requireEvents(t, s, created)
	for _, stale := range []uint64{0, 2} {
		next := keys.Stored{Version: stale + 1}
		require.ErrorIs(t, s.Keys.SwapKeys(t.Context(), stale, next, event(audit.KeyCreated)), keys.ErrSwapped)
		require.Equal(t, first, mustLoadKeys(t, s))
	}
	require.Empty(t, drain(t, s))
	second := keys.Stored{Version: 2, Canary: []byte{0, 1}}
	require.NoError(t, s.Keys.SwapKeys(t.Context(), 1, second, event(audit.KeyRevoked)))
	require.Equal(t, second, mustLoadKeys(t, s))
}

func keysRace(t *testing.T, s Stores) {
	t.Helper()
	var won atomic.Int64
	together(50, func(i int) {
		next, created := keys.Stored{Version: 1, Canary: []byte(strconv.Itoa(i))}, event(audit.KeyCreated)
		tally(t, &won, insist(func() error { return s.Keys.SwapKeys(t.Context(), 0, next, created) }), keys.ErrSwapped)
	})
	require.EqualValues(t, 1, won.Load())
	require.Len(t, drain(t, s), 1)
}

func runOutbox(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"in order":            outboxOrder,
		"bounded, until gone": outboxDiscard,
		"every field":         outboxEvent,
	})
}

// outboxOrder: the events of what lies in one shard come in the order of their
// commits.
func outboxOrder(t *testing.T, s Stores) {
	t.Helper()
	owners := []directory.ID{directory.ID(in("00")), directory.ID(in("7f")), directory.ID(in("ff"))}
	want := map[directory.ID][]string{}
	commit := func(owner directory.ID, do func(audit.Event) error) {
		e := event(audit.TokenUpdated)
		e.Owner = string(owner)
		require.NoError(t, do(e))
		want[owner] = append(want[owner], e.ID)
	}
	records := map[directory.ID]pat.Record{}
	for _, owner := range owners {
		identity := newIdentity()
		identity.ID, identity.Username = owner, string(owner)
		commit(owner, func(e audit.Event) error { return s.Identities.Create(t.Context(), identity, e) })
		records[owner] = newRecord(owner)
		commit(owner, func(e audit.Event) error { return s.PATs.Create(t.Context(), records[owner], 0, e) })
	}
	for range 50 {
		for _, owner := range owners {
			record := records[owner]
			commit(owner, func(e audit.Event) error { return s.PATs.Replace(t.Context(), record, 0, e) })
			record.Revision++
			records[owner] = record
		}
	}
	for _, owner := range owners {
		record := records[owner]
		commit(owner, func(e audit.Event) error { return s.PATs.Delete(t.Context(), record.ID, e) })
		commit(owner, func(e audit.Event) error { return s.Identities.Delete(t.Context(), owner, e) })
	}
	got := map[directory.ID][]string{}
	for _, e := range drain(t, s) {
		got[directory.ID(e.Owner)] = append(got[directory.ID(e.Owner)], e.ID)
	}
	require.Equal(t, want, got)
}

func outboxDiscard(t *testing.T, s Stores) {
	t.Helper()
	ctx := t.Context()
	empty, err := s.Outbox.Pending(ctx, 10)
	require.NoError(t, err)
	require.Empty(t, empty)
	for range 20 {
		newOwner(t, s)
	}
	seen := map[string]bool{}
	for len(seen) < 20 {
		pending, err := s.Outbox.Pending(ctx, 7)
		require.NoError(t, err)
		require.NotEmpty(t, pending)
		require.LessOrEqual(t, len(pending), 7)
		again, err := s.Outbox.Pending(ctx, 7)
		require.NoError(t, err)
		require.Equal(t, pending, again, "they stay until they are discarded")
		for _, one := range pending {
			require.False(t, seen[one.Position])
			seen[one.Position] = true
		}
		require.NoError(t, s.Outbox.Discard(ctx, pending))
		require.NoError(t, s.Outbox.Discard(ctx, pending), "it may be said twice")
	}
	require.Empty(t, drain(t, s))
	require.NoError(t, s.Outbox.Discard(ctx, nil))
	require.NoError(t, s.Outbox.Discard(ctx, []audit.Stored{{Position: "nonsense"}, {Position: ""}, {Position: "{}:*"}}))
}

func outboxEvent(t *testing.T, s Stores) {
	t.Helper()
	full := filled[audit.Event](t)
	require.NoError(t, s.Identities.Create(t.Context(), newIdentity(), full))
	tenant := directory.Organization{ID: organization}
	require.NoError(t, s.Catalog.Write(t.Context(), 0, []directory.Change{{Organization: &tenant}}, []audit.Event{full}))
	got := drain(t, s)
	slices.SortFunc(got, func(a, b audit.Event) int { return cmp.Compare(a.ID, b.ID) })
	require.Equal(t, []audit.Event{full, full}, got)
}
