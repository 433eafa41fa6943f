package verify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cambio-sts/cambio/verify/internal/sts"
)

const (
	// DefaultMaxRevocations is how many entries of the feed are remembered, unless
	// RevocationFeed says otherwise: at about 100 bytes each.
	DefaultMaxRevocations = 1_000_000
	// FeedLostAfter is for how long requests to the feed have to fail before it counts as
	// lost: some retries, so that one connection that breaks refuses nobody.
	FeedLostAfter = 2 * time.Second

	feedWait = 25 * time.Second // a request is held for so long
	// feedTimeout is when one counts as failed; sts gives up then.
	feedTimeout = feedWait + 10*time.Second
	// feedPoll is how often the feed is asked where requests are not held: behind a cache,
	// or with too many others.
	feedPoll = time.Second
	// feedSigned is how often an answer has to be signed: that there is nothing new is not.
	feedSigned = time.Minute
	// The pauses after requests that failed, and the longest that the server may ask for.
	feedFirstRetry = 100 * time.Millisecond
	feedLastRetry  = time.Second
	feedRetryAfter = 5 * time.Second
	// feedForgetEvery is how often what is too old is looked for.
	feedForgetEvery = time.Minute
	// feedBatch is how many entries change while no token is checked.
	feedBatch = 1000
)

// RevocationFeed says what is to happen when the feed is lost. There is no default for
// FailOpenFor: zero fails closed.
type RevocationFeed struct {
	// FailOpenFor is for how long, once the feed is lost, tokens are accepted by what was
	// known until then; after that they are refused with ErrUnavailable. Zero refuses as
	// soon as it is lost: when requests have failed for FeedLostAfter, 2 s. A connection
	// that breaks is noticed at once, one that falls silent after 35 s.
	FailOpenFor time.Duration
	// Max is how many entries are remembered; zero: DefaultMaxRevocations. What does not
	// fit is not forgotten: JWTs that were issued until its entry came are refused, all.
	Max int
	// OnChange, unless it is nil, is told when the feed is lost, and why, and when it is
	// back. It must not block.
	OnChange func(up bool, err error)
}

// WithRevocationFeed follows the server's revocation feed, so that JWTs end about a second
// after what they were made from: a personal access token that was revoked, rotated
// without grace or deleted, a JWT that was revoked, an owner who was disabled. New fails if
// the server has no feed (revocations_uri of its metadata) or the first answer cannot be
// had. One goroutine holds one request to it until Close.
func WithRevocationFeed(options RevocationFeed) Option {
	return func(s *settings) error {
		if options.FailOpenFor < 0 || options.Max < 0 {
			return errors.New("revocation feed: FailOpenFor and Max are zero or more")
		}
		if options.Max == 0 {
			options.Max = DefaultMaxRevocations
		}
		s.feed = &options
		return nil
	}
}

// ErrFeedLost says that nobody can tell whether a token was revoked: the feed was lost
// longer ago than FailOpenFor. It comes with ErrUnavailable.
var ErrFeedLost = errors.New("the revocation feed is lost")

// feed is what is known of the server's revocation feed. It is a Revocations.
type feed struct {
	RevocationFeed

	v *Verifier

	// deadline is until when what is known may be relied on.
	deadline atomic.Pointer[time.Time]

	mu    sync.RWMutex // guards what follows; only the goroutine of run writes
	dead  map[mark]mortality
	floor int64 // JWTs with an iat up to it, in seconds, are refused: what ended was too much

	// Of the goroutine of run, and of New before that.
	cursor    int64
	etag      string
	signed    time.Time // when the last signed answer came
	issuedAt  time.Time // the latest iat of one
	forgotten time.Time
	failing   time.Time // since when requests fail; zero: they do not
	lost      bool      // OnChange was told
}

// mortality is which JWTs of a mark are dead, and how long that matters.
type mortality struct {
	generation, issuedAt int64
	forget               int64 // in seconds
}

