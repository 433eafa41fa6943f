package credentials

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// watchEvery is the pause between two rounds of Run, and so about how soon after the
// end of a token its credentials end.
const watchEvery = 2 * time.Second

// Run asks about each token whose credentials this process has issued and that live,
// one after the other, and revokes those of a token that has ended, in whatever way: by
// another process, with its owner, by its expiry. It returns nil when ctx ends.
func (i *Issuer) Run(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			i.watch(ctx)
		}
	}
}

// watch is one round of Run.
func (i *Issuer) watch(ctx context.Context) {
	failing := map[*Registered]bool{} // in this round
	all := i.outstanding()
	// What cannot be revoked must not stand before what can: somebody may have made it so.
	slices.SortFunc(all, func(a, b *issuedSet) int { return cmp.Compare(a.failed, b.failed) })
	for _, set := range all {
		if ctx.Err() != nil {
			return
		}
		if !set.doomed {
			alive, err := i.Alive(ctx, set.holder)
			if err != nil {
				if ctx.Err() == nil {
					i.Logger.Warn("whether credentials are to be revoked is not known", zap.String("pat_id", set.holder.PAT), zap.Error(err))
				}
				return // the store cannot tell of the others either
			}
			if alive {
				continue
			}
			i.doom(set)
		}
		if i.revoke(ctx, set, failing) {
			i.forget(set)
		}
	}
}

// outstanding returns what was issued and lives.
func (i *Issuer) outstanding() []*issuedSet {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.forgetExpired()
	out := make([]*issuedSet, 0, len(i.all))
	for set := range i.all {
		out = append(out, set)
	}
	return out
}

// doom takes a set out of what is given again.
func (i *Issuer) doom(set *issuedSet) {
	i.mu.Lock()
	defer i.mu.Unlock()
	set.doomed = true
	for key, kept := range i.kept {
		if kept == set {
			delete(i.kept, key)
		}
	}
}

func (i *Issuer) forget(set *issuedSet) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.all, set)
}

// sweepTimeout bounds what is swept of one provider at one time.
const sweepTimeout = 30 * time.Second

// Sweep revokes what providers list and that has expired or whose token has ended,
// whichever process issued it. One that fails or hangs does not keep the others. Only one
// process at a time needs to do this.
func (i *Issuer) Sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	errs := make([]error, len(i.Providers))
	var all sync.WaitGroup
	for n := range i.Providers {
		p := &i.Providers[n]
		lister, ok := p.Provider.(Lister)
		if !ok {
			continue
		}
		all.Go(func() {
			if err := i.sweep(ctx, p.Name, lister); err != nil {
				errs[n] = fmt.Errorf("provider %s: %w", p.Name, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (i *Issuer) sweep(ctx context.Context, name string, lister Lister) error {
	found, err := lister.List(ctx)
	if err != nil {
		return fmt.Errorf("list what was issued: %w", err)
	}
	var failed error
	// In no order, as above: there may be no time for all of them.
	rand.Shuffle(len(found), func(a, b int) { found[a], found[b] = found[b], found[a] }) //nolint:gosec // an order, no secret
	for _, one := range found {
		reason := "expired"
		if i.Now().Before(one.Expiry) {
			alive, err := i.Alive(ctx, one.Holder)
			if err != nil {
				return errors.Join(failed, fmt.Errorf("look up a token: %w", err))
			}
			if alive {
				continue
			}
			reason = "token_ended"
		}
		if err := lister.Revoke(ctx, one.Handle); err != nil {
			failed = errors.Join(failed, fmt.Errorf("revoke %s: %w", one.Handle, err))
			continue
		}
		i.recordRevoked(name, one.Handle, one.Holder, &Claims{Owner: one.Owner, Organization: one.Organization}, reason)
	}
	return failed
}
