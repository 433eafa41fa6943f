package keys

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
)

var errDown = errors.New("store is down")

// admin is somebody who asks for changes.
var admin = Actor{ID: "admin", Origin: audit.Origin{IP: "192.0.2.7", UserAgent: "cli/1", TrackingID: "0123456789abcdef0123456789abcdef"}}

// memory is a Store that keeps JSON, as the real ones do, and fails on demand.
type memory struct {
	mu     sync.Mutex
	state  []byte // nil: fresh
	parsed Stored // of state, if cached is its first byte
	cached *byte
	events []audit.Event
	loads  int
	made   map[string]string // algorithm and generation → kid, of every key ever stored

	load func() error // called first, outside the lock; may sleep
	swap func() error // likewise; ErrSwapped and errDown before anything is written
	lose func() error // called after the write
}

func (m *memory) LoadKeys(context.Context) (Stored, error) {
	if m.load != nil {
		if err := m.load(); err != nil {
			return Stored{}, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads++
	return m.read(), nil
}

func (m *memory) SwapKeys(_ context.Context, want uint64, next Stored, event audit.Event) error {
	if m.swap != nil {
		if err := m.swap(); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.read().Version != want {
		return ErrSwapped
	}
	if next.Version != want+1 {
		return errors.New("next version is not want+1")
	}
	m.write(next)
	m.events = append(m.events, event)
	if m.lose != nil {
		return m.lose()
	}
	return nil
}

func (m *memory) read() Stored {
	if m.state == nil {
		return Stored{}
	}
	if m.cached != &m.state[0] {
		m.parsed, m.cached = Stored{}, &m.state[0]
		if err := json.Unmarshal(m.state, &m.parsed); err != nil {
			panic(err)
		}
	}
	stored := m.parsed
	stored.Keys = slices.Clone(stored.Keys)
	return stored
}

func (m *memory) write(stored Stored) {
	raw, err := json.Marshal(stored)
	if err != nil {
		panic(err)
	}
	m.state = raw
	if m.made == nil {
		m.made = map[string]string{}
	}
	for _, rec := range stored.Keys {
		generation := string(rec.Alg) + " " + strconv.FormatUint(rec.Generation, 10)
		if kid, known := m.made[generation]; known && kid != rec.KID {
			m.made["twice "+generation] = rec.KID
		}
		m.made[generation] = rec.KID
	}
}

func (m *memory) get() Stored {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.read()
}

func (m *memory) set(change func(*Stored)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored := m.read()
	change(&stored)
	m.write(stored)
}

func (m *memory) twice() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []string
	for generation := range m.made {
		if strings.HasPrefix(generation, "twice") {
			found = append(found, generation)
		}
	}
	return found
}

func (m *memory) count(name audit.Name) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(m.events), func(e audit.Event) bool { return e.Name != name }))
}

// clock is a clock that stands until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newClock() *clock { return &clock{at: start} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

const (
	testRotate = 72 * time.Hour
	testMaxAge = 15 * time.Minute
	testPoll   = time.Minute
	testLife   = 12 * time.Hour
	testLead   = testMaxAge + testPoll + clockSkew
)

func testMaster(tb testing.TB) *Master {
	tb.Helper()
	master, err := ParseMaster([]byte(GenerateMaster().Reveal()))
	require.NoError(tb, err)
	return master
}

func testConfig(store Store, master Sealer, now func() time.Time, algs ...Alg) Config {
	if len(algs) == 0 {
		algs = []Alg{ES256}
	}
	return Config{
		Store: store, Master: master, Algs: algs, Now: now,
		RotateEvery: testRotate, JWKSMaxAge: testMaxAge, Poll: testPoll, MaxTokenLife: testLife,
	}
}

func testRing(tb testing.TB, store Store, master Sealer, now func() time.Time, algs ...Alg) *Ring {
	tb.Helper()
	ring, err := NewRing(testConfig(store, master, now, algs...))
	require.NoError(tb, err)
	return ring
}

// openRing returns a ring on a fresh store, prepared and open.
func openRing(tb testing.TB, clock *clock, algs ...Alg) (*Ring, *memory) {
	tb.Helper()
	store := &memory{}
	ring := testRing(tb, store, testMaster(tb), clock.now, algs...)
	require.NoError(tb, ring.Prepare(tb.Context()))
	require.NoError(tb, ring.Open(tb.Context()))
	return ring, store
}

// another returns a second replica on the same store.
func another(tb testing.TB, ring *Ring, now func() time.Time) *Ring {
	tb.Helper()
	second := testRing(tb, ring.store, ring.master, now, ring.algs...)
	require.NoError(tb, second.Open(tb.Context()))
	return second
}

const testIssuer = "https://sts.example.com"

func testClaims(now time.Time) Claims {
	issued := now.UTC().Truncate(time.Second)
	return Claims{
		Issuer: testIssuer, Subject: "7f000000000000000000000000000001", Audience: []string{"https://api.example.com"},
		IssuedAt: issued, Expiry: issued.Add(5 * time.Minute), ID: "0123456789abcdef0123456789abcdef",
		ClientID: "7f3c0000000000000000000000000002", AuthorizedParty: "7f3c0000000000000000000000000002",
		Scope: "orders:read orders:write", PATID: "7f3c0000000000000000000000000002", PATGeneration: 3,
		PATLevel: "group", PATLevelID: "aa000000000000000000000000000003", PATRole: "group_user",
		Organization: "bb000000000000000000000000000004", Groups: []string{"order-clerks", "A & B <c>"}, Roles: []string{"group_user"},
		Name: "Älice", PreferredUsername: "alice", Email: "alice@example.com",
	}
}

func mint(tb testing.TB, ring *Ring, alg Alg) string {
	tb.Helper()
	token, err := ring.Mint(alg, testClaims(ring.now()))
	require.NoError(tb, err)
	return token
}

func expected() Expected { return Expected{Issuer: testIssuer} }

// jwksKIDs returns the kids that the ring publishes.
func jwksKIDs(tb testing.TB, ring *Ring) []string {
	tb.Helper()
	body, _, _ := ring.JWKS()
	var set struct {
		Keys []JWK `json:"keys"`
	}
	require.NoError(tb, json.Unmarshal(body, &set))
	kids := make([]string, len(set.Keys))
	for i, jwk := range set.Keys {
		kids[i] = jwk.KeyID
	}
	return kids
}

// infos returns the keys of alg in the given state.
func infos(ring *Ring, alg Alg, state State) []Info {
	return slices.DeleteFunc(ring.List(), func(i Info) bool { return i.Alg != alg || i.State != state })
}
