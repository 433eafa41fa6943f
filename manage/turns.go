package manage

import (
	"context"
	"sync"

	"github.com/cambio-sts/cambio/directory"
)

// turns lets one at a time of each organization do what takes long, so that no
// organization keeps the machine from the others.
type turns struct {
	mu   sync.Mutex
	held map[directory.ID]chan struct{} // closed when the turn is over
}

func newTurns() turns { return turns{held: map[directory.ID]chan struct{}{}} }

// take waits for a turn, or for ctx; the turn ends by the function returned.
func (t *turns) take(ctx context.Context, organization directory.ID) (end func(), err error) {
	for {
		t.mu.Lock()
		before, taken := t.held[organization]
		if !taken {
			mine := make(chan struct{})
			t.held[organization] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				defer t.mu.Unlock()
				delete(t.held, organization)
				close(mine)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-before:
		}
	}
}

// takeFor is take for a caller of the organization, who waits for a turn of their own
// before: of many requests of one caller one at a time keeps the others waiting.
func (t *turns) takeFor(ctx context.Context, caller, organization directory.ID) (end func(), err error) {
	own, err := t.take(ctx, caller)
	if err != nil {
		return nil, err
	}
	all, err := t.take(ctx, organization)
	if err != nil {
		own()
		return nil, err
	}
	return func() {
		all()
		own()
	}, nil
}
