package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"
)

const (
	// answerTime is how long after its making the answer with a role has left, if it does.
	answerTime = 2 * time.Second
	// settleEvery is the pause between two rounds of Run.
	settleEvery = 500 * time.Millisecond
	// settleTimeout bounds the last round, when the process ends.
	settleTimeout = 5 * time.Second
)

// promise is the expiry of a role that does not have it yet.
type promise struct {
	until time.Time // by the clock of the server
	due   time.Time // by ours
}

func (p *Provider) promise(role string, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending[role] = promise{until: until, due: p.Now().Add(answerTime)}
}

// forget takes a promise back, or off the list once it is kept.
func (p *Provider) forget(role string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pending, role)
}

// due returns the promises that are to be kept now: those whose answers have left, or all.
func (p *Provider) due(all bool) map[string]promise {
	p.mu.Lock()
	defer p.mu.Unlock()
	out, now := map[string]promise{}, p.Now()
	for role, made := range p.pending {
		if all || !now.Before(made.due) {
			out[role] = made
		}
	}
	return out
}

// Run lets each role last until its expiry, once the answer with it has left: until then it
// lasts for half a minute, so that it goes by itself if this process is killed. It returns nil when
// ctx ends, after a last round for all roles; it must end after the last request.
func (p *Provider) Run(ctx context.Context) error {
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
			defer cancel()
			p.settle(last, true)
			return nil
		case <-tick.C:
			p.settle(ctx, false)
		}
	}
}

// settle is one round of Run. What fails is tried again in the next.
func (p *Provider) settle(ctx context.Context, all bool) {
	for role, made := range p.due(all) {
		within, cancel := context.WithTimeout(ctx, callTimeout)
		err := p.run(within, fmt.Sprintf("ALTER ROLE %s VALID UNTIL %s", identifier(role), timestamp(made.until)))
		cancel()
		if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == undefinedObject {
			err = nil // it has been revoked
		}
		if err != nil {
			p.Logger.Warn("a role of a database may end before its time", zap.String("role", role), zap.Error(err))
			return // the others would fail too
		}
		p.forget(role)
	}
}
