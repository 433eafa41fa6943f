package storagetest

import (
	"cmp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

func runList(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	tests(t, open, map[string]func(*testing.T, Stores){
		"nothing":            listNothing,
		"order":              listOrder,
		"while others write": listWhileWritten,
		"of many equal ages": listTies,
		"of one's children":  listChildren,
		"of a long line":     listDescendants,
		"other tenants":      listTenants,
	})
}

// newestFirst is the order of a list of tokens.
func newestFirst(a, b pat.Record) int {
	return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
}

// requireListed proves that a list is exactly want, in order.
func requireListed(t *testing.T, s Stores, q pat.Query, want []pat.Record) {
	t.Helper()
	slices.SortFunc(want, newestFirst)
	require.Equal(t, idsOf(want), idsOf(collect(t, s.PATs.List(t.Context(), q))))
}

// populate stores n tokens of owners in each of the given number of shards,
// seven of which each share a time of creation.
func populate(t *testing.T, s Stores, shards, n int) []pat.Record {
	t.Helper()
	base := clock().Add(-24 * time.Hour)
	out := make([]pat.Record, 0, shards*n)
	for shard := range shards {
		owner := newIdentity()
		owner.ID = directory.ID(in(id.ShardName(shard * id.Shards / shards)))
		owner.Username = string(owner.ID)
		require.NoError(t, s.Identities.Create(t.Context(), owner, event(audit.IdentityCreated)))
		for range n {
			record := newRecord(owner.ID)
			record.Created = base.Add(time.Duration(len(out)*31%(shards*n)/7) * time.Millisecond)
			mustCreate(t, s, record)
			out = append(out, record)
		}
	}
	return out
}

func listNothing(t *testing.T, s Stores) {
	t.Helper()
	for name, q := range map[string]pat.Query{
		"empty store":             {Organization: organization},
		"unknown holder":          {Organization: organization, Holder: directory.ID(id.New())},
		"unknown ancestor":        {Organization: organization, Ancestor: pat.ID(id.New())},
		"ill-formed organization": {Organization: "{}"},
		"ill-formed holder":       {Organization: organization, Holder: "{}"},
		"ill-formed ancestor":     {Organization: organization, Ancestor: "*"},
		"no organization":         {},
	} {
		require.Empty(t, collect(t, s.PATs.List(t.Context(), q)), name)
	}
}

func listOrder(t *testing.T, s Stores) {
	t.Helper()
	const shards, each = 100, 7
	records := populate(t, s, shards, each)
	requireListed(t, s, pat.Query{Organization: organization}, slices.Clone(records))
	for i := 0; i < len(records); i += each * 9 {
		holder := records[i].Owner
		requireListed(t, s, pat.Query{Organization: organization, Holder: holder}, slices.Clone(records[i:i+each]))
	}
	slices.SortFunc(records, newestFirst)
	for _, stop := range []int{1, 2, 65, 300} {
		var got []pat.ID
		for record, err := range s.PATs.List(t.Context(), pat.Query{Organization: organization}) {
			require.NoError(t, err)
			if got = append(got, record.ID); len(got) == stop {
				break
			}
		}
		require.Equal(t, idsOf(records[:stop]), got)
	}
}

// listWhileWritten: what is there throughout is never missed and never seen
// twice, whatever comes, changes and goes around it.
func listWhileWritten(t *testing.T, s Stores) {
	t.Helper()
	stay := populate(t, s, 64, 11)
	slices.SortFunc(stay, newestFirst)
	var (
		stop    = make(chan struct{})
		writers sync.WaitGroup
	)
	for w := range 4 {
		writers.Go(func() {
			for i := w; ; i += 4 {
				select {
				case <-stop:
					return
				default:
				}
				record := newRecord(stay[i*13%len(stay)].Owner)
				record.Created = stay[i*7%len(stay)].Created
				if !assert.NoError(t, s.PATs.Create(t.Context(), record, 0, event(audit.TokenCreated))) {
					return
				}
				kept := stay[i*5%len(stay)]
				_, _, err := s.PATs.Revoke(t.Context(), revocation(&kept), event(audit.TokenRevoked))
				assert.NoError(t, err)
				if i%2 == 0 {
					assert.NoError(t, s.PATs.Delete(t.Context(), record.ID, event(audit.TokenDeleted)))
				}
			}
		})
	}
	defer writers.Wait()
	defer close(stop)
	for range 5 {
		listed := collect(t, s.PATs.List(t.Context(), pat.Query{Organization: organization}))
		requireThroughout(t, stay, listed)
	}
	for i := range 5 {
		holder := stay[i*100].Owner
		mine := slices.DeleteFunc(slices.Clone(stay), func(r pat.Record) bool { return r.Owner != holder })
		requireThroughout(t, mine, collect(t, s.PATs.List(t.Context(), pat.Query{Organization: organization, Holder: holder})))
	}
}

func requireThroughout(t *testing.T, stay, listed []pat.Record) {
	t.Helper()
	require.True(t, slices.IsSortedFunc(listed, newestFirst))
	seen := map[pat.ID]bool{}
	for _, got := range listed {
		require.False(t, seen[got.ID], "twice: %s", got.ID)
		seen[got.ID] = true
	}
	for _, want := range stay {
		require.True(t, seen[want.ID], "missed: %s", want.ID)
	}
}

func listTies(t *testing.T, s Stores) {
	t.Helper()
	owner := newOwner(t, s)
	at := clock()
	var records []pat.Record
	for range 300 {
		record := newRecord(owner.ID)
		record.Created = at
		mustCreate(t, s, record)
		records = append(records, record)
	}
	requireListed(t, s, pat.Query{Organization: organization}, records)
	requireListed(t, s, pat.Query{Organization: organization, Holder: owner.ID}, records)
}

func listChildren(t *testing.T, s Stores) {
	t.Helper()
	parent := newToken(t, s, unchanged)
	var children []pat.Record
	for i := range 5 {
		owner := newOwner(t, s)
		for range i {
			child := newRecord(owner.ID)
			child.CreatedByPAT, child.Lineage = parent.ID, []pat.ID{parent.ID}
			mustCreate(t, s, child)
			children = append(children, child)
		}
		mustCreate(t, s, newRecord(owner.ID))
	}
	own := newRecord(parent.Owner)
	own.CreatedByPAT, own.Lineage = parent.ID, []pat.ID{parent.ID}
	mustCreate(t, s, own)
	children = append(children, own)
	requireListed(t, s, pat.Query{Organization: organization, Ancestor: parent.ID}, children)
	requireListed(t, s, pat.Query{Organization: organization, Ancestor: parent.ID, Holder: own.Owner}, []pat.Record{own})
	require.NoError(t, s.PATs.Delete(t.Context(), parent.ID, event(audit.TokenDeleted)))
	requireListed(t, s, pat.Query{Organization: organization, Ancestor: parent.ID}, children)
}

// listDescendants: who descends from a token is found by one list, whatever
// became of those in between, and is gone from it when deleted.
func listDescendants(t *testing.T, s Stores) {
	t.Helper()
	line := []pat.Record{newToken(t, s, unchanged)}
	for range pat.MaxLineage {
		parent := line[len(line)-1]
		owner := parent.Owner
		if len(line)%2 == 0 { // every other one in another shard
			owner = newOwner(t, s).ID
		}
		child := newRecord(owner)
		child.CreatedByPAT, child.Lineage = parent.ID, append(slices.Clone(parent.Lineage), parent.ID)
		mustCreate(t, s, child)
		line = append(line, child)
	}
	for i := range line {
		requireListed(t, s, pat.Query{Organization: organization, Ancestor: line[i].ID}, slices.Clone(line[i+1:]))
	}
	const middle = pat.MaxLineage / 2
	require.NoError(t, s.PATs.Delete(t.Context(), line[middle].ID, event(audit.TokenDeleted)))
	for i := range line {
		want := slices.DeleteFunc(slices.Clone(line[i+1:]), func(r pat.Record) bool { return r.ID == line[middle].ID })
		requireListed(t, s, pat.Query{Organization: organization, Ancestor: line[i].ID}, want)
	}
	renamed := line[len(line)-1]
	renamed.Name = "renamed"
	mustReplace(t, s, renamed)
	_, _, err := s.PATs.Revoke(t.Context(), revocation(&line[1]), event(audit.TokenRevoked))
	require.NoError(t, err)
	require.Len(t, collect(t, s.PATs.List(t.Context(), pat.Query{Organization: organization, Ancestor: line[0].ID})), pat.MaxLineage-1)
	for i := 1; i < len(line); i++ {
		if i != middle {
			require.NoError(t, s.PATs.Delete(t.Context(), line[i].ID, event(audit.TokenDeleted)))
		}
	}
	require.Empty(t, collect(t, s.PATs.List(t.Context(), pat.Query{Organization: organization, Ancestor: line[0].ID})))
}

func listTenants(t *testing.T, s Stores) {
	t.Helper()
	record := newToken(t, s, unchanged)
	other := newRecord(record.Owner)
	other.Organization = directory.ID(id.New())
	mustCreate(t, s, other)
	requireListed(t, s, pat.Query{Organization: organization}, []pat.Record{record})
	requireListed(t, s, pat.Query{Organization: organization, Holder: record.Owner}, []pat.Record{record})
	requireListed(t, s, pat.Query{Organization: other.Organization}, []pat.Record{other})
}
