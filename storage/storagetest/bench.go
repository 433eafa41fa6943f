package storagetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// page is how many tokens the benchmarks show.
const page = 250

// Bench runs the benchmarks of lists over the n tokens that Import stored.
func Bench(b *testing.B, store pat.Reader, organization directory.ID, n int) {
	b.Helper()
	b.Run("newest", func(b *testing.B) { benchNewest(b, store, organization, n) })
	for name, columns := range map[string]pat.Columns{
		"name": pat.ColumnName, "name managed": pat.ColumnName | pat.ColumnManaged, "owner": pat.ColumnOwner,
		"status":      pat.ColumnState | pat.ColumnExpiration,
		"scope":       pat.ColumnScope,
		"description": pat.ColumnDescription,
		"all columns": allColumns,
		"everything":  0,
	} {
		b.Run("scan/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				seen := 0
				for _, err := range store.Scan(b.Context(), pat.Query{Organization: organization, Columns: columns}) {
					require.NoError(b, err)
					seen++
				}
				require.Equal(b, n, seen)
			}
		})
	}
}

// benchNewest reads a page of the default order and the count, as they are shown.
func benchNewest(b *testing.B, store pat.Reader, organization directory.ID, n int) {
	b.Helper()
	q := pat.Query{Organization: organization, Columns: pat.ColumnManaged}
	for b.Loop() {
		ids := make([]pat.ID, 0, page)
		for record, err := range store.List(b.Context(), q) {
			require.NoError(b, err)
			if record.Managed {
				continue
			}
			if ids = append(ids, record.ID); len(ids) == page {
				break
			}
		}
		records, err := store.FindAll(b.Context(), ids)
		require.NoError(b, err)
		require.Len(b, records, page)
		count, err := store.Count(b.Context(), q, false)
		require.NoError(b, err)
		require.Equal(b, n-n/managedEvery, count)
	}
}
