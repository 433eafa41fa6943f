package keys

import (
	"context"

	"go.uber.org/zap"
)

// Run keeps the ring up to date until ctx ends, and returns nil then: it reads
// the store once per Poll or sooner, publishes the successor of the active key
// in time, writes lost revocations again, and drops retired keys. Trouble is
// logged and tried again; Ready tells of it. It fails with ErrNotOpened at once
// if Open has not succeeded.
func (r *Ring) Run(ctx context.Context) error {
	if r.snapshot.Load() == nil {
		return ErrNotOpened
	}
	for {
		if err := r.refresh(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("signing keys were not refreshed", zap.Error(err))
		}
		if !sleep(ctx, jitter(r.timing.poll*9/10, 0.1)) {
			return nil
		}
	}
}

func (r *Ring) refresh(ctx context.Context) error {
	if err := r.lock(ctx); err != nil {
		return err
	}
	defer r.unlock()
	return r.maintain(ctx)
}
