package storagetest

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

func runRead(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"columns":                   readColumns,
		"a scan":                    readScan,
		"a scan while others write": scanWhileWritten,
		"several at once":           readSeveral,
		"count":                     readCount,
		"count in a race":           countRace,
	})
}

// allColumns is every column there is.
const allColumns = pat.ColumnLastSeen<<1 - 1

// of returns what of a record has the columns in c.
func of(r *pat.Record, c pat.Columns) pat.Record {
	if c == 0 {
		return *r
	}
	out := pat.Record{ID: r.ID, Organization: r.Organization, Created: r.Created}
	for column, copied := range map[pat.Columns]func(){
		pat.ColumnOwner:       func() { out.Owner = r.Owner },
		pat.ColumnName:        func() { out.Name = r.Name },
		pat.ColumnDescription: func() { out.Description = r.Description },
		pat.ColumnScope:       func() { out.Scope = r.Scope },
		pat.ColumnLevel:       func() { out.Level, out.LevelID = r.Level, r.LevelID },
		pat.ColumnManaged:     func() { out.Managed = r.Managed },
		pat.ColumnState:       func() { out.State = r.State },
		pat.ColumnExpiration:  func() { out.Expiration = r.Expiration },
		pat.ColumnLastUsed:    func() { out.LastUsed = r.LastUsed },
		pat.ColumnLastSeen:    func() { out.LastSeen = r.LastSeen },
	} {
		if c.Has(column) {
			copied()
		}
	}
	return out
}

// readColumns: whatever is asked for has the value that it has in the whole record.
func readColumns(t *testing.T, s Stores) {
	t.Helper()
	owner := newOwner(t, s).ID
	records := []pat.Record{filledRecord(t, owner), newRecord(owner)}
	for _, change := range []func(*pat.Record){
		func(r *pat.Record) { r.Scope = []string{} },
		func(r *pat.Record) { r.Scope = []string{`a"b`, `\`, "", `",`, "c"} },
		func(r *pat.Record) { r.Scope, r.Managed = []string{"", ",", "sp:scopes:all"}, true },
		func(r *pat.Record) {
			r.Audience, r.Description = []string{strings.Repeat("x", 400)}, strings.Repeat("y", 255)
		},
		func(r *pat.Record) { r.State, r.Expiration = pat.StateRevoked, clock().Add(time.Hour) },
	} {
		record := newRecord(owner)
		change(&record)
		records = append(records, record)
	}
	for i := range records {
		mustCreate(t, s, records[i])
	}
	slices.SortFunc(records, newestFirst)
	asked := []pat.Columns{0, allColumns, pat.ColumnName | pat.ColumnManaged}
	for column := pat.ColumnID; column <= pat.ColumnLastSeen; column <<= 1 {
		asked = append(asked, column, allColumns&^column)
	}
	for _, columns := range asked {
		for _, holder := range []directory.ID{"", owner} {
			q := pat.Query{Organization: organization, Holder: holder, Columns: columns}
			var want []pat.Record
			for i := range records {
				if holder == "" || records[i].Holder() == holder {
					want = append(want, of(&records[i], columns))
				}
			}
			var listed []pat.Record
			for _, got := range collect(t, s.PATs.List(t.Context(), q)) {
				listed = append(listed, of(&got, columns))
			}
			require.Equal(t, want, listed, "%b", columns)
			listed = nil
			for _, got := range collect(t, s.PATs.Scan(t.Context(), q)) {
				listed = append(listed, of(&got, columns))
			}
			require.ElementsMatch(t, want, listed, "%b", columns)
		}
	}
}

// readScan: a scan has what a list has, ends when nobody wants more, and tells of
// trouble.
func readScan(t *testing.T, s Stores) {
	t.Helper()
	records := populate(t, s, 100, 7)
	for _, columns := range []pat.Columns{0, pat.ColumnID, pat.ColumnName} {
		q := pat.Query{Organization: organization, Columns: columns}
		require.ElementsMatch(t, idsOf(records), idsOf(collect(t, s.PATs.Scan(t.Context(), q))))
		for _, stop := range []int{1, 130} {
			seen := 0
			for _, err := range s.PATs.Scan(t.Context(), q) {
				require.NoError(t, err)
				if seen++; seen == stop {
					break
				}
			}
			require.Equal(t, stop, seen)
		}
		requireCutShort(t, s, q)
	}
	for _, q := range []pat.Query{{}, {Organization: "{}"}, {Organization: directory.ID(id.New())}, {Organization: organization, Holder: directory.ID(id.New())}} {
		require.Empty(t, collect(t, s.PATs.Scan(t.Context(), q)))
	}
}

// requireCutShort proves that a scan that is cancelled on its way says so.
func requireCutShort(t *testing.T, s Stores, q pat.Query) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var failed error
	for _, err := range s.PATs.Scan(ctx, q) {
		failed = err
		cancel()
	}
	require.ErrorIs(t, failed, fault.ErrUnavailable)
}

// scanWhileWritten is listWhileWritten for a scan.
func scanWhileWritten(t *testing.T, s Stores) {
	t.Helper()
	stay := populate(t, s, 64, 11)
	stop, written := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(written)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			record := newRecord(stay[i*13%len(stay)].Owner)
			record.Created = stay[i*7%len(stay)].Created
			assert.NoError(t, s.PATs.Create(t.Context(), record, 0, event(audit.TokenCreated)))
			if i%2 == 0 {
				assert.NoError(t, s.PATs.Delete(t.Context(), record.ID, event(audit.TokenDeleted)))
			}
		}
	}()
	defer func() {
		close(stop)
		<-written
	}()
	for range 5 {
		found := collect(t, s.PATs.Scan(t.Context(), pat.Query{Organization: organization, Columns: pat.ColumnName}))
		slices.SortFunc(found, newestFirst)
		requireThroughout(t, stay, found)
	}
}

