package verify

import (
	"container/list"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/cambio-sts/cambio/verify/internal/sts"
)

const (
	// negativeFor is how long a refusal, or trouble, is remembered.
	negativeFor = time.Second
	// maxNegative bounds the refusals that are remembered: a stranger who makes
	// tokens up fills these, and displaces no token that is good.
	maxNegative = 1024
	// maxExchanges bounds the exchanges under way.
	maxExchanges = 32
	// exchangeTimeout bounds one exchange, with the wait for its turn.
	exchangeTimeout = 15 * time.Second
)

var errPAT = errors.New("a personal access token of wrong form or checksum")

// fingerprint names a personal access token in memory: HMAC-SHA-256 under a key
// of this process.
type fingerprint [sha256.Size]byte

// patCache remembers what personal access tokens were exchanged for.
type patCache struct {
	v          *Verifier
	options    PATOptions
	key        [sha256.Size]byte
	slots      chan struct{}
	afterClose func(f func()) (stop func() bool)

	mu       sync.Mutex
	closed   bool
	positive map[fingerprint]*list.Element // of *exchanged
	used     *list.List                    // the least recently used one last
	negative map[fingerprint]refusedPAT
	flights  map[fingerprint]*flight
}

// exchanged is a JWT that was checked, without the JWT.
type exchanged struct {
	of     fingerprint
	claims *Claims
	until  time.Time // when to exchange anew
}

type refusedPAT struct {
	err   error
	until time.Time
}

// flight is an exchange under way, which any number of requests wait for.
type flight struct {
	done   chan struct{}
	claims *Claims
	err    error
}

func newPATCache(v *Verifier, options PATOptions, afterClose func(f func()) (stop func() bool)) *patCache {
	c := &patCache{
		v: v, options: options, slots: make(chan struct{}, maxExchanges), afterClose: afterClose,
		positive: map[fingerprint]*list.Element{}, used: list.New(), negative: map[fingerprint]refusedPAT{}, flights: map[fingerprint]*flight{},
	}
	_, _ = rand.Read(c.key[:]) // never fails since Go 1.24
	return c
}

// close lets no exchange begin any more.
func (c *patCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

func (c *patCache) looksLike(token string) bool { return looksLikePAT(c.options.Prefixes, token) }

// verify returns the claims of the JWT that token stands for. It fails with an
// *Error.
func (c *patCache) verify(ctx context.Context, token string) (*Claims, error) {
	if !isPAT(c.options.Prefixes, token) {
		return nil, invalidToken(errPAT)
	}
	of := c.fingerprint(token)
	for {
		claims, under, err := c.find(ctx, of, token)
		if err != nil {
			return nil, err
		}
		if claims == nil {
			return c.await(ctx, under)
		}
		err = c.v.checkRevocation(ctx, claims)
		if !errors.Is(err, ErrRevoked) {
			return claims, err
		}
		c.forget(of, claims) // the token may have been enabled again since: the server knows
	}
}

// await returns what an exchange came to. That may be the claims of before, if the server
// is in trouble, so it is asked again whether they were revoked.
func (c *patCache) await(ctx context.Context, under *flight) (*Claims, error) {
	claims, err := under.wait(ctx)
	if err == nil {
		err = c.v.checkRevocation(ctx, claims)
	}
	if err != nil {
		return nil, err
	}
	return claims, nil
}

// wait returns what the exchange came to, once it is done.
func (f *flight) wait(ctx context.Context) (*Claims, error) {
	select {
	case <-f.done:
		return f.claims, f.err
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	}
}

func (c *patCache) fingerprint(token string) (of fingerprint) {
	mac := hmac.New(sha256.New, c.key[:])
	_, _ = mac.Write([]byte(token)) // never fails
	mac.Sum(of[:0])
	return of
}

// remembered returns claims that are to be used without an exchange, or nil. A
// signing key that the server withdrew takes the JWTs with it that it signed. The
// lock is held.
func (c *patCache) remembered(of fingerprint) *Claims {
	element, ok := c.positive[of]
	if !ok {
		return nil
	}
	found, ok := element.Value.(*exchanged)
	if !ok || !c.v.now().Before(found.until) || c.v.check(found.claims) != nil || !c.v.keys.knows(found.claims.keyID) {
		return nil
	}
	c.used.MoveToFront(element)
	return found.claims
}

func (c *patCache) forget(of fingerprint, claims *Claims) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.positive[of]
	if !ok {
		return
	}
	if found, ok := element.Value.(*exchanged); ok && found.claims == claims {
		c.used.Remove(element)
		delete(c.positive, of)
	}
}

