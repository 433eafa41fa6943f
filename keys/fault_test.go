package keys

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cambio-sts/cambio/internal/audit"
)

func TestWrongMasterKeyNeverMakesAKey(t *testing.T) {
	clock := newClock()
	ring, store := openRing(t, clock)
	before := string(store.state)
	wrong := testRing(t, store, testMaster(t), clock.now)
	require.ErrorIs(t, wrong.Open(t.Context()), ErrWrongMasterKey)
	require.ErrorIs(t, wrong.Prepare(t.Context()), ErrWrongMasterKey)
	require.ErrorIs(t, wrong.Rotate(t.Context(), Actor{}), ErrWrongMasterKey)
	require.ErrorIs(t, wrong.Revoke(t.Context(), activeKID(ring, ES256), Actor{}), ErrWrongMasterKey)
	require.ErrorIs(t, wrong.Ready(clock.now()), ErrNotOpened)
	require.Equal(t, before, string(store.state))

	// A canary that opens but reads differently is of another product.
	sealed, err := ring.master.Seal(t.Context(), []byte("another text"), canaryAAD())
	require.NoError(t, err)
	store.set(func(s *Stored) { s.Canary = sealed })
	require.ErrorIs(t, testRing(t, store, ring.master, clock.now).Open(t.Context()), ErrWrongMasterKey)
}

func TestStoreEmptiedUnderARunningServer(t *testing.T) {
	clock := newClock()
	ring, store := openRing(t, clock)
	kept := store.state
	store.state = nil
	require.ErrorIs(t, ring.refresh(t.Context()), ErrNoCanary)
	require.ErrorIs(t, ring.Ready(clock.now()), ErrNoCanary)
	_, err := ring.Mint(ES256, testClaims(clock.now()))
	require.ErrorIs(t, err, ErrNoCanary)
	require.Nil(t, store.state, "nothing is made anew")
	require.Len(t, jwksKIDs(t, ring), 2, "JWKS is still served")

	store.state = kept
	require.NoError(t, ring.refresh(t.Context()))
	require.NoError(t, ring.Ready(clock.now()))
}

func TestStoreDown(t *testing.T) {
	clock := newClock()
	ring, store := openRing(t, clock)
	store.load = func() error { return errDown }
	clock.move(testMaxAge + testPoll)
	require.ErrorIs(t, ring.refresh(t.Context()), errDown)
	require.NoError(t, ring.Ready(clock.now()), "within the bound")
	token := mint(t, ring, ES256)
	clock.move(time.Second)
	require.ErrorIs(t, ring.Ready(clock.now()), ErrStale)
	_, err := ring.Mint(ES256, testClaims(clock.now()))
	require.ErrorIs(t, err, ErrStale)
	_, err = ring.Verify(token, expected())
	require.NoError(t, err, "old tokens still verify")
	require.ErrorIs(t, ring.Rotate(t.Context(), Actor{}), errDown)
	require.ErrorIs(t, ring.Revoke(t.Context(), activeKID(ring, ES256), Actor{}), errDown)

	store.load = nil
	require.NoError(t, ring.refresh(t.Context()))
	require.NoError(t, ring.Ready(clock.now()))

	store.swap = func() error { return ErrSwapped }
	require.ErrorIs(t, ring.Rotate(t.Context(), Actor{}), ErrSwapped)
	store.swap = func() error { return errDown }
	require.ErrorIs(t, ring.Rotate(t.Context(), Actor{}), errDown)
	require.Len(t, store.get().Keys, 2)
}

func TestWaitingForTheTurnEndsWithTheContext(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	require.NoError(t, ring.lock(t.Context()))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, call := range []func() error{
		func() error { return ring.Open(cancelled) },
		func() error { return ring.Prepare(cancelled) },
		func() error { return ring.Rotate(cancelled, Actor{}) },
		func() error { return ring.refresh(cancelled) },
	} {
		require.ErrorIs(t, call(), context.Canceled)
	}
	ring.unlock()
	require.NoError(t, ring.refresh(t.Context()))
}

