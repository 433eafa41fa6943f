package keys

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
)

func TestNewRing(t *testing.T) {
	good := testConfig(&memory{}, testMaster(t), time.Now)
	for name, tc := range map[string]struct {
		change func(*Config)
		want   string // empty: accepted
	}{
		"good":                 {func(*Config) {}, ""},
		"least rotation":       {func(c *Config) { c.RotateEvery = testLife + testMaxAge }, ""},
		"no store":             {func(c *Config) { c.Store = nil }, "needs a store"},
		"no master":            {func(c *Config) { c.Master = nil }, "needs a store"},
		"no clock":             {func(c *Config) { c.Now = nil }, "needs a store"},
		"no algorithm":         {func(c *Config) { c.Algs = nil }, "needs an algorithm"},
		"alg none":             {func(c *Config) { c.Algs = []Alg{"none"} }, "unknown signature algorithm"},
		"alg HS256":            {func(c *Config) { c.Algs = []Alg{ES256, "HS256"} }, "unknown signature algorithm"},
		"alg twice":            {func(c *Config) { c.Algs = []Alg{ES256, ES256} }, "twice"},
		"no max-age":           {func(c *Config) { c.JWKSMaxAge = 0 }, "max-age"},
		"no poll":              {func(c *Config) { c.Poll = 0 }, "poll"},
		"no life":              {func(c *Config) { c.MaxTokenLife = 0 }, "token life"},
		"endless life":         {func(c *Config) { c.MaxTokenLife = 25 * time.Hour }, "token life"},
		"rotation too fast":    {func(c *Config) { c.RotateEvery = testLife + testMaxAge - 1 }, "every 12h14m59.999999999s, the longest token lives 12h0m0s and a JWKS copy 15m0s: rotate every 12h15m0s or more"},
		"rotation before lead": {func(c *Config) { c.RotateEvery, c.MaxTokenLife = 16*time.Minute, time.Second }, "rotate every 16m30s or more"},
	} {
		t.Run(name, func(t *testing.T) {
			config := good
			tc.change(&config)
			_, err := NewRing(config)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
			require.Equal(t, strings.HasPrefix(name, "rotation"), errors.Is(err, ErrUnsafeRollover))
		})
	}
}

func TestBeforeOpen(t *testing.T) {
	clock := newClock()
	store := &memory{}
	ring := testRing(t, store, testMaster(t), clock.now)
	require.Zero(t, store.loads, "the constructor starts nothing")
	require.ErrorIs(t, ring.Ready(clock.now()), ErrNotOpened)
	require.ErrorIs(t, ring.Ready(clock.now()), fault.ErrUnavailable)
	require.ErrorIs(t, ring.Run(t.Context()), ErrNotOpened)
	_, err := ring.Mint(ES256, testClaims(clock.now()))
	require.ErrorIs(t, err, ErrNotOpened)
	_, err = ring.Verify("a.b.c", expected())
	require.ErrorIs(t, err, ErrNotOpened)
	body, etag, maxAge := ring.JWKS()
	require.Nil(t, body)
	require.Empty(t, etag)
	require.Zero(t, maxAge)
	require.Nil(t, ring.List())
	require.Nil(t, ring.Algs())

	require.ErrorIs(t, ring.Open(t.Context()), ErrNoCanary)
	require.ErrorContains(t, ring.Open(t.Context()), "run cambio init")
	require.ErrorIs(t, ring.Rotate(t.Context(), Actor{}), ErrNoCanary)
	require.ErrorIs(t, ring.Revoke(t.Context(), "kid", Actor{}), ErrNoCanary)
	require.Nil(t, store.state, "nothing but Prepare initialises a store")
	require.ErrorIs(t, ring.Ready(clock.now()), ErrNotOpened)
}