// find returns the claims at hand or the exchange of the token, which it begins
// unless one is under way, or the last one was refused a moment ago.
func (c *patCache) find(ctx context.Context, of fingerprint, token string) (*Claims, *flight, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if claims := c.remembered(of); claims != nil {
		return claims, nil, nil
	}
	if under, ok := c.flights[of]; ok {
		return nil, under, nil
	}
	if refused, ok := c.negative[of]; ok && c.v.now().Before(refused.until) {
		return nil, nil, refused.err
	}
	if c.closed {
		return nil, nil, unavailable(ErrClosed)
	}
	begun := &flight{done: make(chan struct{})}
	c.flights[of] = begun
	// Others wait for it, too: it does not end with the request that began it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exchangeTimeout)
	stop := c.afterClose(cancel)
	c.v.running.Go(func() {
		defer cancel()
		defer stop()
		begun.claims, begun.err = c.settle(of, c.exchange(ctx, token))
		close(begun.done)
	})
	return nil, begun, nil
}

// outcome is what an exchange came to.
type outcome struct {
	claims *Claims
	err    error // an *Error
}

func (c *patCache) exchange(ctx context.Context, token string) outcome {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return outcome{err: unavailable(errors.New("too many exchanges are under way"))}
	}
	endpoint := c.v.keys.current.Load().tokenEndpoint
	if endpoint == "" {
		return outcome{err: unavailable(errors.New("the authorization server has no token endpoint"))}
	}
	issued, err := c.v.client.Exchange(ctx, endpoint, sts.Request{SubjectToken: token, Audience: c.v.audience, Scope: c.options.Scope})
	if err != nil {
		return outcome{err: c.refused(err)}
	}
	claims, err := c.v.verifyJWT(ctx, issued.AccessToken)
	if errors.Is(err, ErrInvalidToken) && !errors.Is(err, ErrRevoked) {
		err = unavailable(errors.New("the exchange gave a token that is not for this service: " + err.Error())) // not an invalid token of whoever sent it
	}
	if err != nil {
		return outcome{err: err}
	}
	return outcome{claims: claims}
}

// refused tells what an answer of the token endpoint means for whoever sent the
// token (RFC 6749 §5.2, RFC 8693 §2.2.2). What is a fault of this service or of
// the server is no fault of theirs.
func (c *patCache) refused(err error) error {
	told, ok := errors.AsType[*sts.RefusalError](err)
	if !ok {
		return unavailable(err)
	}
	switch told.Code {
	case "invalid_request", "invalid_grant", "invalid_target":
		return invalidToken(err)
	case "invalid_scope":
		lacking := insufficientScope(strings.Fields(c.options.Scope))
		lacking.cause = err
		return lacking
	default:
		return unavailable(err)
	}
}

// settle remembers what an exchange came to and returns what its requests get:
// while the server is in trouble, a JWT goes on to serve until its exp.
func (c *patCache) settle(of fingerprint, got outcome) (*Claims, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.flights, of)
	now := c.v.now()
	if got.err == nil {
		delete(c.negative, of)
		life := got.claims.Expiry.Sub(now)
		c.remember(&exchanged{of: of, claims: got.claims, until: now.Add(life / 10 * 7)})
		return got.claims, nil
	}
	element, known := c.positive[of]
	if known && errors.Is(got.err, ErrUnavailable) {
		old, ok := element.Value.(*exchanged)
		if ok && c.v.check(old.claims) == nil && c.v.keys.knows(old.claims.keyID) {
			old.until = now.Add(negativeFor)
			return old.claims, nil
		}
	}
	if known {
		c.used.Remove(element)
		delete(c.positive, of)
	}
	c.refuse(of, refusedPAT{got.err, now.Add(negativeFor)}, now)
	return nil, got.err
}

func (c *patCache) remember(made *exchanged) {
	if element, ok := c.positive[made.of]; ok {
		element.Value = made
		c.used.MoveToFront(element)
		return
	}
	for len(c.positive) >= c.options.MaxEntries {
		last := c.used.Back()
		if old, ok := c.used.Remove(last).(*exchanged); ok {
			delete(c.positive, old.of)
		}
	}
	c.positive[made.of] = c.used.PushFront(made)
}

func (c *patCache) refuse(of fingerprint, refused refusedPAT, now time.Time) {
	if len(c.negative) >= maxNegative {
		for other, old := range c.negative {
			if !now.Before(old.until) {
				delete(c.negative, other)
			}
		}
	}
	if len(c.negative) < maxNegative {
		c.negative[of] = refused
	}
}