func TestSwapGivesUpWithItsContext(t *testing.T) {
	clock := newClock()
	ring, store := openRing(t, clock)
	ctx, cancel := context.WithCancel(t.Context())
	store.swap = func() error { cancel(); return ErrSwapped }
	require.ErrorIs(t, ring.Rotate(ctx, Actor{}), context.Canceled)
}

// kmsRing returns a prepared store and a ring whose sealer is at the end of a wire.
func kmsRing(t *testing.T, clock *clock) (*Ring, *kms, *memory) {
	t.Helper()
	store := &memory{}
	sealer := &kms{Sealer: testMaster(t)}
	require.NoError(t, testRing(t, store, sealer, clock.now).Prepare(t.Context()))
	return testRing(t, store, sealer, clock.now), sealer, store
}

func TestKMSFailsAtStart(t *testing.T) {
	clock := newClock()
	ring, sealer, store := kmsRing(t, clock)
	before := string(store.state)
	sealer.open = func(context.Context) error { return errKMS }
	require.ErrorIs(t, ring.Open(t.Context()), errKMS)
	require.ErrorIs(t, ring.Ready(clock.now()), ErrNotOpened)
	require.Equal(t, before, string(store.state))

	calls := 0
	sealer.open = func(context.Context) error { // the canary opens, the keys do not
		if calls++; calls > 1 {
			return errKMS
		}
		return nil
	}
	require.ErrorIs(t, ring.Open(t.Context()), errKMS)
	require.ErrorIs(t, ring.Ready(clock.now()), ErrStale)
	require.ErrorIs(t, ring.refresh(t.Context()), errUnopened, "no key is made from a state that is not understood")
	require.Equal(t, before, string(store.state))

	fresh := &memory{}
	sealer.open, sealer.seal = nil, func(context.Context) error { return errKMS }
	require.ErrorIs(t, testRing(t, fresh, sealer, clock.now).Prepare(t.Context()), errKMS)
	require.Nil(t, fresh.state)
	seals := 0
	sealer.seal = func(context.Context) error { // the canary seals, the key does not
		if seals++; seals > 1 {
			return errKMS
		}
		return nil
	}
	require.ErrorIs(t, testRing(t, fresh, sealer, clock.now).Prepare(t.Context()), errKMS)
	require.Nil(t, fresh.state)
	sealer.seal = nil
	sealer.open = func(context.Context) error { return errKMS } // what was sealed does not open
	require.ErrorIs(t, testRing(t, fresh, sealer, clock.now).Prepare(t.Context()), errKMS)
	require.Nil(t, fresh.state)

	sealer.open = nil
	require.NoError(t, ring.Open(t.Context()))
	require.NoError(t, ring.Ready(clock.now()))
}

func TestKMSIsSlow(t *testing.T) {
	slow := func(ctx context.Context) error {
		if !sleep(ctx, 30*time.Second) {
			return ctx.Err()
		}
		return nil
	}
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		sealer := &kms{Sealer: testMaster(t)}
		require.NoError(t, testRing(t, store, sealer, time.Now).Prepare(t.Context()))
		ring := testRing(t, store, sealer, time.Now)
		sealer.open = slow
		require.ErrorIs(t, ring.Open(t.Context()), context.DeadlineExceeded)
		sealer.open = nil
		require.NoError(t, ring.Open(t.Context()))

		time.Sleep(testRotate)
		sealer.seal = slow
		began := time.Now()
		require.ErrorIs(t, ring.refresh(t.Context()), context.DeadlineExceeded)
		require.Equal(t, callTimeout, time.Since(began))
		require.Len(t, store.get().Keys, 2, "no key created")
		require.Len(t, jwksKIDs(t, ring), 2, "JWKS still served")
		require.NoError(t, ring.Ready(time.Now()), "the successor signs")
	})
}

