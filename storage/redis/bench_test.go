package redis_test

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
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

// token stores a typical token and its owner.
func token(tb testing.TB, db *redis.DB) pat.Record {
	tb.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	tenant := directory.ID("0123456789abcdef0123456789abcdef")
	owner := aliceOf(tenant)
	insist(tb, func(event audit.Event) error { return db.Identities().Create(tb.Context(), owner, event) })
	record := pat.Record{
		ID: pat.NewID(owner.ID), Organization: tenant, Owner: owner.ID, Name: id.New(), Description: "deploys the shop",
		Scope: []string{"sp:scopes:all"}, Level: pat.Personal, Created: now, CreatedBy: owner.ID, Expiration: now.Add(24 * time.Hour),
		State: pat.StateActive, Generation: 1, Revision: 1, LastUsed: now,
		Verifier: pat.Verifier{Current: pat.Digest{Pepper: 1, Sum: [32]byte{1, 2, 3}}},
	}
	insist(tb, func(event audit.Event) error { return db.PATs().Create(tb.Context(), record, 0, event) })
	return record
}

// aliceOf is a typical identity of an organization.
func aliceOf(organization directory.ID) directory.Identity {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return directory.Identity{
		ID: directory.ID(id.New()), Organization: organization, Type: directory.User, Username: id.New(), DisplayName: "Alice Liddell",
		Email: "alice@example.com", Issuer: "https://idp.example.com", Subject: id.New(), Enabled: true, LastLogin: now,
		Groups: []directory.ID{directory.ID(id.New()), directory.ID(id.New())}, Created: now, Revision: 1,
	}
}

// insist makes a change, again under its name while the store cannot answer: other
// tests may hold the processors.
func insist(tb testing.TB, do func(audit.Event) error) {
	tb.Helper()
	event := change()
	var err error
	testenv.Wait(tb, 10*time.Second, func() bool {
		err = do(event)
		return !errors.Is(err, fault.ErrUnavailable)
	})
	require.NoError(tb, err)
}

func change() audit.Event {
	return audit.Event{ID: id.New(), Time: time.Now(), Name: audit.TokenUpdated, Outcome: audit.Success}
}

func presentation(record *pat.Record) pat.Presentation {
	return pat.Presentation{
		ID: record.ID, Candidates: []pat.Digest{record.Verifier.Current}, Now: time.Now(),
		Origin: audit.Origin{IP: "192.0.2.1", UserAgent: "curl/8.5.0", TrackingID: id.New()},
	}
}

// benchmark runs do from 16 goroutines per processor and reports besides what
// a script call takes in the server.
func benchmark(b *testing.B, do func(db *redis.DB, record *pat.Record) error) {
	b.Helper()
	server := testenv.Redis(b, testenv.RedisOptions{})
	db, client := open(b, server), admin(b, server)
	record := token(b, db)
	require.NoError(b, do(db, &record))
	require.NoError(b, client.ConfigResetStat(b.Context()).Err())
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := do(db, &record); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(perCall(b, client), "server-µs/op")
}

// perCall reads what EVALSHA took on average.
func perCall(b *testing.B, client *goredis.Client) float64 {
	b.Helper()
	stats, err := client.Info(b.Context(), "commandstats").Result()
	require.NoError(b, err)
	match := regexp.MustCompile(`cmdstat_evalsha:.*usec_per_call=([0-9.]+)`).FindStringSubmatch(stats)
	require.Len(b, match, 2)
	usec, err := strconv.ParseFloat(match[1], 64)
	require.NoError(b, err)
	return usec
}

func BenchmarkUse(b *testing.B) {
	benchmark(b, func(db *redis.DB, record *pat.Record) error {
		_, err := db.Uses().Use(b.Context(), presentation(record))
		return err
	})
}

// BenchmarkUseWrongSecret: none of the three may be told from the others by its
// time.
func BenchmarkUseWrongSecret(b *testing.B) {
	for name, change := range map[string]func(record *pat.Record){
		"known": func(*pat.Record) {},
		"large": func(record *pat.Record) {
			for i := range 100 {
				record.Scope = append(record.Scope, fmt.Sprintf("orders:of-region-%d:read", i))
				record.Networks = append(record.Networks, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16))
			}
		},
		"unknown": func(record *pat.Record) { record.ID = pat.NewID(record.Owner) },
	} {
		b.Run(name, func(b *testing.B) {
			benchmark(b, func(db *redis.DB, record *pat.Record) error {
				if record.Verifier.Current.Pepper == 1 { // the first time
					change(record)
					if name == "large" {
						require.NoError(b, db.PATs().Replace(b.Context(), *record, 0, audit.Event{ID: id.New()}))
					}
					record.Verifier.Current = pat.Digest{Pepper: 2}
				}
				_, err := db.Uses().Use(b.Context(), presentation(record))
				return err
			})
		})
	}
}

func BenchmarkTouch(b *testing.B) {
	benchmark(b, func(db *redis.DB, record *pat.Record) error {
		_, err := db.Uses().Touch(b.Context(), pat.Touch{ID: record.ID, Now: time.Now(), Used: true, Seen: true})
		return err
	})
}

func BenchmarkLive(b *testing.B) {
	benchmark(b, func(db *redis.DB, record *pat.Record) error {
		_, err := db.Uses().Live(b.Context(), record.ID, "0123456789abcdef0123456789abcdef")
		return err
	})
}
