package storagetest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

func runCreate(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"every field comes back":   createRoundTrip,
		"zero fields come back":    createZero,
		"refusals leave nothing":   createRefusals,
		"what counts in the limit": createLimitCounts,
		"one of 1000 gets a name":  createNameRace,
		"1000 share a limit":       createLimitRace,
		"no more than MaxRecords":  createMaxRecords,
		"unknown ids":              findUnknown,
	})
}

func createRoundTrip(t *testing.T, s Stores) {
	t.Helper()
	owner := newOwner(t, s)
	record := filledRecord(t, owner.ID)
	mustCreate(t, s, record)
	requireStored(t, s, record, owner)
}

func createZero(t *testing.T, s Stores) {
	t.Helper()
	owner := newOwner(t, s)
	record := pat.Record{
		ID: pat.NewID(owner.ID), Organization: organization, Owner: owner.ID, Name: "n", Level: pat.Personal,
		State: pat.StateActive, Generation: 1, Revision: 1, Verifier: pat.Verifier{Current: digest(1, "zero")},
	}
	mustCreate(t, s, record)
	requireStored(t, s, record, owner)
}

// requireStored proves that record is what every way of reading it shows.
func requireStored(t *testing.T, s Stores, record pat.Record, owner directory.Identity) {
	t.Helper()
	require.Equal(t, record, mustFind(t, s, record.ID))
	used, err := s.Uses.Use(t.Context(), present(&record, record.Verifier.Current))
	require.NoError(t, err)
	require.Equal(t, record, used.Record)
	require.Equal(t, record.Verifier, used.Verifier)
	require.Equal(t, owner, used.Owner)
	live, err := s.Uses.Live(t.Context(), record.ID, "some jti")
	require.NoError(t, err)
	require.Equal(t, record, live.Record)
	require.Equal(t, owner, live.Owner)
	for name, q := range map[string]pat.Query{
		"organization": {Organization: organization},
		"holder":       {Organization: organization, Holder: record.Holder()},
	} {
		require.Equal(t, []pat.Record{record}, collect(t, s.PATs.List(t.Context(), q)), name)
	}
	for _, ancestor := range record.Lineage {
		q := pat.Query{Organization: organization, Ancestor: ancestor}
		require.Equal(t, []pat.Record{record}, collect(t, s.PATs.List(t.Context(), q)))
	}
}

func createRefusals(t *testing.T, s Stores) {
	t.Helper()
	owner := newOwner(t, s)
	taken := newRecord(owner.ID)
	mustCreate(t, s, taken)
	revoked := newRecord(owner.ID)
	revoked.State = pat.StateRevoked
	mustCreate(t, s, revoked)
	drain(t, s)
	for name, c := range map[string]struct {
		change func(*pat.Record)
		limit  int
		want   error
	}{
		"name taken":          {func(r *pat.Record) { r.Name = taken.Name }, 0, pat.ErrNameTaken},
		"name of a dead one":  {func(r *pat.Record) { r.Name = revoked.Name }, 0, pat.ErrNameTaken},
		"limit":               {unchanged, 1, pat.ErrLimit},
		"no owner":            {func(r *pat.Record) { r.Owner = directory.ID(id.NewIn(string(r.Owner))) }, 0, pat.ErrNoOwner},
		"parent not ACTIVE":   {func(r *pat.Record) { r.CreatedByPAT = revoked.ID }, 0, pat.ErrConflict},
		"parent gone":         {func(r *pat.Record) { r.CreatedByPAT = pat.NewID(owner.ID) }, 0, pat.ErrConflict},
		"the id exists":       {func(r *pat.Record) { r.ID = taken.ID }, 0, pat.ErrConflict},
		"owner in no shard":   {func(r *pat.Record) { r.Owner = "{}" }, 0, pat.ErrNoOwner},
		"owner in some other": {func(r *pat.Record) { r.Owner = directory.ID(otherShard(string(r.ID))) }, 0, pat.ErrNoOwner},
	} {
		record := newRecord(owner.ID)
		c.change(&record)
		require.ErrorIs(t, s.PATs.Create(t.Context(), record, c.limit, event(audit.TokenCreated)), c.want, name)
		if record.ID != taken.ID {
			_, err := s.PATs.Find(t.Context(), record.ID)
			require.ErrorIs(t, err, pat.ErrNotFound, name)
		}
		require.Equal(t, taken, mustFind(t, s, taken.ID), name)
		require.Empty(t, drain(t, s), name)
		require.Len(t, collect(t, s.PATs.List(t.Context(), pat.Query{Organization: organization})), 2, name)
		require.Len(t, collect(t, s.PATs.List(t.Context(), pat.Query{Organization: organization, Holder: record.Holder()})),
			map[bool]int{true: 2, false: 0}[record.Owner == owner.ID], name)
	}
	child := newRecord(owner.ID)
	child.CreatedByPAT = taken.ID
	created := event(audit.TokenCreated)
	require.NoError(t, s.PATs.Create(t.Context(), child, 2, created), "a parent in order, the limit not reached")
	requireEvents(t, s, created)
}

