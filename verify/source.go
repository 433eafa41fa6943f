package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/cambio-sts/cambio/verify/internal/sts"
)

const (
	// unknownAge is how long keys are fresh where the server does not say.
	unknownAge = 5 * time.Minute
	// shortestAge and longestAge bound what the server says.
	shortestAge = 15 * time.Second
	longestAge  = 24 * time.Hour
	// firstRetry and lastRetry bound the pauses after a refresh that failed.
	firstRetry = time.Second
	lastRetry  = time.Minute
	// askBurst keys that are not known are asked for at once, and one more each
	// askInterval: what a stranger writes into kid costs the server no more.
	askBurst    = 4
	askInterval = 5 * time.Second
)

var (
	errKey       = errors.New("no key of that kid")
	errAlgorithm = errors.New("alg is not the key's")
	errStale     = errors.New("the keys are too old")
	errThrottled = errors.New("keys were asked for too often")
)

// source holds the keys of the issuer. One goroutine fetches them, run: there is
// never more than one request, and nobody waits while keys are at hand.
type source struct {
	client     *sts.Client
	issuer     string
	algorithms []string
	stale      time.Duration
	now        func() time.Time
	logger     *slog.Logger

	current atomic.Pointer[keySet]
	asks    chan ask
	done    chan struct{} // closed when run has ended
}

// ask wants keys other than those seen. The answer is nil once there are some.
type ask struct {
	seen   *keySet
	answer chan<- error // buffered
}

// lookup returns the key for kid and alg that is at hand, or errKey, errStale or
// errAlgorithm.
func (s *source) lookup(kid, alg string) (verificationKey, *keySet, error) {
	set := s.current.Load()
	if s.now().Sub(set.fetched) > set.freshFor()+s.stale {
		return verificationKey{}, set, errStale
	}
	named := set.keys[kid]
	for _, key := range named {
		if key.alg == alg {
			return key, set, nil
		}
	}
	if len(named) > 0 {
		return verificationKey{}, set, errAlgorithm
	}
	return verificationKey{}, set, errKey
}

// find returns the key for kid and alg after asking the server once more: the
// last answer lacked it or was too old. It fails with errKey or errAlgorithm, or
// with an error of anything else that says nobody can tell.
func (s *source) find(ctx context.Context, kid, alg string, seen *keySet) (verificationKey, error) {
	answer := make(chan error, 1)
	var asked error
	select {
	case s.asks <- ask{seen, answer}:
		select {
		case asked = <-answer:
		case <-ctx.Done():
			return verificationKey{}, ctx.Err()
		}
	case <-ctx.Done():
		return verificationKey{}, ctx.Err()
	case <-s.done:
		return verificationKey{}, ErrClosed
	}
	key, _, err := s.lookup(kid, alg)
	if err == nil || errors.Is(err, errAlgorithm) {
		return key, err
	}
	if asked != nil && (errors.Is(err, errStale) || !errors.Is(asked, errThrottled)) {
		return verificationKey{}, asked
	}
	return verificationKey{}, err
}

// knows reports whether keys at hand still have the one named kid.
func (s *source) knows(kid string) bool { return len(s.current.Load().keys[kid]) > 0 }

// freshFor is how long the set needs no refresh.
func (k *keySet) freshFor() time.Duration {
	if k.maxAge == 0 {
		return unknownAge
	}
	return min(max(k.maxAge, shortestAge), longestAge)
}

// run refreshes ahead and answers asks until ctx ends.
func (s *source) run(ctx context.Context) {
	defer close(s.done)
	timer := time.NewTimer(ahead(s.current.Load().freshFor()))
	defer timer.Stop()
	budget := budget{tokens: askBurst, at: s.now()}
	retry := firstRetry
	for {
		select {
		case <-ctx.Done():
			return
		case waiting := <-s.asks:
			waiting.answer <- s.serve(ctx, waiting.seen, &budget)
			continue // the timer runs on: what strangers ask for does not put off the rest
		case <-timer.C:
		}
		if err := s.refresh(ctx); err != nil {
			s.logger.WarnContext(ctx, "refresh of the signing keys failed", "error", err, "retry_in", retry)
			timer.Reset(retry)
			retry = min(2*retry, lastRetry)
			continue
		}
		retry = firstRetry
		timer.Reset(ahead(s.current.Load().freshFor()))
	}
}

// ahead is when to refresh what is fresh for a while: a little before its end,
// and not at the same moment as everybody else.
func ahead(fresh time.Duration) time.Duration {
	return fresh - fresh/10 - rand.N(fresh/10) //nolint:gosec // jitter
}

func (s *source) serve(ctx context.Context, seen *keySet, budget *budget) error {
	if s.current.Load() != seen {
		return nil // somebody else has asked meanwhile
	}
	if !budget.take(s.now()) {
		return errThrottled
	}
	return s.refresh(ctx)
}

// refresh fetches the description of the server, which says where keys are, and
// the keys.
func (s *source) refresh(ctx context.Context) error {
	fetched := s.now() // before the request: keys are never taken for newer than they are
	metadata, err := s.client.Discover(ctx, s.issuer)
	if err != nil {
		return fmt.Errorf("discover the authorization server: %w", err)
	}
	body, maxAge, err := s.client.Keys(ctx, metadata.JWKSURI)
	if err != nil {
		return fmt.Errorf("fetch keys: %w", err)
	}
	keys, err := parseKeySet(body, s.algorithms)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	s.current.Store(&keySet{keys, fetched, maxAge, metadata.TokenEndpoint, metadata.RevocationsURI})
	return nil
}

// budget bounds refreshes that tokens cause.
type budget struct {
	tokens int
	at     time.Time // when the last token was added
}

func (b *budget) take(now time.Time) bool {
	if earned := int(now.Sub(b.at) / askInterval); earned > 0 {
		b.tokens = min(b.tokens+earned, askBurst)
		b.at = now
	}
	if b.tokens == 0 {
		return false
	}
	b.tokens--
	return true
}
