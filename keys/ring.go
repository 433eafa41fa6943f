package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/fault"
)

// callTimeout bounds each call of the store and the sealer.
const callTimeout = 10 * time.Second

var (
	// ErrNoCanary says that the store was never initialised, or lost its state.
	ErrNoCanary = errors.New("store was not initialised: run cambio init")
	// ErrNotOpened says that Open has not succeeded yet.
	ErrNotOpened = errors.New("key ring is not open")
	// ErrStale says that the state is too old to sign by: the store could not
	// be read for too long, or the clock stepped.
	ErrStale = errors.New("key ring has not been reloaded for too long")
	// ErrNoActiveKey says that no known key of the algorithm signs now.
	ErrNoActiveKey = errors.New("no active signing key")
	// ErrUnknownKey says that there is no key with that kid.
	ErrUnknownKey = errors.New("unknown key")
)

// Config is what a Ring needs. All members are required but Logger.
type Config struct {
	Store  Store
	Master Sealer
	// Algs are the algorithms to keep a chain of keys for. The keys of one
	// that is taken out live on until they retire; one that is added later
	// signs after the lead.
	Algs []Alg
	// RotateEvery is how long a key signs.
	RotateEvery time.Duration
	// JWKSMaxAge is how long verifiers may cache the JWKS, from 1 s.
	JWKSMaxAge time.Duration
	// Poll is how often Run reads the store at least.
	Poll time.Duration
	// MaxTokenLife is the longest a token may live, from 1 s to 24 h.
	MaxTokenLife time.Duration
	Now          func() time.Time
	Logger       *zap.Logger // nil: none
}

// Ring signs, verifies and publishes. It is safe for concurrent use; Mint,
// Verify, Ready, List and JWKS neither block nor touch the store.
type Ring struct {
	store  Store
	master Sealer
	algs   []Alg
	timing timing
	now    func() time.Time
	log    *zap.Logger

	snapshot atomic.Pointer[snapshot]

	// turn holds one token; whoever put it there loads and writes, and owns what
	// follows. A channel, so that waiting for a slow store ends with the context.
	turn    chan struct{}
	canary  []byte               // the sealed canary that has opened
	opened  map[string]*material // by kid
	revoked map[string]time.Time // by kid; what was once seen or sent as revoked stays so
}

// NewRing validates config and starts nothing. A rollover that outruns tokens
// or JWKS copies fails with ErrUnsafeRollover.
func NewRing(config Config) (*Ring, error) {
	if config.Store == nil || config.Master == nil || config.Now == nil {
		return nil, errors.New("key ring needs a store, a master key and a clock")
	}
	if len(config.Algs) == 0 {
		return nil, errors.New("key ring needs an algorithm")
	}
	for i, alg := range config.Algs {
		if _, err := ParseAlg(string(alg)); err != nil {
			return nil, err
		}
		if slices.Contains(config.Algs[:i], alg) {
			return nil, fmt.Errorf("algorithm %s is given twice", alg)
		}
	}
	schedule := timing{
		rotateEvery: config.RotateEvery, jwksMaxAge: config.JWKSMaxAge,
		poll: config.Poll, maxLife: config.MaxTokenLife,
	}
	if err := schedule.validate(); err != nil {
		return nil, err
	}
	log := config.Logger
	if log == nil {
		log = zap.NewNop()
	}
	return &Ring{
		store: config.Store, master: config.Master, algs: slices.Clone(config.Algs), timing: schedule,
		now: config.Now, log: log, turn: make(chan struct{}, 1), opened: map[string]*material{}, revoked: map[string]time.Time{},
	}, nil
}

// Open reads the ring from the store. It fails with ErrNoCanary,
// ErrWrongMasterKey, or whatever the store or the sealer answered; none of them
// makes a key. It may be repeated.
func (r *Ring) Open(ctx context.Context) error {
	if err := r.lock(ctx); err != nil {
		return err
	}
	defer r.unlock()
	_, err := r.load(ctx)
	return err
}

// lock waits for the turn, or fails when ctx ends first.
func (r *Ring) lock(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for another change of keys: %w", ctx.Err())
	}
}