func newFeed(v *Verifier, options RevocationFeed) *feed {
	f := &feed{RevocationFeed: options, v: v, dead: map[mark]mortality{}}
	f.deadline.Store(&time.Time{})
	return f
}

// Revoked implements Revocations.
func (f *feed) Revoked(_ context.Context, claims *Claims) (bool, error) {
	if f.knows(claims) {
		return true, nil
	}
	switch deadline := f.deadline.Load(); {
	case deadline.IsZero():
		return false, ErrClosed
	case f.v.now().After(*deadline):
		return false, ErrFeedLost
	default:
		return false, nil
	}
}

// knows reports whether a JWT is dead.
func (f *feed) knows(claims *Claims) bool {
	issuedAt := claims.IssuedAt.Unix()
	f.mu.RLock()
	defer f.mu.RUnlock()
	if issuedAt <= f.floor {
		return true
	}
	if len(f.dead) == 0 {
		return false
	}
	for _, of := range [...]mark{markOf("pat:", claims.PATID), markOf("jti:", claims.ID), markOf("own:", claims.PATID)} {
		if found, ok := f.dead[of]; ok && claims.PATGeneration <= found.generation && issuedAt <= found.issuedAt {
			return true
		}
	}
	return false
}

// markOf returns the mark of an id of a kind.
func markOf(kind, id string) mark {
	var room [256]byte // on the stack
	sum := sha256.Sum256(append(append(room[:0], kind...), id...))
	return mark(sum[:len(mark{})])
}

// run follows the feed until ctx ends.
func (f *feed) run(ctx context.Context) {
	retry := feedFirstRetry
	for ctx.Err() == nil {
		began, recovers := f.v.now(), !f.failing.IsZero()
		got, err := f.poll(ctx, began)
		var pause time.Duration
		switch {
		case ctx.Err() != nil:
		case err != nil:
			f.failed(ctx, err)
			pause = max(retry/2+rand.N(retry/2), min(got.RetryAfter, feedRetryAfter)) //nolint:gosec // jitter
			retry = min(2*retry, feedLastRetry)
		case recovers, got.Held && f.etag != "":
			retry, pause = feedFirstRetry, feedFirstRetry-f.v.now().Sub(began) // also if the server holds nothing
		default:
			retry, pause = feedFirstRetry, feedPoll-f.v.now().Sub(began)
		}
		if pause > 0 {
			sleep(ctx, pause)
		}
	}
	f.deadline.Store(&time.Time{})
}

