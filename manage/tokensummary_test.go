package manage_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/redis"
	"github.com/cambio-sts/cambio/storage/storagetest"
)

// someRecord is a token in any state, of a person or a level.
func someRecord(w *world, rng *rand.Rand, owner *directory.Identity, group directory.ID) *pat.Record {
	now := pat.Milliseconds(w.clock.now())
	record := &pat.Record{Organization: owner.Organization, Owner: owner.ID, Level: pat.Personal, Created: now.Add(-time.Duration(rng.IntN(100*24)) * time.Hour)}
	switch rng.IntN(4) {
	case 0:
		record.Owner, record.Level, record.LevelID = w.technicalUser(owner.Organization, group), pat.Group, group
	case 1:
		record.Owner, record.Level, record.LevelID = w.technicalUser(owner.Organization, owner.Organization), pat.Organization, owner.Organization
	default:
	}
	record.State = []pat.State{pat.StateActive, pat.StateActive, pat.StateActive, pat.StateRevoked, pat.StateAutoRevoked}[rng.IntN(5)]
	if rng.IntN(4) > 0 {
		record.Expiration = now.Add(time.Duration(rng.IntN(500*24)-50*24)*time.Hour + time.Hour/2)
	}
	if rng.IntN(2) > 0 {
		record.LastUsed = record.Created
	}
	record.Managed = rng.IntN(5) == 0
	return record
}

// counted is what a list of tokens comes to, by the text of the documentation alone.
func counted(tokens []*manage.Token, at time.Time) map[string]int {
	counts := map[string]int{}
	for _, token := range tokens {
		counts["total"]++
		counts[string(token.Status)]++
		if token.Status != pat.Active {
			continue
		}
		if token.LastUsed.IsZero() {
			counts["never used"]++
		}
		if token.Expires.IsZero() {
			counts["never expire"]++
			continue
		}
		if !token.Expires.After(at.AddDate(0, 0, 7)) {
			counts["7 days"]++
		}
		if !token.Expires.After(at.AddDate(0, 0, 30)) {
			counts["30 days"]++
		}
		if month := token.Expires.UTC().Format("2006-01"); month <= at.UTC().AddDate(0, 0, 1-at.UTC().Day()).AddDate(0, 11, 0).Format("2006-01") {
			counts[month]++
		}
	}
	return counts
}

// told is the same of a summary.
func told(s *manage.TokenSummary) map[string]int {
	counts := map[string]int{
		"total": s.Total(), "Active": s.Active, "Expired": s.Expired, "Revoked": s.Revoked, "Auto-revoked": s.AutoRevoked,
		"never used": s.NeverUsed, "never expire": s.NeverExpire, "7 days": s.Within7Days, "30 days": s.Within30Days,
	}
	for _, month := range s.Months {
		counts[month.Month.Format("2006-01")] = month.Count
	}
	for what, n := range counts {
		if n == 0 {
			delete(counts, what)
		}
	}
	return counts
}

