package observed

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/fault"
	"github.com/cambio-sts/cambio/internal/tracing"
	"github.com/cambio-sts/cambio/keys"
	"github.com/cambio-sts/cambio/pat"
)

// Observer is told of each call: failed says that the store could not answer. trace is the
// id of its trace if that is sampled, else empty. It does not block.
type Observer interface {
	StoreCalled(op string, took time.Duration, failed bool, trace string)
}

// Ports are those of a store.
type Ports interface {
	PATs() pat.Store
	Uses() pat.UseStore
	Identities() directory.Identities
	Catalog() directory.Catalogs
	Keys() keys.Store
	Outbox() audit.Outbox
}

// Store is the ports of another store, observed. It is safe to share.
type Store struct {
	next     Ports
	observer Observer
	now      func() time.Time
}

var _ Ports = (*Store)(nil)

// New returns the ports of next, which tell observer of each call.
func New(next Ports, observer Observer, now func() time.Time) *Store {
	return &Store{next: next, observer: observer, now: now}
}

// PATs returns the store of tokens.
func (s *Store) PATs() pat.Store { return tokens{s, s.next.PATs()} }

// Uses returns the store's hot path.
func (s *Store) Uses() pat.UseStore { return uses{s, s.next.Uses()} }

// Identities returns the store of identities.
func (s *Store) Identities() directory.Identities { return identities{s, s.next.Identities()} }

// Catalog returns the store of organizations, groups and role assignments.
func (s *Store) Catalog() directory.Catalogs { return catalog{s, s.next.Catalog()} }

// Keys returns the store of the key ring.
func (s *Store) Keys() keys.Store { return ring{s, s.next.Keys()} }

// Outbox returns the events that await shipping.
func (s *Store) Outbox() audit.Outbox { return outbox{s, s.next.Outbox()} }

// call is one that is under way.
type call struct {
	store *Store
	op    string
	start time.Time
	span  tracing.Span
	trace string
}

// begin begins a call.
func (s *Store) begin(ctx context.Context, op string) (context.Context, call) {
	c := call{store: s, op: op, start: s.now()}
	if ctx, c.span = tracing.Start(ctx, op); c.span.Recorded() {
		c.trace = tracing.ID(ctx)
	}
	return ctx, c
}

// end tells of it.
func (c *call) end(err error) {
	failed := err != nil && errors.Is(err, fault.ErrUnavailable)
	c.span.End(failed)
	c.store.observer.StoreCalled(c.op, c.store.now().Sub(c.start), failed, c.trace)
}

// observe is what iterates, observed until the last item is taken or nobody wants more. An
// error is the last item.
func observe[T any](ctx context.Context, s *Store, op string, items func(context.Context) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, c := s.begin(ctx, op)
		var failure error
		defer func() { c.end(failure) }()
		for item, err := range items(ctx) {
			failure = err
			if !yield(item, err) {
				return
			}
		}
	}
}
