package jobs

import (
	"context"
	"time"
)

// Marks keep, for all processes that share a store, until when a job has done its
// work: who gets the lease next goes on there. A mark that is lost has work done
// again, never left out.
type Marks interface {
	// Mark returns the mark of a name; the zero time if there is none.
	// fault.ErrUnavailable.
	Mark(ctx context.Context, name string) (time.Time, error)
	// SetMark sets it, with milliseconds, unless it is later already.
	// fault.ErrUnavailable.
	SetMark(ctx context.Context, name string, at time.Time) error
}
