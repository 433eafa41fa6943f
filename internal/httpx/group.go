package httpx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// ErrDraining is what Group.Ready returns once the process is to end.
var ErrDraining = errors.New("draining")

// Endpoint is a server and what it listens on.
type Endpoint struct {
	Server   *http.Server // TLS where its TLSConfig is set
	Listener net.Listener // Serve closes it
}

// GroupConfig says how a Group ends.
type GroupConfig struct {
	// Notice is how long, once told to end, the group still takes requests, not
	// ready and ending each connection with its answer: for load balancers to look
	// away and for busy clients to let go of their connections. 0 skips it.
	Notice time.Duration
	// Grace is how long requests in flight may take after that; then they are cut off.
	Grace time.Duration
}

// Group runs servers that start and end together.
type Group struct {
	cfg      GroupConfig
	draining chan struct{}
	drain    func()
}

// NewGroup returns a Group; nothing runs before Serve.
func NewGroup(cfg GroupConfig) *Group {
	draining := make(chan struct{})
	return &Group{cfg: cfg, draining: draining, drain: sync.OnceFunc(func() { close(draining) })}
}

// Draining is closed as soon as the group is told to end. Long polls answer then.
func (g *Group) Draining() <-chan struct{} { return g.draining }

// Ready returns ErrDraining once the group is told to end; it is a Check.
func (g *Group) Ready(context.Context) error {
	select {
	case <-g.draining:
		return ErrDraining
	default:
		return nil
	}
}

// Serve runs the endpoints until ctx ends or one of them fails, which ends the
// others. Told to end, it drains: Notice, then no new connections, then up to
// Grace for what is in flight. It returns nil when all ended in time and as told.
// It is called once.
func (g *Group) Serve(ctx context.Context, endpoints ...Endpoint) error {
	failed, ctx := errgroup.WithContext(ctx)
	for _, endpoint := range endpoints {
		failed.Go(func() error { return endpoint.serve() })
	}
	failed.Go(func() error {
		<-ctx.Done()
		g.drain()
		return g.shutdown(context.WithoutCancel(ctx), endpoints)
	})
	return failed.Wait()
}

func (e Endpoint) serve() error {
	listener := e.Listener
	if e.Server.TLSConfig != nil {
		// ServeTLS takes the certificates from TLSConfig and adds h2 to its protocols.
		if err := e.Server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve TLS on %s: %w", listener.Addr(), err)
		}
		return nil
	}
	if err := e.Server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	}
	return nil
}

// shutdown ends all servers, in parallel, and what outlives the grace by force.
func (g *Group) shutdown(ctx context.Context, endpoints []Endpoint) error {
	if g.cfg.Notice > 0 {
		time.Sleep(g.cfg.Notice)
	}
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Grace)
	defer cancel()
	var all errgroup.Group
	for _, endpoint := range endpoints {
		all.Go(func() error {
			if stopping, ok := endpoint.Listener.(interface{ Stop() }); ok {
				stopping.Stop()
			}
			if err := endpoint.Server.Shutdown(ctx); err != nil {
				return errors.Join(fmt.Errorf("drain %s: %w", endpoint.Listener.Addr(), err), endpoint.Server.Close())
			}
			return nil
		})
	}
	return all.Wait()
}