func TestKMSFailsDuringRotation(t *testing.T) {
	clock := newClock()
	ring, sealer, store := kmsRing(t, clock)
	require.NoError(t, ring.Open(t.Context()))
	sealer.seal = func(context.Context) error { return errKMS }
	clock.move(testRotate)
	require.ErrorIs(t, ring.refresh(t.Context()), errKMS)
	require.NoError(t, ring.Ready(clock.now()), "the successor signs")
	require.Len(t, store.get().Keys, 2)
	require.Len(t, jwksKIDs(t, ring), 2)
	require.ErrorIs(t, ring.Rotate(t.Context(), Actor{}), errKMS)

	require.NoError(t, ring.Revoke(t.Context(), activeKID(ring, ES256), Actor{}), "revoking needs no new key")
	require.ErrorIs(t, ring.Ready(clock.now()), ErrNoActiveKey)
	sealer.seal = nil
	require.NoError(t, ring.refresh(t.Context()))
	require.NoError(t, ring.Ready(clock.now()), "in an emergency a key signs at once")
}

// Another replica wrote a key that this one cannot open now.
func TestKeyThatDoesNotOpen(t *testing.T) {
	clock := newClock()
	ring, sealer, _ := kmsRing(t, clock)
	require.NoError(t, ring.Open(t.Context()))
	healthy := testRing(t, ring.store, sealer.Sealer, clock.now)
	require.NoError(t, healthy.Open(t.Context()))
	first := activeKID(ring, ES256)
	require.NoError(t, healthy.Revoke(t.Context(), first, Actor{}))

	sealer.open = func(context.Context) error { return errKMS }
	require.ErrorIs(t, ring.refresh(t.Context()), errUnopened)
	require.NotContains(t, jwksKIDs(t, ring), first, "the revocation holds all the same")
	require.NoError(t, ring.Ready(clock.now()))
	require.NoError(t, ring.Revoke(t.Context(), activeKID(ring, ES256), Actor{}), "and so does one made here")
	clock.move(testMaxAge + testPoll + 1)
	require.ErrorIs(t, ring.refresh(t.Context()), errUnopened)
	require.ErrorIs(t, ring.Ready(clock.now()), ErrStale, "but the state ages")
	sealer.open = nil
	require.NoError(t, ring.refresh(t.Context()))
	require.NoError(t, ring.Ready(clock.now()))
}

func TestTamperedRecords(t *testing.T) {
	clock := newClock()
	for name, change := range map[string]func(*Record){
		"public key of somebody else": func(r *Record) {
			key, err := ES256.generate()
			require.NoError(t, err)
			r.PublicJWK, err = newJWK(ES256, key.Public())
			require.NoError(t, err)
		},
		"kid":              func(r *Record) { r.KID = "other" },
		"alg":              func(r *Record) { r.Alg = ES384 },
		"use":              func(r *Record) { r.PublicJWK.Use = "enc" },
		"sealed":           func(r *Record) { r.Sealed[len(r.Sealed)-1] ^= 1 },
		"nothing sealed":   func(r *Record) { r.Sealed = nil },
		"another key seal": func(r *Record) { r.Sealed = []byte{1, 0, 0, 0, 9} },
	} {
		t.Run(name, func(t *testing.T) {
			ring, store := openRing(t, clock)
			good := infos(ring, ES256, Published)[0].KID
			store.set(func(s *Stored) { s.Version++; change(&s.Keys[0]) })
			fresh := testRing(t, store, ring.master, clock.now)
			require.ErrorIs(t, fresh.Open(t.Context()), errUnopened)
			require.Equal(t, []string{good}, jwksKIDs(t, fresh), "what nobody sealed is not published")
			require.Error(t, fresh.Ready(clock.now()))
			if name != "sealed" && name != "nothing sealed" && name != "another key seal" { // it has the key in memory
				require.ErrorIs(t, ring.refresh(t.Context()), errUnopened)
			}
		})
	}
	t.Run("sealed things that are no keys", func(t *testing.T) {
		ring, _ := openRing(t, clock)
		for _, plain := range [][]byte{[]byte("garbage"), x25519PKCS8} {
			rec := ring.snapshot.Load().records[0]
			var err error
			rec.Sealed, err = ring.master.Seal(t.Context(), plain, keyAAD(rec.KID, rec.Alg))
			require.NoError(t, err)
			_, err = ring.openKey(t.Context(), &rec)
			require.ErrorIs(t, err, errKeyType)
		}
	})
}

