package bolt_test

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
)

const tenant = directory.ID("0123456789abcdef0123456789abcdef")

func millisecondsNow() time.Time { return pat.Milliseconds(time.Now()) }

func anEvent(name audit.Name) audit.Event {
	return audit.Event{ID: id.New(), Time: millisecondsNow(), Name: name, Organization: string(tenant), Outcome: audit.Success}
}

func digestOf(secret string) pat.Digest {
	return pat.Digest{Pepper: 1, Sum: sha256.Sum256([]byte(secret))}
}

// anOwner stores an identity as it usually is.
func anOwner(tb testing.TB, db *bolt.DB) directory.ID {
	tb.Helper()
	made := directory.ID(id.New())
	owner := directory.Identity{
		ID: made, Organization: tenant, Type: directory.User, Username: "user-" + string(made), DisplayName: "Some Body",
		Email: "somebody@example.com", Issuer: "https://idp.example.com", Subject: string(made), Enabled: true,
		LastLogin: millisecondsNow(), Groups: []directory.ID{directory.ID(id.New()), directory.ID(id.New())}, Created: millisecondsNow(), Revision: 1,
	}
	require.NoError(tb, db.Identities().Create(tb.Context(), owner, anEvent(audit.IdentityCreated)))
	return made
}

// aToken returns a token as it usually is, not yet stored. Its secret is its id.
func aToken(owner directory.ID) pat.Record {
	made := pat.NewID(owner)
	return pat.Record{
		ID: made, Organization: tenant, Owner: owner, Name: "deploy " + string(made), Description: "used by the pipeline",
		Scope: []string{"orders:read", "orders:write"}, Level: pat.Personal, Audience: []string{"https://api.example.com"},
		Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Created: millisecondsNow(), CreatedBy: owner,
		Expiration: millisecondsNow().Add(24 * time.Hour), LastUsed: millisecondsNow(), State: pat.StateActive, Generation: 1, Revision: 1,
		Verifier: pat.Verifier{Current: digestOf(string(made))},
	}
}

// aLargeToken returns a token with as much in it as it may have.
func aLargeToken(owner directory.ID) pat.Record {
	record := aToken(owner)
	record.Scope, record.Audience, record.Networks = nil, nil, nil
	for i := range 100 {
		record.Scope = append(record.Scope, fmt.Sprintf("orders:of-region-%d:read", i))
		record.Networks = append(record.Networks, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16))
	}
	for i := range 20 {
		record.Audience = append(record.Audience, fmt.Sprintf("https://service-%d.example.com", i))
	}
	return record
}

func storedToken(tb testing.TB, db *bolt.DB) pat.Record {
	tb.Helper()
	record := aToken(anOwner(tb, db))
	require.NoError(tb, db.PATs().Create(tb.Context(), record, 0, anEvent(audit.TokenCreated)))
	return record
}

func presented(record *pat.Record) pat.Presentation {
	return pat.Presentation{ID: record.ID, Candidates: []pat.Digest{digestOf(string(record.ID))}, Now: time.Now()}
}

// fill stores many tokens at once, as a file in use has them.
func fill(b *testing.B, db *bolt.DB, n int) []pat.Record {
	b.Helper()
	records := make([]pat.Record, n)
	owners := make([]directory.ID, 10)
	for i := range owners {
		owners[i] = anOwner(b, db)
	}
	var all sync.WaitGroup
	for worker := range 100 {
		all.Go(func() {
			for i := worker; i < n; i += 100 {
				records[i] = aToken(owners[i%len(owners)])
				if err := db.PATs().Create(b.Context(), records[i], 0, anEvent(audit.TokenCreated)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	return records
}

func benchDB(b *testing.B, tokens int) (*bolt.DB, []pat.Record) {
	b.Helper()
	db := open(b, filepath.Join(b.TempDir(), "cambio.db"))
	return db, fill(b, db, tokens)
}

func BenchmarkUse(b *testing.B) {
	db, records := benchDB(b, 5000)
	uses := db.Uses()
	for name, step := range map[string]int{"one": 0, "any of 5000": 7919} {
		b.Run(name, func(b *testing.B) {
			presentation := presented(&records[0])
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				i = (i + step) % len(records)
				record := &records[i]
				presentation.ID, presentation.Candidates[0], presentation.Now = record.ID, record.Verifier.Current, time.Now()
				if used, err := uses.Use(b.Context(), presentation); err != nil || used.Record.ID != record.ID {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUseWrongSecret(b *testing.B) {
	db, records := benchDB(b, 1000)
	large := aLargeToken(anOwner(b, db))
	require.NoError(b, db.PATs().Create(b.Context(), large, 0, anEvent(audit.TokenCreated)))
	for name, token := range map[string]pat.ID{"known": records[0].ID, "large": large.ID, "unknown": pat.ID(id.New())} {
		b.Run(name, func(b *testing.B) {
			presentation := pat.Presentation{ID: token, Candidates: []pat.Digest{digestOf("wrong")}}
			for b.Loop() {
				presentation.Now = time.Now()
				if _, err := db.Uses().Use(b.Context(), presentation); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTouchNotDue(b *testing.B) {
	db, records := benchDB(b, 1000)
	for b.Loop() {
		if wrote, err := db.Uses().Touch(b.Context(), pat.Touch{ID: records[0].ID, Now: time.Now(), Used: true}); err != nil || wrote {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreate(b *testing.B) {
	db, _ := benchDB(b, 1000)
	owner := anOwner(b, db)
	b.Run("alone", func(b *testing.B) {
		for i := 1; b.Loop(); i++ {
			if i%pat.MaxRecords == 0 {
				owner = anOwner(b, db)
			}
			if err := db.PATs().Create(b.Context(), aToken(owner), 0, anEvent(audit.TokenCreated)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("together", func(b *testing.B) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			owner := owner
			for i := 0; pb.Next(); i++ {
				if i%(pat.MaxRecords/2) == 0 {
					owner = anOwner(b, db)
				}
				if err := db.PATs().Create(b.Context(), aToken(owner), 0, anEvent(audit.TokenCreated)); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkRevoke(b *testing.B) {
	db, _ := benchDB(b, 0)
	owner := anOwner(b, db)
	for i := 1; b.Loop(); i++ {
		b.StopTimer()
		if i%pat.MaxRecords == 0 {
			owner = anOwner(b, db)
		}
		record := aToken(owner)
		require.NoError(b, db.PATs().Create(b.Context(), record, 0, anEvent(audit.TokenCreated)))
		b.StartTimer()
		_, changed, err := db.PATs().Revoke(b.Context(), pat.Revocation{ID: record.ID, Generation: 1, To: pat.StateRevoked}, anEvent(audit.TokenRevoked))
		if err != nil || !changed {
			b.Fatal(err)
		}
	}
}