func readSeveral(t *testing.T, s Stores) {
	t.Helper()
	records := populate(t, s, 50, 6)
	records = append(records, filledRecord(t, newOwner(t, s).ID))
	mustCreate(t, s, records[len(records)-1])
	ids := []pat.ID{"", "{}", pat.ID(id.New())}
	ids = append(ids, idsOf(records)...)
	ids = append(ids, pat.ID(id.New()))
	found, err := s.PATs.FindAll(t.Context(), ids)
	require.NoError(t, err)
	require.Equal(t, records, found)
	found, err = s.PATs.FindAll(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, found)
	_, err = s.PATs.FindAll(cancelled(t), ids)
	require.Error(t, err)
}

// counts are those of an organization, of a holder in it and of an ancestor.
func requireCounted(t *testing.T, s Stores, q pat.Query, all, managed int) {
	t.Helper()
	n, err := s.PATs.Count(t.Context(), q, true)
	require.NoError(t, err)
	require.Equal(t, all, n)
	n, err = s.PATs.Count(t.Context(), q, false)
	require.NoError(t, err)
	require.Equal(t, all-managed, n)
}

func readCount(t *testing.T, s Stores) {
	t.Helper()
	everyone := pat.Query{Organization: organization}
	requireCounted(t, s, everyone, 0, 0)
	owner, other := newOwner(t, s), newOwner(t, s)
	of := func(holder directory.ID) pat.Query { return pat.Query{Organization: organization, Holder: holder} }
	var records []pat.Record
	for i := range 10 {
		record := newRecord(owner.ID)
		record.Managed = i < 3
		if i == 5 {
			record.State = pat.StateRevoked
		}
		mustCreate(t, s, record)
		records = append(records, record)
	}
	group := newRecord(other.ID)
	group.Level, group.LevelID, group.Managed = pat.Group, directory.ID(id.NewIn(string(other.ID))), true
	group.CreatedByPAT, group.Lineage = records[9].ID, []pat.ID{records[9].ID}
	mustCreate(t, s, group)
	elsewhere := newRecord(other.ID)
	elsewhere.Organization, elsewhere.Managed = directory.ID(id.New()), true
	mustCreate(t, s, elsewhere)
	requireCounted(t, s, everyone, 11, 4)
	requireCounted(t, s, of(owner.ID), 10, 3)
	requireCounted(t, s, of(other.ID), 0, 0)
	requireCounted(t, s, of(group.LevelID), 1, 1)
	requireCounted(t, s, pat.Query{Organization: organization, Ancestor: records[9].ID}, 1, 1)
	requireCounted(t, s, pat.Query{Organization: elsewhere.Organization}, 1, 1)
	requireCounted(t, s, pat.Query{}, 0, 0)
	requireCounted(t, s, pat.Query{Organization: "{}"}, 0, 0)

	twin := newRecord(owner.ID)
	twin.Name = records[0].Name
	require.ErrorIs(t, s.PATs.Create(t.Context(), twin, 0, event(audit.TokenCreated)), pat.ErrNameTaken)
	_, _, err := s.PATs.Revoke(t.Context(), revocation(&records[0]), event(audit.TokenRevoked))
	require.NoError(t, err)
	requireCounted(t, s, everyone, 11, 4)

	records[3].Managed, records[1].Managed = true, false
	mustReplace(t, s, records[3])
	requireCounted(t, s, everyone, 11, 5)
	mustReplace(t, s, records[1])
	requireCounted(t, s, everyone, 11, 4)

	require.NoError(t, s.PATs.Delete(t.Context(), records[2].ID, event(audit.TokenDeleted)))
	require.ErrorIs(t, s.PATs.Delete(t.Context(), records[2].ID, event(audit.TokenDeleted)), pat.ErrNotFound)
	requireCounted(t, s, everyone, 10, 3)
	require.NoError(t, s.Identities.Delete(t.Context(), other.ID, event(audit.IdentityDeleted)))
	requireCounted(t, s, everyone, 9, 2)
	requireCounted(t, s, pat.Query{Organization: elsewhere.Organization}, 0, 0)
	require.NoError(t, s.Identities.Delete(t.Context(), owner.ID, event(audit.IdentityDeleted)))
	requireCounted(t, s, everyone, 0, 0)
}

// countRace: whatever comes and goes at once, the count is that of the list.
func countRace(t *testing.T, s Stores) {
	t.Helper()
	owners := []directory.ID{newOwner(t, s).ID, newOwner(t, s).ID}
	together(200, func(i int) {
		record, created := newRecord(owners[i%2]), event(audit.TokenCreated)
		record.Managed = i%3 == 0
		assert.NoError(t, insist(func() error { return s.PATs.Create(t.Context(), record, 0, created) }))
		deleted := event(audit.TokenDeleted)
		if i%4 == 0 {
			assert.NoError(t, insist(func() error { return s.PATs.Delete(t.Context(), record.ID, deleted) }))
		}
	})
	requireCountsOf(t, s, s.PATs.List(t.Context(), pat.Query{Organization: organization}))
}

// requireCountsOf proves that the count of the organization is that of a list of it.
func requireCountsOf(t *testing.T, s Stores, list iter.Seq2[pat.Record, error]) {
	t.Helper()
	all, managed := 0, 0
	for _, record := range collect(t, list) {
		all++
		if record.Managed {
			managed++
		}
	}
	require.NotZero(t, managed)
	requireCounted(t, s, pat.Query{Organization: organization}, all, managed)
}
