package revocations

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/pat"
)

const (
	// passEvery is how old the last pass over the log may be when somebody asks.
	passEvery = 250 * time.Millisecond
	// staleAfter is how old the last pass that read all may be for an answer. Nobody waits
	// longer for one.
	staleAfter = 3 * time.Second
	// passTimeout bounds one pass.
	passTimeout = 10 * time.Second
	// forgetEvery is how often what left the window is looked for.
	forgetEvery = time.Minute
	// ownersAtOnce bounds a look at owners.
	ownersAtOnce = 256
	// maxJWTs is how many revoked JWTs of one token are told of one by one.
	maxJWTs = 1000
	// jwtSlack is for how long a JWT may be taken after its exp, by any clock.
	jwtSlack = pat.EndedWindow - pat.MaxAccessTokenLife
)

// passes reads the log, one pass at a time.
type passes struct {
	mu    sync.Mutex    // guards the next two
	under chan struct{} // closed with the pass that is under way; nil: none is
	tried time.Time     // when the last one began

	// Of the pass that is under way.
	cursor    pat.EndedCursor
	pending   []pat.Ended // owners who were read from the log and not looked up yet
	forgotten time.Time
	failing   bool
}

// refresh returns once a pass that began at most passEvery ago has ended, one that is
// shared by all who ask. It fails with fault.ErrUnavailable if the last one that read all
// is too old.
func (f *Feed) refresh(ctx context.Context) error {
	if under := f.begin(ctx); under != nil {
		patience := time.NewTimer(staleAfter)
		defer patience.Stop()
		select {
		case <-under:
		case <-patience.C:
		case <-ctx.Done():
		}
	}
	return f.fresh()
}

// fresh fails with fault.ErrUnavailable if what is known is too old to be told.
func (f *Feed) fresh() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.complete.IsZero() || f.Now().Sub(f.complete).Abs() > staleAfter {
		return fmt.Errorf("the log of revocations has not been read for %s: %w", staleAfter, fault.ErrUnavailable)
	}
	return nil
}

// begin starts a pass if one is due and returns what is closed with the one under way,
// nil if none is.
func (f *Feed) begin(ctx context.Context) <-chan struct{} {
	p := &f.pass
	p.mu.Lock()
	defer p.mu.Unlock()
	now := f.Now()
	if p.under != nil || !p.tried.IsZero() && now.Sub(p.tried).Abs() < passEvery {
		return p.under
	}
	under := make(chan struct{})
	p.under, p.tried = under, now
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), passTimeout) // others wait for it, too
	go func() {
		defer cancel()
		f.finish(now, f.read(ctx))
		p.mu.Lock()
		p.under = nil
		p.mu.Unlock()
		close(under)
	}()
	return under
}

// read takes in what the log has that was not read before. After an error, what was not
// taken in is the next pass's.
func (f *Feed) read(ctx context.Context) error {
	p := &f.pass
	ended, err := p.cursor.Next(ctx)
	if err != nil {
		return fmt.Errorf("follow the log: %w", err)
	}
	// What a pass did not see is committed after it began, and arrives later than that.
	arrived := f.Now()
	f.take(ended, arrived)
	p.pending = slices.AppendSeq(p.pending, owners(ended))
	for len(p.pending) > 0 {
		some := p.pending[:min(len(p.pending), ownersAtOnce)]
		if err := f.takeOwners(ctx, some); err != nil {
			return err
		}
		p.pending = p.pending[len(some):]
	}
	p.pending = nil
	return nil
}

func owners(ended []pat.Ended) func(yield func(pat.Ended) bool) {
	return func(yield func(pat.Ended) bool) {
		for _, end := range ended {
			if end.Kind == pat.EndedOwner && !yield(end) {
				return
			}
		}
	}
}

// take takes in all but owners.
func (f *Feed) take(ended []pat.Ended, arrived time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed := false
	for _, end := range ended {
		made := entry{generation: end.Generation, at: end.At.Unix(), arrived: arrived.UnixMilli(), until: end.At.Add(pat.EndedWindow).Unix()}
		switch end.Kind {
		case pat.EndedToken:
			changed = f.known.add(hashOf(ofToken, end.ID), made) || changed
		case pat.EndedJWT:
			changed = f.takeJWT(&end, made) || changed
		case pat.EndedOwner:
		}
	}
	f.tell(changed)
}

// takeJWT takes in a JWT that was revoked by itself, until it would have expired anyway. Of
// a token of which too many were, all that were issued until then are told of in one entry:
// nobody fills the feed, and the memory of who follows it, by minting and revoking. The
// lock is held.
func (f *Feed) takeJWT(end *pat.Ended, made entry) (changed bool) {
	of := hashOf(ofJWT, end.ID)
	made.token = hashOf(ofOwner, string(end.Token))
	if _, had := f.known[of]; !had && f.jwts[made.token] >= maxJWTs {
		return f.known.add(made.token, entry{generation: issuedBy, at: made.at, arrived: made.arrived, until: made.until})
	}
	if !end.Expiry.IsZero() {
		made.until = end.Expiry.Add(jwtSlack).Unix()
	}
	made.generation = pat.EveryGeneration
	if changed = f.known.add(of, made); changed {
		f.jwts[made.token]++
	}
	return changed
}

// takeOwners takes in owners by the tokens that they own: the sub of their JWTs may have
// changed since these were minted. Of one that is gone the tokens have ends of their own.
func (f *Feed) takeOwners(ctx context.Context, ended []pat.Ended) error {
	ids := make([]directory.ID, len(ended))
	for i := range ended {
		ids[i] = directory.ID(ended[i].ID)
	}
	owned, err := f.Log.Owned(ctx, ids)
	if err != nil {
		return fmt.Errorf("look up tokens of disabled owners: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	arrived, changed := f.Now().UnixMilli(), false
	for i := range ended {
		made := entry{generation: issuedBy, at: ended[i].At.Unix(), arrived: arrived, until: ended[i].At.Add(pat.EndedWindow).Unix()}
		for _, token := range owned[i] {
			changed = f.known.add(hashOf(ofOwner, string(token)), made) || changed
		}
	}
	f.tell(changed)
	return nil
}

// finish ends a pass that began at a time.
func (f *Feed) finish(began time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.pass
	if err != nil {
		if !p.failing {
			f.Logger.Warn("the log of revocations cannot be read", zap.Error(err))
		}
		p.failing = true
		return
	}
	if p.failing {
		f.Logger.Info("the log of revocations is read again")
	}
	p.failing, f.complete = false, began
	if began.Sub(p.forgotten).Abs() >= forgetEvery {
		p.forgotten = began
		f.known.forget(began, func(e entry) {
			f.version++ // nobody needs to know, yet answers are made anew
			if e.token == (hash{}) {
				return
			}
			if f.jwts[e.token]--; f.jwts[e.token] == 0 {
				delete(f.jwts, e.token)
			}
		})
	}
}

// tell says that what is known has changed. The lock is held.
func (f *Feed) tell(changed bool) {
	if changed {
		f.version++
		f.wake()
	}
}

// wake has all who wait look again. The lock is held.
func (f *Feed) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}