// x25519PKCS8 is a private key that cannot sign (RFC 8410 §7's form, filled with 1).
var x25519PKCS8 = append([]byte{0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20}, slices.Repeat([]byte{1}, 32)...)

// The store rolls back to before a swap, as a failover does.
func TestLostWrite(t *testing.T) {
	clock := newClock()
	ring, store := openRing(t, clock)
	other := another(t, ring, clock.now)
	clock.move(testRotate)
	before := store.state
	require.NoError(t, ring.refresh(t.Context()))
	lost := infos(ring, ES256, Published)[0].KID
	require.NoError(t, other.refresh(t.Context()))

	store.state = before
	require.NoError(t, ring.refresh(t.Context()))
	again := infos(ring, ES256, Published)[0]
	require.NotEqual(t, lost, again.KID, "re-created")
	require.Equal(t, uint64(3), again.Generation)
	require.Subset(t, jwksKIDs(t, ring), []string{lost, again.KID}, "the union is published")
	require.NoError(t, other.refresh(t.Context()))
	require.Contains(t, jwksKIDs(t, other), lost)
	_, err := other.Verify(mint(t, ring, ES256), expected())
	require.NoError(t, err)

	clock.move(testRotate)
	require.NoError(t, ring.refresh(t.Context()))
	require.Equal(t, again.KID, activeKID(ring, ES256), "a lost key never signs")
	require.NotContains(t, jwksKIDs(t, ring), lost, "and goes when nothing it could have signed is alive")
}

func TestLostKeyIsRevokedEverywhere(t *testing.T) {
	clock := newClock()
	ring, store := openRing(t, clock)
	other := another(t, ring, clock.now)
	clock.move(testRotate)
	before := store.state
	require.NoError(t, ring.refresh(t.Context()))
	lost := infos(ring, ES256, Published)[0].KID
	require.NoError(t, other.refresh(t.Context()))

	store.state = before
	require.NoError(t, ring.Revoke(t.Context(), lost, Actor{}))
	require.NoError(t, other.refresh(t.Context()))
	require.NotContains(t, jwksKIDs(t, other), lost)
	require.Equal(t, lost, infos(other, ES256, Revoked)[0].KID)
	require.NoError(t, ring.Ready(clock.now()))
}

func TestLostRevocationIsReplayed(t *testing.T) {
	clock := newClock()
	ring, store := openRing(t, clock)
	kid := activeKID(ring, ES256)
	before := store.state
	require.NoError(t, ring.Revoke(t.Context(), kid, admin))
	store.state = before
	require.NoError(t, ring.Open(t.Context()))
	require.NotContains(t, jwksKIDs(t, ring), kid, "this replica never forgets it")
	require.NoError(t, ring.refresh(t.Context()))
	require.Equal(t, reasonReplayed, store.events[len(store.events)-2].Reason)
	require.NoError(t, ring.Ready(clock.now()))
	require.NotContains(t, jwksKIDs(t, another(t, ring, clock.now)), kid)
}