func (r *Ring) unlock() { <-r.turn }

// Ready reports whether tokens can be signed at now: the ring is open, its
// canary is right, its state is fresh, and every configured algorithm has an
// active key or waits for its first. It is nil or a fault.ErrUnavailable
// that wraps ErrNotOpened, ErrStale, ErrNoActiveKey, ErrNoCanary or
// ErrWrongMasterKey.
func (r *Ring) Ready(now time.Time) error {
	state, err := r.usable(now)
	if err != nil {
		return err
	}
	active := false
	for _, alg := range r.algs {
		switch {
		case state.signer(alg, now) != nil:
			active = true
		case !state.waits(alg, now):
			return unavailable(fmt.Errorf("%w: %s", ErrNoActiveKey, alg))
		}
	}
	if !active {
		return unavailable(ErrNoActiveKey)
	}
	return nil
}

// List returns every key of the store as last read, revoked and recently retired ones too, oldest first.
func (r *Ring) List() []Info {
	state := r.snapshot.Load()
	if state == nil {
		return nil
	}
	now := r.now()
	infos := make([]Info, len(state.records))
	for i, rec := range state.records {
		infos[i] = Info{
			KID: rec.KID, Alg: rec.Alg, Generation: rec.Generation, State: rec.StateAt(now), Created: rec.Created,
			ActiveFrom: rec.ActiveFrom, RetireFrom: rec.RetireFrom, RemoveAfter: rec.RemoveAfter, RevokedAt: rec.RevokedAt,
		}
	}
	return infos
}

// Algs returns the algorithms of which a key is published now, for discovery.
func (r *Ring) Algs() []Alg {
	state := r.snapshot.Load()
	if state == nil {
		return nil
	}
	var algs []Alg
	for _, key := range state.keys {
		if !slices.Contains(algs, key.rec.Alg) {
			algs = append(algs, key.rec.Alg)
		}
	}
	slices.Sort(algs)
	return algs
}

// usable returns the state if it may be signed by.
func (r *Ring) usable(now time.Time) (*snapshot, error) {
	state := r.snapshot.Load()
	switch {
	case state == nil:
		return nil, unavailable(ErrNotOpened)
	case state.fault != nil:
		return nil, unavailable(state.fault)
	case state.age(now) > r.timing.staleAfter():
		return nil, unavailable(ErrStale)
	}
	return state, nil
}

// unavailable marks err as nobody's refusal.
func unavailable(err error) error { return fmt.Errorf("%w: %w", fault.ErrUnavailable, err) }

// load reads the store, checks the canary and publishes the state. An error
// that wraps errUnopened comes with the state all the same: revocations and
// schedules hold, though a key is missing. The turn is held.
func (r *Ring) load(ctx context.Context) (Stored, error) {
	began := r.now()
	stored, err := r.read(ctx)
	if err != nil {
		return Stored{}, err
	}
	if err := r.checkCanary(ctx, stored.Canary); err != nil {
		if state := r.snapshot.Load(); state != nil && (errors.Is(err, ErrNoCanary) || errors.Is(err, ErrWrongMasterKey)) {
			r.snapshot.Store(state.withFault(err))
		}
		return Stored{}, err
	}
	return stored, r.publish(ctx, stored, began)
}

func (r *Ring) read(ctx context.Context) (Stored, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stored, err := r.store.LoadKeys(ctx)
	if err != nil {
		return Stored{}, fmt.Errorf("load keys: %w", err)
	}
	return stored, nil
}

// checkCanary opens a canary it has not opened before.
func (r *Ring) checkCanary(ctx context.Context, canary []byte) error {
	if len(canary) == 0 {
		return ErrNoCanary
	}
	if bytes.Equal(canary, r.canary) {
		return nil
	}
	plain, err := r.unseal(ctx, canary, canaryAAD())
	if err != nil {
		return fmt.Errorf("open canary: %w", err)
	}
	if string(plain) != canaryText {
		return fmt.Errorf("%w: canary reads differently", ErrWrongMasterKey)
	}
	r.canary = bytes.Clone(canary)
	return nil
}