// A summary counts what the list shows, whoever asks.
func TestTokenSummaryCountsWhatIsListed(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		ctx, rng := t.Context(), rand.New(rand.NewPCG(3, 4))
		enforced := directory.DefaultPolicy()
		enforced.MaxLifetimeSeconds, enforced.EnforceOnExisting = 90*24*3600, true
		for _, policy := range []directory.Policy{directory.DefaultPolicy(), enforced} {
			of, elsewhere := w.organization(policy), w.organization(directory.DefaultPolicy())
			reader := w.person(of.ID, directory.Role(directory.ReadAllTokens), directory.OrganizationAdmin)
			overseer := w.person(of.ID, directory.Role(directory.ReadAllTokens), directory.Role(directory.ReadManagedTokens))
			owner, stranger := w.person(of.ID, directory.Role(directory.ReadMyTokens)), w.person(elsewhere.ID)
			group, err := w.people.CreateGroup(ctx, directory.Group{Organization: of.ID, Name: "ci"}, directory.Actor{})
			require.NoError(t, err)
			for range 120 {
				w.store(someRecord(w, rng, &owner, group.ID))
				w.store(someRecord(w, rng, &reader, group.ID))
			}
			w.store(someRecord(w, rng, &stranger, group.ID))
			for name, c := range map[string]struct {
				caller *manage.Caller
				owner  directory.ID
			}{
				"all":              {w.session(&reader), ""},
				"all with managed": {w.session(&overseer), ""},
				"somebody's":       {w.session(&reader), owner.ID},
				"one's own":        {w.session(&owner), owner.ID},
				"of one unknown":   {w.session(&reader), directory.ID(id.New())},
			} {
				t.Run(name, func(t *testing.T) {
					s, err := w.manager.TokenSummary(ctx, c.caller, c.owner)
					require.NoError(t, err)
					list := listed(t, func(input manage.Input[*manage.Ask]) (manage.Page[*manage.Token], error) {
						return w.manager.Tokens(ctx, c.caller, c.owner, input)
					})
					require.Equal(t, counted(list, s.At), told(s))
					require.Len(t, s.Months, 12)
				})
			}
			for _, level := range []manage.Level{{Of: pat.Organization, ID: string(of.ID)}, {Of: pat.Group, ID: string(group.ID)}} {
				if level.Of == pat.Group {
					require.NoError(t, w.people.Assign(ctx, of.ID, directory.Assignment{
						Role: directory.GroupAdmin, Scope: directory.OnGroup, ScopeID: group.ID, Holder: reader.ID,
					}, directory.Actor{}))
				}
				caller := w.session(&reader)
				s, err := w.manager.LevelTokenSummary(ctx, caller, level)
				require.NoError(t, err)
				require.Positive(t, s.Total())
				list := listed(t, func(input manage.Input[*manage.Ask]) (manage.Page[*manage.Token], error) {
					return w.manager.LevelTokens(ctx, caller, level, input)
				})
				require.Equal(t, counted(list, s.At), told(s))
			}
		}
	})
}

// listed is the whole of a list.
func listed(t *testing.T, list func(manage.Input[*manage.Ask]) (manage.Page[*manage.Token], error)) (all []*manage.Token) {
	t.Helper()
	for {
		page, err := list(manage.Given(&manage.Ask{Limit: manage.MaxPage, Offset: len(all)}))
		require.NoError(t, err)
		if len(page.Entries) == 0 {
			return all
		}
		all = append(all, page.Entries...)
	}
}

func TestTokenSummaryAsksForWhatTheListDoes(t *testing.T) {
	onBothStores(t, func(t *testing.T, w *world) {
		t.Helper()
		ctx, of := t.Context(), w.organization(directory.DefaultPolicy())
		plain, other := w.person(of.ID, directory.AccessAsNonInteractiveUser), w.person(of.ID)
		group, err := w.people.CreateGroup(ctx, directory.Group{Organization: of.ID, Name: "ci"}, directory.Actor{})
		require.NoError(t, err)
		lack := new(*manage.LackError)
		for _, owner := range []directory.ID{"", other.ID} {
			_, err := w.manager.TokenSummary(ctx, w.session(&plain), owner)
			require.ErrorAs(t, err, lack)
		}
		_, err = w.manager.TokenSummary(ctx, w.session(&plain), plain.ID)
		require.NoError(t, err)
		_, err = w.manager.LevelTokenSummary(ctx, w.session(&plain), manage.Level{Of: pat.Group, ID: string(group.ID)})
		require.ErrorAs(t, err, lack)
		admin := w.person(of.ID, directory.OrganizationAdmin)
		_, err = w.manager.LevelTokenSummary(ctx, w.session(&admin), manage.Level{Of: pat.Organization, ID: id.New()})
		require.ErrorIs(t, err, manage.ErrNotFound)
	})
}

// scans counts those that go on, and lets the first wait.
type scans struct {
	pat.Store

	n     atomic.Int32
	begun chan struct{}
	free  chan struct{}
}

func (s *scans) Scan(ctx context.Context, q pat.Query) iter.Seq2[pat.Record, error] {
	return func(yield func(pat.Record, error) bool) {
		if s.n.Add(1) == 1 {
			close(s.begun)
			<-s.free
		}
		s.Store.Scan(ctx, q)(yield)
	}
}

