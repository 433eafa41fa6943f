package redis_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/redis"
)

const (
	// perOwner is how many tokens each owner of a population has.
	perOwner = 10
	// mostMemory is what one of them may take of the server, in bytes, with its
	// share of the owner's record, its name, its places in the indexes and the
	// event of its creation, which nobody has shipped yet.
	mostMemory = 1024
)

// populate makes n tokens as the product does, from several goroutines, and
// returns what is presented of each.
func populate(tb testing.TB, db *redis.DB, n int) []pat.Presentation {
	tb.Helper()
	peppers, err := pat.NewPeppers(pat.Pepper{Version: 1, Key: make([]byte, 32)})
	require.NoError(tb, err)
	format, err := pat.NewFormat("cambio_pat")
	require.NoError(tb, err)
	service, err := pat.NewService(pat.Config{Store: db.PATs(), Uses: db.Uses(), Format: format, Peppers: peppers, Now: time.Now})
	require.NoError(tb, err)
	policy := directory.Policy{MaxTokensPerOwner: perOwner}
	organization := directory.ID(id.New())
	made := make([]pat.Presentation, n)
	var workers sync.WaitGroup
	owners := make(chan int)
	for range 16 {
		workers.Go(func() {
			for first := range owners {
				owner := aliceOf(organization)
				insist(tb, func(event audit.Event) error { return db.Identities().Create(tb.Context(), owner, event) })
				for i := first; i < min(first+perOwner, n); i++ {
					draft := pat.Draft{
						Name: fmt.Sprintf("deploy %d", i), Description: "deploys the shop", Scope: []string{"sp:scopes:all"}, Level: pat.Personal,
						Expiration: time.Now().Add(90 * 24 * time.Hour),
					}
					origin := audit.Origin{IP: "192.0.2.1", UserAgent: "curl/8.5.0", TrackingID: id.New()}
					token, _, err := service.Create(tb.Context(), &owner, &draft, &policy, pat.Actor{Identity: owner.ID, Origin: origin})
					for errors.Is(err, fault.ErrUnavailable) { // other tests may hold the processors
						draft.Name += "." // the one before may have been carried out
						token, _, err = service.Create(tb.Context(), &owner, &draft, &policy, pat.Actor{Identity: owner.ID, Origin: origin})
					}
					if err != nil && !errors.Is(err, pat.ErrLimit) {
						tb.Error(err)
						break
					}
					made[i] = pat.Presentation{ID: token.ID(), Candidates: peppers.Candidates(token), Origin: origin}
				}
			}
		})
	}
	for first := 0; first < n; first += perOwner {
		owners <- first
	}
	close(owners)
	workers.Wait()
	return made
}

// used reads how much memory the server uses, in bytes.
func used(tb testing.TB, client *goredis.Client) int {
	tb.Helper()
	info, err := client.Info(tb.Context(), "memory").Result()
	require.NoError(tb, err)
	match := regexp.MustCompile(`(?m)^used_memory:([0-9]+)`).FindStringSubmatch(info)
	require.Len(tb, match, 2)
	n, err := strconv.Atoi(match[1])
	require.NoError(tb, err)
	return n
}

// TestMemory: a token takes no more than a KiB, however many there are.
func TestMemory(t *testing.T) {
	sizes := []int{10_000}
	if testenv.Full() {
		sizes = append(sizes, 100_000, 1_000_000)
	}
	for _, n := range sizes {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			server := testenv.Redis(t, testenv.RedisOptions{Args: []string{"--appendfsync", "no"}})
			db, client := open(t, server), admin(t, server)
			before := used(t, client)
			populate(t, db, n)
			each := float64(used(t, client)-before) / float64(n)
			t.Logf("%d tokens: %.0f bytes each", n, each)
			require.LessOrEqual(t, each, float64(mostMemory))
		})
	}
}

// BenchmarkUseAmong uses one of many tokens: how many there are makes no difference.
// The rounds of the two sizes take turns.
func BenchmarkUseAmong(b *testing.B) {
	type population struct {
		db     *redis.DB
		client *goredis.Client
		all    []pat.Presentation
	}
	var populations []population
	for _, n := range []int{10_000, 1_000_000} {
		server := testenv.Redis(b, testenv.RedisOptions{Args: []string{"--appendfsync", "no"}})
		db := open(b, server)
		populations = append(populations, population{db, admin(b, server), populate(b, db, n)})
	}
	for range 5 {
		for _, p := range populations {
			b.Run(strconv.Itoa(len(p.all)), func(b *testing.B) {
				require.NoError(b, p.client.ConfigResetStat(b.Context()).Err())
				b.SetParallelism(16)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						presented := p.all[rand.IntN(len(p.all))]
						presented.Now = time.Now()
						if got, err := p.db.Uses().Use(b.Context(), presented); err != nil || got.Record.State != pat.StateActive {
							b.Error(got.Record.State, err)
							return
						}
					}
				})
				b.ReportMetric(perCall(b, p.client), "server-µs/op")
			})
		}
	}
}
