package keys

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
)

// cluster is five replicas on one store, each with its own clock, and
// verifiers that cache. Time is a synctest bubble's.
type cluster struct {
	t         *testing.T
	store     *memory
	storeDown atomic.Bool
	replicas  []*replica
	verifiers []*verifier
	alive     map[string]time.Time // by kid: when the last token it signed expires
	minted    int
	refused   int

	mu     sync.Mutex
	random *rand.Rand
}

func (c *cluster) chance(percent int) bool { return c.below(100) < percent }

func (c *cluster) below(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(n)
}

// replica is a ring and its wire to the store, which may be cut.
type replica struct {
	*Ring
	cluster *cluster
	cut     atomic.Bool
}

func (r *replica) LoadKeys(ctx context.Context) (Stored, error) {
	if r.cut.Load() || r.cluster.storeDown.Load() || r.cluster.chance(2) {
		return Stored{}, errDown
	}
	return r.cluster.store.LoadKeys(ctx)
}

func (r *replica) SwapKeys(ctx context.Context, want uint64, next Stored, event audit.Event) error {
	switch {
	case r.cut.Load() || r.cluster.storeDown.Load() || r.cluster.chance(10):
		return errDown
	case r.cluster.chance(20):
		return ErrSwapped // someone else changed something else
	case r.cluster.chance(10):
		_ = r.cluster.store.SwapKeys(ctx, want, next, event)
		return errDown // written, but the answer is lost
	}
	return r.cluster.store.SwapKeys(ctx, want, next, event)
}

// verifier holds a JWKS copy for exactly its max-age.
type verifier struct {
	kids  map[string]bool
	until time.Time
}

const (
	simRotate = 60 * time.Hour
	simDays   = 90
)

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, store: &memory{}, random: rand.New(rand.NewPCG(1, 2)), alive: map[string]time.Time{}}
	master := testMaster(t)
	for _, skew := range []time.Duration{-15 * time.Second, -7 * time.Second, 0, 8 * time.Second, 15 * time.Second} {
		r := &replica{cluster: c}
		config := testConfig(r, master, func() time.Time { return time.Now().Add(skew) }, ES256, EdDSA)
		config.RotateEvery, config.Poll = simRotate, 10*time.Minute
		var err error
		r.Ring, err = NewRing(config)
		require.NoError(t, err)
		for r.Prepare(t.Context()) != nil || r.Open(t.Context()) != nil {
			time.Sleep(time.Second)
		}
		c.replicas = append(c.replicas, r)
	}
	for range 4 {
		c.verifiers = append(c.verifiers, &verifier{})
	}
	return c
}

// fetch gives the verifier a copy by way of a balancer that prefers replicas
// that are ready. The copy lives as long as it possibly may, not jittered.
func (c *cluster) fetch(v *verifier) {
	from := c.replicas[c.below(len(c.replicas))]
	for range 3 * len(c.replicas) {
		if from.Ready(from.now()) == nil {
			break
		}
		from = c.replicas[c.below(len(c.replicas))]
	}
	body, _, _ := from.JWKS()
	var set struct{ Keys []JWK }
	require.NoError(c.t, json.Unmarshal(body, &set))
	v.kids = map[string]bool{}
	for _, key := range set.Keys {
		v.kids[key.KeyID] = true
	}
	v.until = time.Now().Add(max(time.Second, from.timing.copyLife(from.snapshot.Load().age(from.now()))))
}

// mint lets every replica sign, whether it is cut off or not.
func (c *cluster) mint() {
	stored := c.store.get()
	for _, r := range c.replicas {
		if c.chance(50) {
			continue
		}
		alg := r.algs[c.below(len(r.algs))]
		claims := testClaims(r.now())
		claims.Expiry = claims.IssuedAt.Add(15*time.Second + time.Duration(c.below(int(testLife-15*time.Second))).Truncate(time.Second))
		ready := r.Ready(r.now())
		token, err := r.Mint(alg, claims)
		if err != nil {
			require.Error(c.t, ready, "a ready replica signs: %v", err)
			c.refused++
			continue
		}
		require.NoError(c.t, ready)
		c.minted++
		c.accept(token, claims, stored)
	}
}

