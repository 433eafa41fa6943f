package audit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/id"
)

// counter is a folder that grows, and what there is of uses by another way.
type counter struct {
	*testing.T
	dir           string
	rng           *rand.Rand
	organizations []string
	noon          time.Time // about which there are events, all of them in the past
}

func newCounter(t *testing.T, seed uint64, organizations ...string) *counter {
	t.Helper()
	return &counter{
		T: t, dir: t.TempDir(), rng: rand.New(rand.NewPCG(seed, 1)), organizations: organizations,
		noon: time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -10).Add(12 * time.Hour),
	}
}

// grow lets a writer write some events, as often as not into files of a few lines.
func (c *counter) grow() {
	c.Helper()
	small := int64(64 << 20)
	if c.rng.IntN(2) == 0 {
		small = 3000
	}
	sink, err := OpenSink(Config{Dir: c.dir, Now: time.Now, MaxFileBytes: small})
	require.NoError(c, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sink.Run(ctx) }()
	for range c.rng.IntN(60) {
		event := Event{
			ID: id.New(), Time: c.noon.Add(time.Duration(c.rng.IntN(6*24*60)-2*24*60) * time.Minute), Outcome: Success,
			Name:         []Name{TokenUsed, TokenUsed, TokenUseFailed, TokenCreated}[c.rng.IntN(4)],
			Organization: c.organizations[c.rng.IntN(len(c.organizations))], Reason: "<&>\"",
		}
		require.NoError(c, sink.Record(event))
		if c.rng.IntN(5) == 0 {
			require.NoError(c, sink.Flush(ctx))
		}
	}
	cancel()
	require.NoError(c, <-ended)
}

// searched is what Daily ought to find.
func (c *counter) searched(organization string, first time.Time, days int) []Day {
	c.Helper()
	found := make([]Day, days)
	for i := range found {
		found[i].Begin = first.Truncate(24*time.Hour).AddDate(0, 0, i)
	}
	for entry, err := range NewArchive(c.dir).Search(c.Context(), Query{Organization: organization}) {
		require.NoError(c, err)
		i := int(entry.Time.Sub(found[0].Begin).Hours()) / 24
		if entry.Time.Before(found[0].Begin) || i >= days {
			continue
		}
		switch entry.Name {
		case TokenUsed:
			found[i].Used++
		case TokenUseFailed:
			found[i].Refused++
		default:
		}
	}
	return found
}

// Daily counts what Search finds: as the trail grows, whatever is kept of it, and in as
// many looks as it takes.
func TestDailyCountsWhatIsFound(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c := newCounter(t, seed, "", "quoted \"<\\", id.New(), id.New())
			archive, forgetful, slow := NewArchive(c.dir), NewArchive(c.dir), NewArchive(c.dir)
			forgetful.tallies.most = 5
			slow.tallies.budget = 2000
			partial := 0
			for range 6 {
				c.grow()
				if files, _ := filepath.Glob(filepath.Join(c.dir, "*.jsonl")); len(files) > 4 && c.rng.IntN(3) == 0 {
					require.NoError(t, os.Remove(files[0])) // as retention does
				}
				first, days := c.noon.AddDate(0, 0, c.rng.IntN(5)-2), 1+c.rng.IntN(4)
				for _, organization := range c.organizations {
					want := c.searched(organization, first, days)
					for _, a := range []*Archive{archive, forgetful} {
						got, err := a.Daily(t.Context(), organization, first, days)
						require.NoError(t, err)
						require.Equal(t, Daily{Days: want}, got)
					}
					require.LessOrEqual(t, len(forgetful.tallies.files), 2, "no more is kept than may be")
					for {
						got, err := slow.Daily(t.Context(), organization, first, days)
						require.NoError(t, err)
						if !got.Partial {
							require.Equal(t, want, got.Days)
							break
						}
						partial++
					}
				}
				entries := 0
				for _, known := range archive.tallies.files {
					entries += len(known.uses)
				}
				require.Equal(t, entries, archive.tallies.entries)
			}
			require.Positive(t, partial)
		})
	}
}

// A line is looked at once: what is changed behind its back is not seen, what is appended
// is.
func TestDailyReadsEachLineOnce(t *testing.T) {
	c := newCounter(t, 1, id.New())
	for c.searched(c.organizations[0], c.noon, 1)[0].Used == 0 {
		c.grow()
	}
	archive := NewArchive(c.dir)
	before, err := archive.Daily(t.Context(), c.organizations[0], c.noon, 3)
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(c.dir, "*.jsonl"))
	require.NoError(t, err)
	for _, name := range files {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(name, slices.Repeat([]byte("\n"), int(info.Size())), 0o600))
	}
	again, err := archive.Daily(t.Context(), c.organizations[0], c.noon, 3)
	require.NoError(t, err)
	require.Equal(t, before, again)
	anew, err := NewArchive(c.dir).Daily(t.Context(), c.organizations[0], c.noon, 3)
	require.NoError(t, err)
	require.True(t, anew.Damaged)
	require.Zero(t, anew.Days[0].Used)
}