func createLimitCounts(t *testing.T, s Stores) {
	t.Helper()
	owner := newOwner(t, s)
	for _, change := range []func(*pat.Record){
		func(r *pat.Record) { r.State = pat.StateRevoked },
		func(r *pat.Record) { r.State = pat.StateAutoRevoked },
		func(r *pat.Record) { r.Expiration = clock().Add(-time.Second) },
		func(r *pat.Record) { r.Managed = true },
		func(r *pat.Record) { r.Level, r.LevelID = pat.Group, directory.ID(id.NewIn(string(owner.ID))) },
	} {
		record := newRecord(owner.ID)
		change(&record)
		mustCreate(t, s, record)
	}
	expires := newRecord(owner.ID)
	expires.Expiration = clock().Add(time.Hour)
	require.NoError(t, s.PATs.Create(t.Context(), expires, 1, event(audit.TokenCreated)), "none of the others counts")
	more := newRecord(owner.ID)
	require.ErrorIs(t, s.PATs.Create(t.Context(), more, 1, event(audit.TokenCreated)), pat.ErrLimit)
	managed := newRecord(owner.ID)
	managed.Managed = true
	require.NoError(t, s.PATs.Create(t.Context(), managed, 1, event(audit.TokenCreated)), "a managed one is not counted")
	_, _, err := s.PATs.Revoke(t.Context(), revocation(&expires), event(audit.TokenRevoked))
	require.NoError(t, err)
	require.NoError(t, s.PATs.Create(t.Context(), more, 1, event(audit.TokenCreated)), "a revoked one makes room")
}

func createNameRace(t *testing.T, s Stores) {
	t.Helper()
	owner := newOwner(t, s)
	drain(t, s)
	var made atomic.Int64
	together(1000, func(int) {
		record, created := newRecord(owner.ID), event(audit.TokenCreated)
		record.Name = "the one"
		err := insist(func() error { return s.PATs.Create(t.Context(), record, 0, created) })
		tally(t, &made, err, pat.ErrNameTaken)
	})
	require.EqualValues(t, 1, made.Load())
	require.Len(t, drain(t, s), 1)
	require.Len(t, collect(t, s.PATs.List(t.Context(), pat.Query{Organization: organization, Holder: owner.ID})), 1)
}

func createLimitRace(t *testing.T, s Stores) {
	t.Helper()
	const limit = 10
	owner := newOwner(t, s)
	drain(t, s)
	var made atomic.Int64
	together(1000, func(int) {
		record, created := newRecord(owner.ID), event(audit.TokenCreated)
		err := insist(func() error { return s.PATs.Create(t.Context(), record, limit, created) })
		tally(t, &made, err, pat.ErrLimit)
	})
	require.EqualValues(t, limit, made.Load())
	require.Len(t, drain(t, s), limit)
	require.Len(t, collect(t, s.PATs.List(t.Context(), pat.Query{Organization: organization, Holder: owner.ID})), limit)
}

// createMaxRecords: whatever counts in no limit is bounded all the same.
func createMaxRecords(t *testing.T, s Stores) {
	t.Helper()
	owner := newOwner(t, s)
	var made atomic.Int64
	together(pat.MaxRecords+50, func(i int) {
		record, created := newRecord(owner.ID), event(audit.TokenCreated)
		record.Managed = i%2 == 0
		if i%3 == 0 {
			record.State = pat.StateRevoked
		}
		tally(t, &made, insist(func() error { return s.PATs.Create(t.Context(), record, 0, created) }), pat.ErrLimit)
	})
	require.EqualValues(t, pat.MaxRecords, made.Load())
	all := collect(t, s.PATs.List(t.Context(), pat.Query{Organization: organization, Holder: owner.ID}))
	require.Len(t, all, pat.MaxRecords)
	drain(t, s)
	require.ErrorIs(t, s.PATs.Create(t.Context(), newRecord(owner.ID), 0, event(audit.TokenCreated)), pat.ErrLimit)
	require.Empty(t, drain(t, s))
	mustReplace(t, s, all[0])
	mustCreate(t, s, newRecord(newOwner(t, s).ID))
	require.NoError(t, s.PATs.Delete(t.Context(), all[1].ID, event(audit.TokenDeleted)))
	mustCreate(t, s, newRecord(owner.ID))
	drain(t, s)
	deleted := event(audit.IdentityDeleted)
	err := insist(func() error { return s.Identities.Delete(t.Context(), owner.ID, deleted) })
	if !errors.Is(err, directory.ErrNotFound) { // it was done before the store could say so
		require.NoError(t, err)
	}
	require.Len(t, drain(t, s), 1+pat.MaxRecords)
}

func findUnknown(t *testing.T, s Stores) {
	t.Helper()
	for _, token := range []pat.ID{pat.ID(id.New()), "", "..", "{}", "*", "\r\nFLUSHALL", "{00}", "0", pat.ID(id.New()) + "0"} {
		_, err := s.PATs.Find(t.Context(), token)
		require.ErrorIs(t, err, pat.ErrNotFound, "%q", token)
		_, err = s.Uses.Live(t.Context(), token, "jti")
		require.ErrorIs(t, err, pat.ErrNotFound, "%q", token)
	}
}
