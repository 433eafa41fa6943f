package audit_test

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

const benchEvents = 1_000_000

// million is a folder with a million uses of eleven organizations, the last of which has
// one in a thousand, and what can be asked of it.
type million struct {
	dir                  string
	common, rare, denial string
}

func newMillion(b *testing.B) million {
	b.Helper()
	m := million{dir: b.TempDir(), rare: id.New()}
	organizations, tokens := make([]string, 10), make([]string, 1000)
	for i := range organizations {
		organizations[i] = id.New()
	}
	for i := range tokens {
		tokens[i] = id.New()
	}
	m.common = organizations[0]
	sink := open(b, audit.Config{Dir: m.dir})
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range benchEvents {
		event := audit.Event{
			Time: noon.Add(time.Duration(i) * time.Millisecond), Name: audit.TokenUsed, Organization: organizations[rng.IntN(10)],
			Actor: tokens[rng.IntN(1000)], PATID: tokens[rng.IntN(1000)], Audience: []string{"https://orders.example.com"}, Scope: "orders:read orders:write",
			JTI: id.New(), IP: "192.0.2.17", UserAgent: "python-requests/2.32.3", TrackingID: id.New(), Outcome: audit.Success,
		}
		if i%1000 == 0 {
			event.Organization = m.rare
		}
		if i == benchEvents/3 {
			m.denial = id.New()
			event.Organization, event.Name, event.Outcome, event.DenialID = m.common, audit.TokenUseFailed, audit.Failure, m.denial
		}
		require.NoError(b, sink.Record(event))
		if i%20_000 == 0 {
			require.NoError(b, sink.Flush(b.Context()))
		}
	}
	require.NoError(b, sink.stop())
	return m
}

// BenchmarkSearch asks for the newest page of an organization, for one event among all
// of a large one, and for all of it.
func BenchmarkSearch(b *testing.B) {
	m := newMillion(b)
	middle := noon.Add(benchEvents / 2 * time.Millisecond)
	for _, c := range []struct {
		name  string
		query audit.Query
		limit int
		want  int
	}{
		{"newest250", audit.Query{Organization: m.common}, 250, 250},
		{"newest250Rare", audit.Query{Organization: m.rare}, 250, 250},
		{"oneDenial", audit.Query{
			Organization: m.common, Values: []string{m.denial}, Match: func(e *audit.Event) bool { return e.DenialID == m.denial },
		}, 0, 1},
		{"oneName", audit.Query{Organization: m.common, Names: []audit.Name{audit.TokenUseFailed}}, 0, 1},
		{"absent", audit.Query{Organization: id.New()}, 0, 0},
		{"oldMinute", audit.Query{Organization: m.rare, From: middle, To: middle.Add(time.Minute)}, 0, 60},
		{"decodeTenth", audit.Query{Organization: m.common}, 0, 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			archive := audit.NewArchive(m.dir)
			var peak uint64
			for b.Loop() {
				n := 0
				for _, err := range archive.Search(b.Context(), c.query) {
					require.NoError(b, err)
					if n++; n == c.limit {
						break
					}
					if n%1000 == 1 {
						peak = max(peak, heap())
					}
				}
				if c.want > 0 {
					require.Equal(b, c.want, n)
				}
			}
			b.ReportMetric(float64(peak)/(1<<20), "heap-MiB")
		})
	}
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// BenchmarkDaily counts a month of an organization in a million lines: at the first look,
// and at one after some more were written.
func BenchmarkDaily(b *testing.B) {
	m := newMillion(b)
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			requireDaily(b, audit.NewArchive(m.dir), m.rare)
		}
	})
	b.Run("again", func(b *testing.B) {
		archive := audit.NewArchive(m.dir)
		requireDaily(b, archive, m.rare)
		for b.Loop() {
			requireDaily(b, archive, m.rare)
		}
	})
	b.Run("100 more", func(b *testing.B) {
		archive := audit.NewArchive(m.dir)
		requireDaily(b, archive, m.rare)
		sink, other := open(b, audit.Config{Dir: m.dir}), id.New()
		for i := 1; b.Loop(); i++ {
			b.StopTimer()
			for range 100 {
				require.NoError(b, sink.Record(audit.Event{Time: noon, Name: audit.TokenUseFailed, Organization: other, Outcome: audit.Failure}))
			}
			require.NoError(b, sink.Flush(b.Context()))
			b.StartTimer()
			daily, err := archive.Daily(b.Context(), other, noon, 31)
			require.NoError(b, err)
			require.Equal(b, 100*i, daily.Days[0].Refused)
		}
	})
}

// requireDaily is of one that has one in a thousand of the uses.
func requireDaily(b *testing.B, archive *audit.Archive, organization string) {
	b.Helper()
	daily, err := archive.Daily(b.Context(), organization, noon, 31)
	require.NoError(b, err)
	require.False(b, daily.Damaged || daily.Partial)
	require.Equal(b, benchEvents/1000, daily.Days[0].Used)
}