func TestTokenSummaryOfAnOrganizationIsShared(t *testing.T) {
	ctx := t.Context()
	still := &clock{at: time.Date(2026, 12, 31, 23, 59, 0, 0, time.UTC)}
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: still.now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	store := &scans{Store: db.PATs(), begun: make(chan struct{}), free: make(chan struct{})}
	w := newWorld(t, still, storagetest.Stores{PATs: store, Uses: db.Uses(), Identities: db.Identities(), Catalog: db.Catalog()})
	of, other := w.organization(directory.DefaultPolicy()), w.organization(directory.DefaultPolicy())
	reader, stranger := w.person(of.ID, directory.Role(directory.ReadAllTokens)), w.person(other.ID, directory.Role(directory.ReadAllTokens))
	w.store(&pat.Record{Organization: of.ID, Owner: reader.ID, Level: pat.Personal, Expiration: still.now().Add(time.Minute)})
	ask := func(c *manage.Caller, owner directory.ID) int {
		s, err := w.manager.TokenSummary(ctx, c, owner)
		require.NoError(t, err)
		n := s.Active
		s.Active, s.Months[0].Count = -1, -1 // it is the asker's own
		return n
	}
	first := w.session(&reader)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			s, err := w.manager.TokenSummary(ctx, first, "")
			if err != nil || s.Active != 1 || s.Months[0].Count != 0 || s.Months[1].Count != 1 {
				t.Error("not what there is", s, err)
			}
		})
	}
	<-store.begun
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err = w.manager.TokenSummary(gone, first, "")
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 0, ask(w.session(&stranger), ""), "another organization does not wait")
	require.EqualValues(t, 2, store.n.Load())
	close(store.free)
	all.Wait()
	require.EqualValues(t, 2, store.n.Load(), "one scan for all")

	w.store(&pat.Record{Organization: of.ID, Owner: reader.ID, Level: pat.Personal})
	require.Equal(t, 2, ask(first, reader.ID), "one's own is never old")
	require.Equal(t, 1, ask(first, ""))
	still.advance(5*time.Second - time.Millisecond)
	require.Equal(t, 1, ask(first, ""))
	still.advance(time.Millisecond)
	require.Equal(t, 2, ask(first, ""))
	w.store(&pat.Record{Organization: of.ID, Owner: reader.ID, Level: pat.Personal})
	still.advance(-time.Millisecond)
	require.Equal(t, 3, ask(first, ""), "a clock was set back")
}

// BenchmarkTokenSummary counts 100,000 tokens of an organization, anew each time and as
// it is kept.
func BenchmarkTokenSummary(b *testing.B) {
	const n = 100_000
	b.Run("bolt", func(b *testing.B) {
		db, err := bolt.Open(bolt.Config{Path: filepath.Join(b.TempDir(), "cambio.db"), Create: true, Now: time.Now})
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, db.Close()) })
		organization := storagetest.Import(b, db, n)
		benchSummary(b, organization, n, storagetest.Stores{PATs: db.PATs(), Uses: db.Uses(), Identities: db.Identities(), Catalog: db.Catalog()})
	})
	b.Run("redis", func(b *testing.B) {
		server := testenv.Redis(b, testenv.RedisOptions{Args: []string{"--appendfsync", "no"}})
		db, err := redis.Open(b.Context(), redis.Config{Addrs: []string{server.Addr()}, Durability: redis.Verified, Now: time.Now, Importing: true})
		require.NoError(b, err)
		b.Cleanup(func() { _ = db.Close() })
		organization := storagetest.Import(b, db, n)
		benchSummary(b, organization, n, storagetest.Stores{PATs: db.PATs(), Uses: db.Uses(), Identities: db.Identities(), Catalog: db.Catalog()})
	})
}

func benchSummary(b *testing.B, organization directory.ID, n int, stores storagetest.Stores) {
	b.Helper()
	moving := &clock{at: time.Now()}
	w := newWorld(b, moving, stores)
	access := directory.NewSnapshot(&directory.Catalog{Assignments: []directory.Assignment{{
		ID: "a", Holder: "me", Scope: directory.OnOrganization, ScopeID: organization, Rights: directory.Rights(),
	}}})
	me := directory.Identity{ID: "me", Organization: organization}
	policy := directory.DefaultPolicy()
	caller := &manage.Caller{Principal: &exchange.Principal{Identity: me, Access: access.AccessOf(&me), Policy: &policy, Scope: []string{pat.ScopeAll}}}
	for name, step := range map[string]time.Duration{"counted": time.Minute, "kept": 0} {
		b.Run(fmt.Sprint(name, "/", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				moving.advance(step)
				s, err := w.manager.TokenSummary(b.Context(), caller, "")
				require.NoError(b, err)
				require.Equal(b, n, s.Total())
			}
		})
	}
}
