package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/cambio-sts/cambio/verify/internal/sts"
)

// Verifier checks access tokens of one issuer for one audience. It is safe to
// share. Close it in the end.
type Verifier struct {
	settings

	issuer, audience string
	client           *sts.Client
	keys             *source
	cache            *patCache // nil unless AcceptPAT
	ended            *feed     // nil unless WithRevocationFeed

	cancel  context.CancelFunc
	running sync.WaitGroup
}

// New returns a verifier of the access tokens that issuer, the authorization
// server's identifier (RFC 8414 §2), issues for audience, this service's
// identifier. It fetches the keys once within ctx, which it does not keep, and
// fails if it cannot; from then on a goroutine keeps them fresh until Close.
func New(ctx context.Context, issuer, audience string, options ...Option) (*Verifier, error) {
	s := settings{
		now:    time.Now, //nolint:forbidigo // the default of an option
		logger: slog.New(slog.DiscardHandler),
		leeway: DefaultLeeway, stale: DefaultStaleIfError, algorithms: defaultAlgorithms,
	}
	for _, option := range options {
		if err := option(&s); err != nil {
			return nil, fmt.Errorf("verify: %w", err)
		}
	}
	if audience == "" {
		return nil, errors.New("verify: an audience is needed: the identifier of this service")
	}
	client := sts.NewClient(s.httpClient)
	keys := &source{
		client: client, issuer: issuer, algorithms: s.algorithms, stale: s.stale, now: s.now, logger: s.logger, asks: make(chan ask), done: make(chan struct{}),
	}
	if err := keys.refresh(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("verify: %w", err)
	}
	v := &Verifier{settings: s, issuer: issuer, audience: audience, client: client, keys: keys}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	v.cancel = cancel
	if s.pats != nil {
		v.cache = newPATCache(v, *s.pats, func(f func()) (stop func() bool) { return context.AfterFunc(background, f) })
	}
	v.running.Go(func() { keys.run(background) })
	if s.feed != nil {
		v.ended = newFeed(v, *s.feed)
		if _, err := v.ended.poll(ctx, s.now()); err != nil {
			v.Close()
			return nil, fmt.Errorf("verify: follow the revocation feed: %w", err)
		}
		v.running.Go(func() { v.ended.run(background) })
	}
	return v, nil
}

// Close ends the background work and waits for it. From then on Verify fails
// with ErrClosed wherever it would need the server.
func (v *Verifier) Close() {
	if v.cache != nil {
		v.cache.close()
	}
	v.cancel()
	v.running.Wait()
	v.client.Close()
}

// Verify returns the claims of an access token that is valid for this service
// (RFC 9068 §4, RFC 8725 §3), a JWT or, after AcceptPAT, a personal access token.
// It blocks only if the token names a key that is not at hand, or has to be
// exchanged. It fails with an *Error that wraps ErrInvalidToken or ErrUnavailable.
func (v *Verifier) Verify(ctx context.Context, token string) (*Claims, error) {
	var claims *Claims
	var err error
	if v.cache != nil && v.cache.looksLike(token) {
		claims, err = v.cache.verify(ctx, token)
	} else {
		claims, err = v.verifyJWT(ctx, token)
	}
	if err != nil {
		return nil, refusal(err)
	}
	return claims, nil
}

// verifyJWT checks all there is to check of a JWT. It fails with an *Error.
func (v *Verifier) verifyJWT(ctx context.Context, token string) (*Claims, error) {
	parsed, err := parse(token)
	if err != nil {
		return nil, invalidToken(err)
	}
	key, err := v.key(ctx, parsed)
	if err != nil {
		return nil, err
	}
	if key.method.Verify(parsed.signed, parsed.signature, key.public) != nil {
		return nil, invalidToken(errors.New("the signature does not fit"))
	}
	claims, err := decodeClaims(parsed.payload)
	if err == nil {
		err = v.check(claims)
	}
	if err != nil {
		return nil, invalidToken(err)
	}
	claims.keyID = parsed.keyID
	return claims, v.checkRevocation(ctx, claims)
}

// key returns the key that the header names. A token that would be refused for
// its claims anyway does not make anybody ask the server.
func (v *Verifier) key(ctx context.Context, parsed *parsed) (verificationKey, error) {
	key, seen, err := v.keys.lookup(parsed.keyID, parsed.alg)
	if errors.Is(err, errKey) || errors.Is(err, errStale) {
		claims, malformed := decodeClaims(parsed.payload)
		if malformed != nil {
			return key, invalidToken(malformed)
		}
		if v.check(claims) != nil { // why is not told: nobody signed it
			return key, invalidToken(errKey)
		}
		key, err = v.keys.find(ctx, parsed.keyID, parsed.alg, seen)
	}
	switch {
	case err == nil:
		return key, nil
	case errors.Is(err, errKey), errors.Is(err, errAlgorithm):
		return key, invalidToken(err)
	default:
		return key, unavailable(err)
	}
}

// check checks the claims but for revocation (RFC 9068 §4, RFC 7519 §4.1).
func (v *Verifier) check(claims *Claims) error {
	now := v.now()
	switch {
	case claims.Issuer != v.issuer:
		return errors.New("iss is another")
	case !slices.Contains(claims.Audience, v.audience):
		return errors.New("aud is another")
	case !now.Before(claims.Expiry.Add(v.leeway)):
		return ErrExpired
	case now.Add(v.leeway).Before(claims.NotBefore):
		return errors.New("nbf is to come")
	case now.Add(v.leeway).Before(claims.IssuedAt):
		return errors.New("iat is to come")
	}
	return nil
}

// checkRevocation asks the feed and whoever WithRevocations named.
func (v *Verifier) checkRevocation(ctx context.Context, claims *Claims) error {
	if v.ended != nil {
		if err := askRevoked(ctx, v.ended, claims); err != nil {
			return err
		}
	}
	if v.revocations != nil {
		return askRevoked(ctx, v.revocations, claims)
	}
	return nil
}

func askRevoked(ctx context.Context, revocations Revocations, claims *Claims) error {
	revoked, err := revocations.Revoked(ctx, claims)
	switch {
	case err != nil:
		return unavailable(fmt.Errorf("ask for revocations: %w", err))
	case revoked:
		return invalidToken(ErrRevoked)
	}
	return nil
}
