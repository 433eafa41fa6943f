package main

import (
	"context"
	"errors"
	"fmt"
)

// turn is what one server did in one round.
type turn struct {
	Requests  int     `json:"requests"` // answered with a token
	Refused   int     `json:"refused"`  // answered 503
	PerSecond float64 `json:"per_second"`
	// Microseconds: of a request from the first byte sent to the last received,
	// and of processor time by request.
	P50         float64 `json:"p50_us"`
	P99         float64 `json:"p99_us"`
	Max         float64 `json:"max_us"`
	CPU         float64 `json:"cpu_us"`
	RedisCPU    float64 `json:"redis_cpu_us"`
	Allocations float64 `json:"allocations"` // by request
	Bytes       float64 `json:"bytes"`       // allocated by request
	RSS         float64 `json:"rss_mib"`     // at the end of the turn
	Peak        float64 `json:"peak_mib"`    // until then
}

// round is a turn of each.
type round struct {
	Cambio turn `json:"cambio"`
	Floor  turn `json:"floor"`
}

// cell is one store under one number of connections.
type cell struct {
	Store       store   `json:"store"`
	Connections int     `json:"connections"`
	Rounds      []round `json:"rounds"`
}

// cell measures one.
func (b *bench) cell(ctx context.Context, store store, conns int) (result cell, err error) {
	w, err := b.open(ctx, store)
	if err != nil {
		return cell{}, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	cambio, err := newContender(ctx, w.cambio, w.redis, conns)
	if err != nil {
		return cell{}, err
	}
	defer func() { err = errors.Join(err, cambio.close()) }()
	floor, err := newContender(ctx, w.floor, w.redis, conns)
	if err != nil {
		return cell{}, err
	}
	defer func() { err = errors.Join(err, floor.close()) }()
	if !cambio.shape.equal(floor.shape) {
		return cell{}, fmt.Errorf("cambio and floor do not do the same: %v and %v", cambio.shape, floor.shape)
	}

	result = cell{Store: store, Connections: conns}
	for i := range b.rounds + 1 {
		var r round
		if r.Cambio, err = cambio.measure(ctx, b); err != nil {
			return cell{}, err
		}
		if r.Floor, err = floor.measure(ctx, b); err != nil {
			return cell{}, err
		}
		if i == 0 {
			continue // it warmed them up
		}
		b.say("%s, %d connections, round %d of %d: cambio %.0f/s, floor %.0f/s, ratio %.2f", store, conns, i, b.rounds,
			r.Cambio.PerSecond, r.Floor.PerSecond, r.Cambio.PerSecond/r.Floor.PerSecond)
		if r.Cambio.Refused > 0 {
			b.say("%d answers were 503; the log of cambio says\n%s", r.Cambio.Refused, cambio.server.complaints())
		}
		result.Rounds = append(result.Rounds, r)
	}
	return result, nil
}

// contender is a server with the load on it and the checks of what it answers.
type contender struct {
	*load

	verifier *verifier
	shape    shape
}

func newContender(ctx context.Context, s *server, redis *process, conns int) (*contender, error) {
	verifier, err := newVerifier(ctx, s)
	if err != nil {
		return nil, err
	}
	load, err := connect(ctx, s, redis, conns)
	if err != nil {
		return nil, err
	}
	shape, err := verifier.checkAll(load)
	if err != nil {
		return nil, errors.Join(err, load.close())
	}
	return &contender{load: load, verifier: verifier, shape: shape}, nil
}

// measure takes a turn and verifies some of its answers.
func (c *contender) measure(ctx context.Context, b *bench) (turn, error) {
	t, err := c.turn(ctx, b.length)
	if err != nil {
		return turn{}, err
	}
	found, err := c.verifier.checkAll(c.load)
	if err == nil && !found.equal(c.shape) {
		err = fmt.Errorf("answers of %s changed: %v and %v", c.server.name, c.shape, found)
	}
	return t, err
}
