package bolt_test

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/bolt"
	"github.com/cambio-sts/cambio/storage/storagetest"
)

// enough is how many uses of a token make it remembered: the next needs no file.
const enough = 2

// thrice asks each time as often as it takes to be answered from memory, and wants the
// same answer each time.
type thrice struct {
	pat.UseStore

	tb testing.TB
}

func (s thrice) Use(ctx context.Context, p pat.Presentation) (*pat.Used, error) {
	first, err := s.UseStore.Use(ctx, p)
	if err != nil || first.Transitioned {
		return first, err
	}
	last := first
	for range enough {
		again, err := s.UseStore.Use(ctx, p)
		if err != nil || again.Transitioned {
			return again, err
		}
		last = again
	}
	if first.Record.Revision == last.Record.Revision && first.Owner.Revision == last.Owner.Revision {
		got, want := *last, *first
		got.Now, got.Record.LastUsed, got.Record.LastSeen = want.Now, want.Record.LastUsed, want.Record.LastSeen
		if first.Record.ID != "" {
			require.Equal(s.tb, want, got)
		}
	}
	return last, nil
}

// TestRememberedStore: a store that answers from memory whenever it can does what every
// store does.
func TestRememberedStore(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Stores {
		t.Helper()
		db := open(t, filepath.Join(t.TempDir(), "cambio.db"))
		return storagetest.Stores{
			PATs: db.PATs(), Uses: thrice{db.Uses(), t}, Identities: db.Identities(), Catalog: db.Catalog(), Keys: db.Keys(), Outbox: db.Outbox(),
			Ended: db.Ended(),
		}
	})
}

// remember uses a token until it is remembered, and returns the answer.
func remember(tb testing.TB, db *bolt.DB, p pat.Presentation) *pat.Used {
	tb.Helper()
	var used *pat.Used
	for range enough + 1 {
		var err error
		used, err = db.Uses().Use(tb.Context(), p)
		require.NoError(tb, err)
	}
	return used
}

// TestRemembered: the file is not asked again, which takes 18 allocations more; for a JWT
// of the token neither, as long as none of them was revoked.
func TestRemembered(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "cambio.db"))
	record := storedToken(t, db)
	p := presented(&record)
	require.Equal(t, record.Scope, remember(t, db, p).Record.Scope)
	for _, jti := range []string{"", "one"} {
		p.JTI = jti
		require.LessOrEqual(t, testenv.Allocations(t, func() {
			if used, err := db.Uses().Use(t.Context(), p); err != nil || used.Record.ID != record.ID {
				t.Error(used, err)
			}
		}), 7.0)
	}
}

// TestNotRemembered: what is long is read from the file each time.
func TestNotRemembered(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "cambio.db"))
	record := aLargeToken(anOwner(t, db))
	require.NoError(t, db.PATs().Create(t.Context(), record, 0, anEvent(audit.TokenCreated)))
	p := presented(&record)
	require.Equal(t, record, remember(t, db, p).Record)
	require.Greater(t, testenv.Allocations(t, func() { _, _ = db.Uses().Use(t.Context(), p) }), 15.0)
}

// TestRememberedIsCopied: whoever is answered may change the answer.
func TestRememberedIsCopied(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "cambio.db"))
	record := aToken(anOwner(t, db))
	record.OldUses, record.Lineage = []pat.OldUse{{IP: "192.0.2.1", At: millisecondsNow()}}, []pat.ID{pat.NewID(record.Owner)}
	require.NoError(t, db.PATs().Create(t.Context(), record, 0, anEvent(audit.TokenCreated)))
	p := presented(&record)
	for range enough + 2 {
		used, err := db.Uses().Use(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, record, used.Record)
		require.NotContains(t, used.Owner.Groups, directory.ID("other"))
		got := &used.Record
		got.Scope[0], got.Audience[0], got.Networks[0], got.OldUses[0].IP, got.Lineage[0] = "other", "other", record.Networks[0].Masked(), "other", "other"
		used.Owner.Groups[0] = "other"
	}
}