// accept verifies a fresh token at some replica that is ready, and remembers
// how long every verifier must know its key.
func (c *cluster) accept(token string, claims Claims, stored Stored) {
	kid := tokenKID(c.t, token)
	now := time.Now()
	at := slices.IndexFunc(stored.Keys, func(rec Record) bool { return rec.KID == kid })
	require.GreaterOrEqual(c.t, at, 0)
	require.True(c.t, stored.Keys[at].StateAt(now.Add(-clockSkew)) == Active || stored.Keys[at].StateAt(now.Add(clockSkew)) == Active,
		"signed by a key that is not active")
	if r := c.replicas[c.below(len(c.replicas))]; c.chance(20) && r.Ready(r.now()) == nil {
		got, err := r.Verify(token, Expected{Issuer: testIssuer, Now: claims.Expiry.Add(-1)})
		require.NoError(c.t, err)
		require.Equal(c.t, claims, got)
	}
	if expiry := claims.Expiry.Add(clockSkew / 2); expiry.After(c.alive[kid]) { // on the slowest clock
		c.alive[kid] = expiry
	}
}

func tokenKID(t *testing.T, token string) string {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	raw, err := decodePart(head)
	require.NoError(t, err)
	var header struct{ KID string }
	require.NoError(t, json.Unmarshal(raw, &header))
	return header.KID
}

// check holds every verifier's copy against every token that is alive.
func (c *cluster) check() {
	now := time.Now()
	for kid, until := range c.alive {
		if !now.Before(until) {
			delete(c.alive, kid)
			continue
		}
		for _, v := range c.verifiers {
			if !now.Before(v.until) {
				c.fetch(v)
			}
			if !v.kids[kid] {
				c.t.Fatal("a living token's key is not in a valid copy")
			}
		}
	}
}

// step returns how long to wait: little around a change of keys, more elsewhere.
func (c *cluster) step() time.Duration {
	now := time.Now()
	for _, rec := range c.store.get().Keys {
		if rec.ActiveFrom.Sub(now).Abs() < time.Minute {
			return 3 * time.Second
		}
		if until := rec.ActiveFrom.Sub(now); until > 0 && until < 30*time.Minute {
			return until - 59*time.Second
		}
	}
	return time.Duration(12+c.below(18)) * time.Minute
}

// trouble starts and ends what goes wrong around the replicas.
func (c *cluster) trouble(ctx context.Context) {
	for ctx.Err() == nil {
		sleep(ctx, time.Duration(1+c.below(60))*time.Hour)
		switch c.below(4) {
		case 0: // nobody reaches the store for up to six hours
			c.storeDown.Store(true)
			sleep(ctx, time.Duration(c.below(int(6*time.Hour))))
			c.storeDown.Store(false)
		case 1, 2: // one replica misses more than a rotation
			r := c.replicas[c.below(len(c.replicas))]
			r.cut.Store(true)
			sleep(ctx, simRotate+time.Duration(c.below(100))*time.Hour)
			r.cut.Store(false)
		case 3: // two people rotate at once
			for range 2 {
				go func() { _ = c.replicas[c.below(len(c.replicas))].Rotate(ctx, Actor{}) }()
			}
		}
	}
}

// Invariant I8 of the fault list: every token verifies with any JWKS copy that
// is not older than its max-age.
func TestNinetyDays(t *testing.T) {
	days := simDays
	if testing.Short() {
		days = simDays / 10
	}
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		ctx, cancel := context.WithCancel(t.Context())
		for _, r := range c.replicas {
			go func() { _ = r.Run(ctx) }()
		}
		go c.trouble(ctx)
		for end := time.Now().Add(time.Duration(days) * 24 * time.Hour); time.Now().Before(end); {
			c.mint()
			c.check()
			time.Sleep(c.step())
			c.check()
		}
		cancel()
		require.Empty(t, c.store.twice(), "one key per generation")
		require.Greater(t, int(nextGeneration(c.store.get().Keys, ES256)), days/3, "keys rotated")
		require.Greater(t, c.minted, 2*c.refused, "mostly available")
		require.Positive(t, c.refused, "something did go wrong")
		t.Logf("%d tokens, %d refusals, %d generations", c.minted, c.refused, nextGeneration(c.store.get().Keys, ES256)-1)
	})
}