func TestPrepare(t *testing.T) {
	clock := newClock()
	ring, store := openRing(t, clock, ES256, EdDSA)
	require.NoError(t, ring.Ready(clock.now()))
	for _, alg := range []Alg{ES256, EdDSA} {
		active, published := infos(ring, alg, Active), infos(ring, alg, Published)
		require.Len(t, active, 1)
		require.Len(t, published, 1)
		require.Equal(t, start.Add(-clockSkew), active[0].ActiveFrom)
		require.Equal(t, start.Add(testRotate), active[0].RetireFrom)
		require.Equal(t, active[0].RetireFrom, published[0].ActiveFrom)
		require.Equal(t, active[0].RetireFrom.Add(testLife+testMaxAge+2*clockSkew), active[0].RemoveAfter)
		require.Equal(t, []uint64{1, 2}, []uint64{active[0].Generation, published[0].Generation})
	}
	require.Len(t, jwksKIDs(t, ring), 4)
	require.Equal(t, 3, store.count(audit.KeyCreated), "one event per write")
	require.Equal(t, reasonInitialised, store.events[0].Reason)
	require.Equal(t, infos(ring, ES256, Active)[0].KID+" "+infos(ring, EdDSA, Active)[0].KID, store.events[0].Subject)
	require.Equal(t, audit.Success, store.events[1].Outcome)

	before := string(store.state)
	require.NoError(t, ring.Prepare(t.Context()), "again")
	require.NoError(t, testRing(t, store, ring.master, clock.now).Prepare(t.Context()), "by another")
	require.ErrorIs(t, testRing(t, store, testMaster(t), clock.now).Prepare(t.Context()), ErrWrongMasterKey)
	require.Equal(t, before, string(store.state))
}

func TestPrepareLeavesOddStoresAlone(t *testing.T) {
	clock := newClock()
	for name, stored := range map[string]Stored{
		"version without canary": {Version: 4},
		"keys without canary":    {Keys: []Record{{KID: "kid"}}},
	} {
		store := &memory{}
		store.write(stored)
		before := string(store.state)
		ring := testRing(t, store, testMaster(t), clock.now)
		require.ErrorIs(t, ring.Prepare(t.Context()), ErrNoCanary, name)
		require.ErrorIs(t, ring.Open(t.Context()), ErrNoCanary, name)
		require.Equal(t, before, string(store.state), name)
	}
	store := &memory{load: func() error { return errDown }}
	ring := testRing(t, store, testMaster(t), clock.now)
	require.ErrorIs(t, ring.Prepare(t.Context()), errDown, "a failed read is no fresh store")
	require.Nil(t, store.state)

	store.load, store.swap = nil, func() error { return errDown }
	require.ErrorIs(t, ring.Prepare(t.Context()), errDown)
	store.swap = func() error { return ErrSwapped }
	require.ErrorIs(t, ring.Prepare(t.Context()), ErrSwapped)
}

func TestPrepareRaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{load: dawdle, swap: dawdle}
		master := testMaster(t)
		done := make(chan error)
		for range 4 {
			go func() { done <- testRing(t, store, master, time.Now, ES256, EdDSA).Prepare(t.Context()) }()
		}
		for range 4 {
			require.NoError(t, <-done)
		}
		require.Empty(t, store.twice())
		require.Len(t, store.get().Keys, 4)
		ring := testRing(t, store, master, time.Now, ES256, EdDSA)
		require.NoError(t, ring.Open(t.Context()))
		require.NoError(t, ring.Ready(time.Now()))
	})
}

// dawdle sleeps for a random time, so that writers cross.
func dawdle() error {
	time.Sleep(time.Duration(rand.Int64N(int64(20 * time.Millisecond))))
	return nil
}

// refreshed moves the clock and lets the ring catch up, as Run would.
func refreshed(t *testing.T, clock *clock, ring *Ring, by time.Duration) {
	t.Helper()
	clock.move(by)
	require.NoError(t, ring.refresh(t.Context()))
}

func TestPlannedRotation(t *testing.T) {
	clock := newClock()
	ring, store := openRing(t, clock)
	first, second := activeKID(ring, ES256), infos(ring, ES256, Published)[0].KID

	refreshed(t, clock, ring, testRotate-time.Minute)
	last, err := ring.Mint(ES256, func() Claims { c := testClaims(clock.now()); c.Expiry = c.IssuedAt.Add(testLife); return c }())
	require.NoError(t, err)
	require.Len(t, store.get().Keys, 2, "nothing to do yet")

	refreshed(t, clock, ring, time.Minute)
	require.Equal(t, second, activeKID(ring, ES256))
	require.Equal(t, first, infos(ring, ES256, Retiring)[0].KID)
	require.Len(t, infos(ring, ES256, Published), 1, "a successor is there again")
	require.Len(t, jwksKIDs(t, ring), 3)
	_, err = ring.Verify(last, expected())
	require.NoError(t, err)

	refreshed(t, clock, ring, testLife-2*time.Minute)
	_, err = ring.Verify(last, expected())
	require.NoError(t, err, "to its last minute")
	refreshed(t, clock, ring, testMaxAge+2*clockSkew+2*time.Minute)
	require.NotContains(t, jwksKIDs(t, ring), first)
	require.Equal(t, first, infos(ring, ES256, Retired)[0].KID)
	require.NoError(t, ring.Rotate(t.Context(), Actor{}))
	require.Len(t, infos(ring, ES256, Retired), 1, "people may still look at it")
	refreshed(t, clock, ring, testRotate+testLead)
	require.Empty(t, infos(ring, ES256, Retired), "dropped with the next write")
	require.Empty(t, store.twice())
}