// TestRememberedSecret: only the right secret is answered from memory; a wrong one is
// told no more than of any token.
func TestRememberedSecret(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "cambio.db"))
	record := storedToken(t, db)
	p := presented(&record)
	remember(t, db, p)
	p.Candidates = []pat.Digest{digestOf("wrong")}
	used, err := db.Uses().Use(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, &pat.Used{Verifier: record.Verifier, Now: used.Now}, used)
}

// TestRememberedExpires: a token that is remembered ends when it expires, once.
func TestRememberedExpires(t *testing.T) {
	var ahead atomic.Int64
	db, err := bolt.Open(bolt.Config{
		Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	record := storedToken(t, db)
	p := presented(&record)
	remember(t, db, p)
	ahead.Store(int64(24 * time.Hour))
	p.Now = p.Now.Add(24 * time.Hour)
	for _, first := range []bool{true, false} {
		used, err := db.Uses().Use(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, pat.StateAutoRevoked, used.Record.State)
		require.Equal(t, first, used.Transitioned)
	}
}

// TestRememberedJWT: which JWTs were revoked is looked up each time, as soon as there is
// one, and says nothing of the token.
func TestRememberedJWT(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "cambio.db"))
	record := storedToken(t, db)
	p := presented(&record)
	revoked := func(jti string) bool {
		p.JTI = jti
		return remember(t, db, p).JTIRevoked
	}
	require.False(t, revoked("ended"))
	_, err := db.Uses().RevokeJTI(t.Context(), record.ID, "ended", time.Now().Add(time.Minute), anEvent(audit.AccessTokenRevoked))
	require.NoError(t, err)
	require.True(t, revoked("ended"))
	require.False(t, revoked(""))
	require.True(t, revoked("ended"))
	require.False(t, revoked("other"))
}

// TestRememberedIsOfAnOpenFile: what is remembered ends with the file.
func TestRememberedIsOfAnOpenFile(t *testing.T) {
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "cambio.db"), Create: true, Now: time.Now})
	require.NoError(t, err)
	record := storedToken(t, db)
	p := presented(&record)
	remember(t, db, p)
	require.NoError(t, db.Close())
	_, err = db.Uses().Use(t.Context(), p)
	require.ErrorIs(t, err, fault.ErrUnavailable)
}

// TestNoUseSeesThePast: of uses and an end at the same time, none that begins after the
// end was answered, or after another use saw it, finds the token as it was before.
func TestNoUseSeesThePast(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "cambio.db"))
	owner := anOwner(t, db)
	for range 50 {
		record := aToken(owner)
		require.NoError(t, db.PATs().Create(t.Context(), record, 0, anEvent(audit.TokenCreated)))
		p := presented(&record)
		remember(t, db, p)
		var ended atomic.Bool
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				for seen := 0; seen < 20; {
					late := ended.Load()
					used, err := db.Uses().Use(t.Context(), p)
					switch {
					case err != nil:
						t.Error(err)
						return
					case used.Record.State != pat.StateActive:
						ended.Store(true)
						seen++
					case late:
						t.Error("a token that had ended was active")
						return
					}
				}
			})
		}
		_, changed, err := db.PATs().Revoke(t.Context(), pat.Revocation{ID: record.ID, Generation: 1, To: pat.StateRevoked}, anEvent(audit.TokenRevoked))
		ended.Store(true)
		all.Wait()
		require.NoError(t, err)
		require.True(t, changed)
	}
}

// TestRememberedOwner: a change of the owner is seen at once, too.
func TestRememberedOwner(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "cambio.db"))
	record := storedToken(t, db)
	p := presented(&record)
	owner := remember(t, db, p).Owner
	owner.Enabled, owner.Groups = false, slices.Clone(owner.Groups[:1])
	require.NoError(t, db.Identities().Replace(t.Context(), owner, anEvent(audit.IdentityUpdated)))
	used, err := db.Uses().Use(t.Context(), p)
	require.NoError(t, err)
	require.False(t, used.Owner.Enabled)
	require.Equal(t, owner.Groups, used.Owner.Groups)
}