func sleep(ctx context.Context, length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// poll asks the feed once and takes in the answer. What it returns with an error says when
// to ask again.
func (f *feed) poll(ctx context.Context, began time.Time) (sts.Ended, error) {
	address := f.v.keys.current.Load().revocations
	if address == "" {
		return sts.Ended{}, errors.New("the authorization server has no revocation feed (revocations_uri in its metadata)")
	}
	asked := sts.Poll{Since: f.cursor, ETag: f.etag, Wait: feedWait}
	if began.Sub(f.signed).Abs() >= feedSigned {
		asked.ETag = ""
	}
	if !f.failing.IsZero() { // whoever is back says so at once
		asked.ETag, asked.Wait = "", 0
	}
	got, err := f.v.client.Ended(ctx, address, asked)
	if err != nil {
		if got.Refused {
			f.cursor = 0
		}
		return got, err
	}
	if got.Signed != "" {
		answer, err := f.v.verifyFeedAnswer(ctx, got.Signed)
		if err == nil {
			err = f.check(answer, asked.Since, began)
		}
		if err != nil {
			return got, err
		}
		f.take(answer)
		f.cursor, f.etag, f.signed = answer.next, got.ETag, began
		if answer.issuedAt.After(f.issuedAt) {
			f.issuedAt = answer.issuedAt
		}
	}
	f.succeeded(ctx)
	return got, nil
}

// check refuses an answer to another question, and one of another time.
func (f *feed) check(answer *feedAnswer, since int64, began time.Time) error {
	leeway := feedSkew + f.v.leeway
	switch {
	case answer.since > since:
		return fmt.Errorf("%w: since is later than was asked for", errAnswer)
	case answer.issuedAt.After(f.v.now().Add(leeway)):
		return fmt.Errorf("%w: iat is to come", errAnswer)
	case answer.issuedAt.Add(leeway).Before(began), answer.issuedAt.Add(leeway).Before(f.issuedAt):
		return fmt.Errorf("%w: it is an old one", errAnswer)
	}
	return nil
}

// succeeded notes that all is known that there is to know.
func (f *feed) succeeded(ctx context.Context) {
	// The next request may take its time before it counts as failed.
	f.reliedOn(feedTimeout)
	f.failing = time.Time{}
	if f.lost {
		f.lost = false
		f.v.logger.InfoContext(ctx, "the revocation feed is back")
		f.changed(true, nil)
	}
}

// failed notes that a request failed.
func (f *feed) failed(ctx context.Context, err error) {
	now := f.v.now()
	if f.failing.IsZero() {
		f.failing = now
		f.reliedOn(0)
	}
	if !f.lost && now.Sub(f.failing) >= FeedLostAfter {
		f.lost = true
		f.v.logger.WarnContext(ctx, "the revocation feed is lost", "error", err, "fail_open_for", f.FailOpenFor)
		f.changed(false, err)
	}
}

// reliedOn sets the deadline to when, after a time, the feed was lost for FailOpenFor.
func (f *feed) reliedOn(after time.Duration) {
	deadline := f.v.now().Add(after + FeedLostAfter + f.FailOpenFor)
	if had := f.deadline.Load(); after > 0 || deadline.Before(*had) {
		f.deadline.Store(&deadline)
	}
}

func (f *feed) changed(up bool, err error) {
	if f.OnChange != nil {
		f.OnChange(up, err)
	}
}

// take takes in an answer.
func (f *feed) take(answer *feedAnswer) {
	now := f.v.now()
	f.forget(now)
	forget := now.Add(answer.window + f.v.leeway).Unix()
	for some := range slices.Chunk(answer.ended, feedBatch) {
		f.mu.Lock()
		for i := range some {
			made := mortality{int64(some[i].generation), int64(some[i].issuedAt), forget}
			if had, ok := f.dead[some[i].of.mark]; ok {
				made.generation, made.issuedAt = max(made.generation, had.generation), max(made.issuedAt, had.issuedAt)
			}
			f.dead[some[i].of.mark] = made
		}
		f.mu.Unlock()
		if len(f.dead) > f.Max {
			f.raiseFloor(answer.window)
		}
	}
}

// raiseFloor makes room: what came first goes, at least half of all, and JWTs that were
// issued until then are refused, whoever's they are.
func (f *feed) raiseFloor(window time.Duration) {
	times := make([]int64, 0, len(f.dead))
	for _, d := range f.dead {
		times = append(times, d.forget)
	}
	slices.Sort(times)
	until := times[len(times)/2]
	kept := make(map[mark]mortality, len(times)/2)
	for of, d := range f.dead {
		if d.forget > until {
			kept[of] = d
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	// What goes came a window and the leeway before it would have been forgotten; the clock
	// of who issued its JWTs may be ahead by the leeway.
	f.dead, f.floor = kept, max(f.floor, until-int64(window/time.Second))
}

// forget drops what matters no more: its JWTs have expired.
func (f *feed) forget(now time.Time) {
	if now.Sub(f.forgotten).Abs() < feedForgetEvery {
		return
	}
	f.forgotten = now
	var over []mark
	for of, d := range f.dead {
		if d.forget < now.Unix() {
			over = append(over, of)
		}
	}
	for some := range slices.Chunk(over, feedBatch) {
		f.mu.Lock()
		for _, of := range some {
			delete(f.dead, of)
		}
		f.mu.Unlock()
	}
}