func TestRotate(t *testing.T) {
	clock := newClock()
	ring, store := openRing(t, clock, ES256, EdDSA)
	other := another(t, ring, clock.now)
	first, second := activeKID(ring, ES256), infos(ring, ES256, Published)[0].KID
	clock.move(time.Hour)
	require.NoError(t, ring.Rotate(t.Context(), admin))
	require.NoError(t, ring.Rotate(t.Context(), admin), "a rotation is pending: nothing is done")
	require.NoError(t, other.Rotate(t.Context(), admin))
	require.Len(t, store.get().Keys, 6)
	made := store.events[len(store.events)-1]
	require.Equal(t, []string{"admin", reasonRequested}, []string{made.Actor, made.Reason})
	require.Equal(t, admin.Origin, audit.Origin{IP: made.IP, UserAgent: made.UserAgent, TrackingID: made.TrackingID})

	require.Equal(t, first, activeKID(ring, ES256))
	published := infos(ring, ES256, Published)
	require.Len(t, published, 2)
	require.Equal(t, second, published[0].KID)
	require.Equal(t, clock.now().Add(testLead), published[0].ActiveFrom)
	require.Equal(t, published[0].RetireFrom, published[1].ActiveFrom)

	refreshed(t, clock, ring, testLead-time.Second)
	require.Equal(t, first, activeKID(ring, ES256))
	refreshed(t, clock, ring, time.Second)
	require.Equal(t, second, activeKID(ring, ES256))
	require.Len(t, store.get().Keys, 6, "the successor was made by Rotate")
	require.NoError(t, ring.Rotate(t.Context(), admin))
	require.Len(t, store.get().Keys, 8)
}

func TestRotateRaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		master := testMaster(t)
		one := testRing(t, store, master, time.Now)
		require.NoError(t, one.Prepare(t.Context()))
		two := another(t, one, func() time.Time { return time.Now().Add(15 * time.Second) })
		store.load, store.swap = dawdle, dawdle
		for round := range 100 {
			time.Sleep(testLead + time.Minute)
			before := nextGeneration(store.get().Keys, ES256)
			done := make(chan error)
			for _, ring := range []*Ring{one, two} {
				go func() {
					time.Sleep(time.Duration(rand.Int64N(int64(50 * time.Millisecond))))
					done <- ring.Rotate(t.Context(), Actor{})
				}()
			}
			require.NoError(t, errors.Join(<-done, <-done))
			require.Equal(t, before+1, nextGeneration(store.get().Keys, ES256), "round %d", round)
			require.Empty(t, store.twice())
		}
	})
}

func TestRevokeActive(t *testing.T) {
	clock := newClock()
	ring, store := openRing(t, clock)
	other := another(t, ring, clock.now)
	first, second := activeKID(ring, ES256), infos(ring, ES256, Published)[0].KID
	token := mint(t, ring, ES256)
	clock.move(time.Hour)

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, ring.Revoke(cancelled, first, admin), "it outlives the request")
	ended, successor := store.events[len(store.events)-2], store.events[len(store.events)-1]
	require.Equal(t, []string{string(audit.KeyRevoked), "admin"}, []string{string(ended.Name), ended.Actor})
	require.Equal(t, admin.Origin, audit.Origin{IP: ended.IP, UserAgent: ended.UserAgent, TrackingID: ended.TrackingID})
	require.Equal(t, []string{reasonPlanned, "", ""}, []string{successor.Reason, successor.Actor, successor.IP}, "nobody asked for it")
	require.Equal(t, second, activeKID(ring, ES256))
	require.Len(t, infos(ring, ES256, Published), 1)
	require.Equal(t, first, infos(ring, ES256, Revoked)[0].KID)
	require.NotContains(t, jwksKIDs(t, ring), first)
	_, err := ring.Verify(token, Expected{Issuer: testIssuer, Now: start})
	require.ErrorIs(t, err, errKey)
	require.NoError(t, ring.Ready(clock.now()))
	require.Equal(t, clock.now().Add(testRotate), infos(ring, ES256, Active)[0].RetireFrom)

	require.NoError(t, other.refresh(t.Context()))
	_, err = other.Verify(mint(t, ring, ES256), expected())
	require.NoError(t, err)
	slow := another(t, ring, func() time.Time { return clock.now().Add(-clockSkew) })
	require.NoError(t, slow.Ready(slow.now()), "a slow clock has an active key at once, too")

	before := string(store.state)
	require.NoError(t, ring.Revoke(t.Context(), first, admin), "again")
	require.ErrorIs(t, ring.Revoke(t.Context(), "nonsense", admin), ErrUnknownKey)
	require.Equal(t, before, string(store.state))
	require.Equal(t, 1, store.count(audit.KeyRevoked))
}

