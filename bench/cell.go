package main

import (
	"context"
	"errors"
	"fmt"
	"time"
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
	Generator   float64 `json:"generator_cpu_us"` // of this program, which makes the load
	Allocations float64 `json:"allocations"`      // by request
	Bytes       float64 `json:"bytes"`            // allocated by request
	RSS         float64 `json:"rss_mib"`          // at the end of the turn
	Peak        float64 `json:"peak_mib"`         // until then
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
	err = b.takeTurns(ctx, fmt.Sprintf("%s, %d connections", store, conns), cambio, floor, func(cambio, floor turn) {
		result.Rounds = append(result.Rounds, round{Cambio: cambio, Floor: floor})
	})
	return result, err
}

// takeTurns has two servers take turns, and tells of each round but the first, which
// warms them up. Who had the last turn of a round has the first of the next, so that
// neither always comes after the other.
func (b *bench) takeTurns(ctx context.Context, what string, one, other *contender, each func(one, other turn)) error {
	for i := range b.rounds + 1 {
		var turns [2]turn
		for j := range turns {
			at := (i + j) % len(turns)
			c := []*contender{one, other}[at]
			var err error
			if turns[at], err = c.measure(ctx, b); err != nil {
				return err
			}
			if n := turns[at].Refused; n > 0 {
				b.say("%d answers were 503; the log of %s says\n%s", n, c.server.name, c.server.complaints())
			}
		}
		if i == 0 {
			continue
		}
		b.say("%s, round %d of %d: %s %.0f/s, %s %.0f/s, ratio %.2f", what, i, b.rounds,
			one.server.name, turns[0].PerSecond, other.server.name, turns[1].PerSecond, turns[0].PerSecond/turns[1].PerSecond)
		each(turns[0], turns[1])
	}
	return nil
}

// contender is a server with the load on it and the checks of what it answers.
type contender struct {
	*load

	verifier *verifier
	shape    shape
	beside   func(context.Context) error // goes on during its turns; nil: nothing
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
	t, err := c.turnBeside(ctx, b.length)
	if err != nil {
		return turn{}, err
	}
	found, err := c.verifier.checkAll(c.load)
	if err == nil && !found.equal(c.shape) {
		err = fmt.Errorf("answers of %s changed: %v and %v", c.server.name, c.shape, found)
	}
	return t, err
}

// turnBeside takes a turn while something else goes on.
func (c *contender) turnBeside(ctx context.Context, length time.Duration) (turn, error) {
	if c.beside == nil {
		return c.turn(ctx, length)
	}
	during, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- c.beside(during) }()
	t, err := c.turn(ctx, length)
	stop()
	return t, errors.Join(err, <-ended)
}
