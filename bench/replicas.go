package main

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// scaled is one turn of some replicas.
type scaled struct {
	PerSecond float64 `json:"per_second"`
	P99       float64 `json:"p99_us"`
	Refused   int     `json:"refused"` // answered 503
	shares
}

// replicated is a number of replicas that share a Redis.
type replicated struct {
	Replicas    int      `json:"replicas"`
	Connections int      `json:"connections"` // to all of them
	Rounds      []scaled `json:"rounds"`
}

// replicate measures each number of replicas. All live throughout; in its turn, so many of
// them have barConns connections each.
func (b *bench) replicate(ctx context.Context) (results []replicated, err error) {
	d, err := b.deploy(ctx, redis)
	defer func() { err = errors.Join(err, d.close()) }()
	if err != nil {
		return nil, err
	}
	var fleet []*contender
	defer func() {
		for _, c := range fleet {
			err = errors.Join(err, c.close())
			c.server.stop()
		}
	}()
	for i := range slices.Max(b.replicas) {
		c, err := b.replica(ctx, d, "replica-"+strconv.Itoa(i+1))
		if err != nil {
			return nil, err
		}
		fleet = append(fleet, c)
	}
	for _, n := range b.replicas {
		results = append(results, replicated{Replicas: n, Connections: n * barConns})
	}
	for i := range b.rounds + 1 {
		for at := range results {
			result := &results[at]
			turn, err := b.fleetTurn(ctx, fleet[:result.Replicas])
			if err != nil {
				return nil, err
			}
			if i > 0 { // else it warmed them up
				b.say("%d replicas, round %d of %d: %.0f/s", result.Replicas, i, b.rounds, turn.PerSecond)
				result.Rounds = append(result.Rounds, turn)
			}
		}
	}
	return results, nil
}

func (b *bench) replica(ctx context.Context, d *deployment, name string) (*contender, error) {
	s, err := d.serve(ctx, b, name, nil)
	if err == nil {
		var c *contender
		if c, err = newContender(ctx, s, d.redis, barConns); err == nil {
			return c, nil
		}
	}
	if s != nil {
		s.stop()
	}
	return nil, err
}

// fleetTurn has some replicas take their turn at once.
func (b *bench) fleetTurn(ctx context.Context, fleet []*contender) (scaled, error) {
	var conns []*connection
	for _, c := range fleet {
		conns = append(conns, c.conns...)
	}
	runtime.GC()
	before, err := readSpent(fleet)
	if err != nil {
		return scaled{}, err
	}
	began := time.Now()
	if err := run(conns, began.Add(b.length)); err != nil {
		return scaled{}, fleet[0].server.failure(err)
	}
	took := time.Since(began)
	after, err := readSpent(fleet)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return scaled{}, err
	}
	for _, c := range fleet {
		if _, err := c.verifier.checkAll(c.load); err != nil {
			return scaled{}, err
		}
	}
	all, refused := latencies(conns, nil)
	return scaled{
		PerSecond: float64(len(all)) / took.Seconds(), P99: micros(percentile(all, 0.99)), Refused: refused, shares: after.since(&before, took),
	}, nil
}