func TestRevokeSuccessorShortlyBeforeItsTurn(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	first, second := activeKID(ring, ES256), infos(ring, ES256, Published)[0].KID
	refreshed(t, clock, ring, testRotate-time.Minute)
	require.NoError(t, ring.Revoke(t.Context(), second, Actor{}))
	active, published := infos(ring, ES256, Active)[0], infos(ring, ES256, Published)[0]
	require.Equal(t, first, active.KID)
	require.Equal(t, clock.now().Add(testLead), active.RetireFrom, "it signs on until the new successor is known")
	require.Equal(t, active.RetireFrom, published.ActiveFrom)
	require.Equal(t, uint64(3), published.Generation)
}

func TestRevokeEverything(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	require.NoError(t, ring.Rotate(t.Context(), Actor{}))
	for _, info := range ring.List() {
		require.NoError(t, ring.Revoke(t.Context(), info.KID, Actor{}))
		require.NoError(t, ring.Ready(clock.now()))
		_, err := ring.Verify(mint(t, ring, ES256), expected())
		require.NoError(t, err)
	}
	require.Len(t, infos(ring, ES256, Revoked), 3)
	require.Len(t, jwksKIDs(t, ring), 2)
}

func TestRevokeShiftsAPendingRotation(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	first := activeKID(ring, ES256)
	require.NoError(t, ring.Rotate(t.Context(), Actor{}))
	require.NoError(t, ring.Revoke(t.Context(), first, Actor{}))
	active, published := infos(ring, ES256, Active), infos(ring, ES256, Published)
	require.Len(t, active, 1)
	require.Len(t, published, 1)
	require.Equal(t, active[0].RetireFrom, published[0].ActiveFrom)
}

func TestAlgorithmAdded(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	both := testRing(t, ring.store, ring.master, clock.now, ES256, EdDSA)
	require.NoError(t, both.Open(t.Context()))
	require.ErrorIs(t, both.Ready(clock.now()), ErrNoActiveKey, "the new chain is still empty")
	require.NoError(t, both.refresh(t.Context()))
	require.NoError(t, both.Ready(clock.now()), "the other algorithm works")
	_, err := both.Mint(EdDSA, testClaims(clock.now()))
	require.ErrorIs(t, err, ErrNoActiveKey, "verifiers do not know the key yet")
	refreshed(t, clock, both, testLead)
	_, err = both.Verify(mint(t, both, EdDSA), expected())
	require.NoError(t, err)
	require.Equal(t, []Alg{ES256, EdDSA}, both.Algs())

	only := testRing(t, ring.store, ring.master, clock.now, EdDSA)
	require.NoError(t, only.Open(t.Context()))
	require.Equal(t, []Alg{ES256, EdDSA}, only.Algs(), "keys of an algorithm taken out live on")
	_, err = only.Mint(ES256, testClaims(clock.now()))
	require.ErrorIs(t, err, ErrUnknownAlg)
}

func TestAlgorithmChangedWaits(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	changed := testRing(t, ring.store, ring.master, clock.now, EdDSA)
	require.NoError(t, changed.Open(t.Context()))
	require.NoError(t, changed.refresh(t.Context()))
	require.ErrorIs(t, changed.Ready(clock.now()), ErrNoActiveKey)
	refreshed(t, clock, changed, testLead)
	require.NoError(t, changed.Ready(clock.now()))
}