func TestRevocationOfUnknownOutcome(t *testing.T) {
	clock := newClock()
	for name, written := range map[string]bool{"written": true, "not written": false} {
		t.Run(name, func(t *testing.T) {
			ring, store := openRing(t, clock)
			kid := activeKID(ring, ES256)
			if written {
				store.lose = func() error { return errDown }
			} else {
				store.swap = func() error { return errDown }
			}
			require.ErrorIs(t, ring.Revoke(t.Context(), kid, Actor{}), errDown)
			require.NotContains(t, jwksKIDs(t, ring), kid)
			store.lose, store.swap = nil, nil
			require.NoError(t, ring.refresh(t.Context()))
			require.NoError(t, ring.Ready(clock.now()))
			require.Equal(t, 1, store.count(audit.KeyRevoked))
			require.NotContains(t, jwksKIDs(t, another(t, ring, clock.now)), kid)
		})
	}
}

func TestResealing(t *testing.T) {
	clock := newClock()
	store := &memory{}
	old, err := ParseMaster([]byte("1:" + keyText(1)))
	require.NoError(t, err)
	both, err := ParseMaster([]byte("2:" + keyText(2) + "\n1:" + keyText(1)))
	require.NoError(t, err)
	newest, err := ParseMaster([]byte("2:" + keyText(2)))
	require.NoError(t, err)
	require.NoError(t, testRing(t, store, old, clock.now).Prepare(t.Context()))

	sealer := &kms{Sealer: both}
	ring := testRing(t, store, sealer, clock.now)
	require.NoError(t, ring.Open(t.Context()))
	require.ErrorIs(t, testRing(t, store, newest, clock.now).Open(t.Context()), ErrWrongMasterKey, "nothing was written yet")

	token := mint(t, ring, ES256)
	sealer.seal = func(context.Context) error { return errKMS }
	require.NoError(t, ring.Revoke(t.Context(), infos(ring, ES256, Published)[0].KID, Actor{}), "what cannot be moved stays")
	sealer.seal = nil
	require.NoError(t, ring.Rotate(t.Context(), Actor{}))
	moved := testRing(t, store, newest, clock.now)
	require.NoError(t, moved.Open(t.Context()))
	_, err = moved.Verify(token, expected())
	require.NoError(t, err)
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		var down atomic.Bool
		var failed atomic.Int64
		store := &memory{load: func() error {
			if down.Load() {
				failed.Add(1)
				return errDown
			}
			return nil
		}}
		config := testConfig(store, testMaster(t), time.Now)
		config.Logger = zap.New(core)
		ring, err := NewRing(config)
		require.NoError(t, err)
		require.NoError(t, ring.Prepare(t.Context()))
		require.NoError(t, ring.Open(t.Context()))
		before := store.loads

		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- ring.Run(ctx) }()
		time.Sleep(100*testPoll + time.Second)
		synctest.Wait()
		require.InDelta(t, before+111, store.loads, 10, "once per poll, a little sooner")

		down.Store(true)
		time.Sleep(testPoll)
		synctest.Wait()
		require.Contains(t, []int64{1, 2}, failed.Load(), "a poll comes a little sooner than it must, so there may be two")
		require.EqualValues(t, failed.Load(), logs.FilterMessage("signing keys were not refreshed").Len(), "and each is told")
		down.Store(false)
		time.Sleep(testRotate)
		synctest.Wait()
		require.NoError(t, ring.Ready(time.Now()))
		require.Len(t, infos(ring, ES256, Published), 1)
		require.GreaterOrEqual(t, logs.FilterMessage("signing keys changed").Len(), 2)

		cancel()
		require.NoError(t, <-done)
		logged, err := json.Marshal(logs.All())
		require.NoError(t, err)
		require.NotContains(t, string(logged), "BEGIN")
	})
}

// errUnopened and the cause can both be told apart.
func TestUnopenedNamesTheKey(t *testing.T) {
	clock := newClock()
	ring, sealer, _ := kmsRing(t, clock)
	require.NoError(t, ring.Open(t.Context()))
	kid := activeKID(ring, ES256)
	delete(ring.opened, kid)
	sealer.open = func(context.Context) error { return errKMS }
	err := ring.Open(t.Context())
	require.True(t, errors.Is(err, errKMS) && errors.Is(err, errUnopened))
	require.ErrorContains(t, err, kid)
}