// Nobody ran for longer than a rotation: the newest key signs on while its
// successor becomes known.
func TestChainLapsed(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	second := infos(ring, ES256, Published)[0].KID
	clock.move(2*testRotate + time.Hour)
	require.ErrorIs(t, ring.Ready(clock.now()), ErrStale)
	_, err := ring.Mint(ES256, testClaims(clock.now()))
	require.ErrorIs(t, err, ErrStale)
	require.NoError(t, ring.Open(t.Context()))
	require.ErrorIs(t, ring.Ready(clock.now()), ErrNoActiveKey, "retired keys never sign")
	_, err = ring.Mint(ES256, testClaims(clock.now()))
	require.ErrorIs(t, err, ErrNoActiveKey)

	require.NoError(t, ring.refresh(t.Context()))
	require.NoError(t, ring.Ready(clock.now()))
	require.Equal(t, second, activeKID(ring, ES256))
	require.Equal(t, clock.now().Add(testLead), infos(ring, ES256, Published)[0].ActiveFrom)
}

func TestRingSleptThroughEverything(t *testing.T) {
	clock := newClock()
	ring, store := openRing(t, clock, ES256, EdDSA)
	clock.move(365 * 24 * time.Hour)
	require.NoError(t, ring.refresh(t.Context()))
	require.NoError(t, ring.Ready(clock.now()), "like a fresh store: nobody holds a copy")
	require.Len(t, jwksKIDs(t, ring), 4)
	require.Equal(t, uint64(3), infos(ring, EdDSA, Active)[0].Generation)
	require.Empty(t, infos(ring, EdDSA, Retired))
	require.Empty(t, store.twice())
}

func TestClockSteps(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	for _, step := range []time.Duration{24 * time.Hour, -48 * time.Hour} {
		clock.move(step)
		require.ErrorIs(t, ring.Ready(clock.now()), ErrStale)
		require.NoError(t, ring.refresh(t.Context()))
	}
	require.ErrorIs(t, ring.Ready(clock.now()), ErrNoActiveKey, "before the first key")
}

func TestLongerTokensKeepKeysLonger(t *testing.T) {
	clock := newClock()
	ring, _ := openRing(t, clock)
	first := activeKID(ring, ES256)
	config := testConfig(ring.store, ring.master, clock.now)
	config.MaxTokenLife = 24 * time.Hour
	longer, err := NewRing(config)
	require.NoError(t, err)
	require.NoError(t, longer.Open(t.Context()))
	refreshed(t, clock, longer, testRotate+23*time.Hour)
	require.Contains(t, jwksKIDs(t, longer), first)
}

func TestJWKS(t *testing.T) {
	clock := newClock()
	ring, store := openRing(t, clock, everyAlg()...)
	other := another(t, ring, clock.now)
	body, etag, maxAge := ring.JWKS()
	otherBody, otherETag, _ := other.JWKS()
	require.Equal(t, string(body), string(otherBody), "replicas agree byte for byte")
	require.Equal(t, etag, otherETag)
	require.Regexp(t, `^"[A-Za-z0-9_-]{22}"$`, etag)
	require.LessOrEqual(t, maxAge, int(testMaxAge.Seconds()))

	var set struct{ Keys []map[string]string }
	require.NoError(t, json.Unmarshal(body, &set))
	require.Len(t, set.Keys, 8)
	names := map[string]string{"EC": "kty use alg kid crv x y", "RSA": "kty use alg kid n e", "OKP": "kty use alg kid crv x"}
	for _, key := range set.Keys {
		require.Len(t, key, len(strings.Fields(names[key["kty"]])))
		for name := range strings.FieldsSeq(names[key["kty"]]) {
			require.NotEmpty(t, key[name])
		}
		require.Equal(t, "sig", key["use"])
	}

	loads, seen := store.loads, map[int]bool{}
	for range 1000 {
		_, _, maxAge := ring.JWKS()
		require.LessOrEqual(t, maxAge, 900)
		require.GreaterOrEqual(t, maxAge, 729)
		seen[maxAge] = true
	}
	require.Greater(t, len(seen), 50, "jittered")
	require.Equal(t, loads, store.loads, "served from memory")

	store.load = func() error { return errDown }
	clock.move(testMaxAge)
	stillBody, _, maxAge := ring.JWKS()
	require.Equal(t, string(body), string(stillBody))
	require.LessOrEqual(t, maxAge, 60, "a copy of an old state is short-lived")
	clock.move(time.Hour)
	stillBody, _, maxAge = ring.JWKS()
	require.Equal(t, string(body), string(stillBody), "served while the store is down")
	require.Equal(t, 1, maxAge)

	store.load = nil
	require.NoError(t, ring.Revoke(t.Context(), activeKID(other, ES256), Actor{}))
	_, changed, _ := ring.JWKS()
	require.NotEqual(t, etag, changed)
}
