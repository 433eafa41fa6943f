package main

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is a number of connections to one server, kept open from turn to turn.
type load struct {
	server *server
	redis  *process // nil without
	conns  []*connection
	all    []time.Duration // latencies of the latest turn, in order
}

// connect opens the connections. Each has exchanged once.
func connect(ctx context.Context, s *server, redis *process, n int) (*load, error) {
	l := &load{server: s, redis: redis}
	for i := range n {
		conn, err := dial(ctx, s, i)
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		l.conns = append(l.conns, conn)
		if err := conn.turn(time.Now()); err != nil {
			return nil, errors.Join(s.failure(err), l.close())
		}
	}
	return l, nil
}

func (l *load) close() error {
	var err error
	for _, conn := range l.conns {
		err = errors.Join(err, conn.Close())
	}
	return err
}

// turn keeps every connection busy for as long as given and returns what that
// cost. Everything but the load happens before or after.
func (l *load) turn(ctx context.Context, length time.Duration) (turn, error) {
	runtime.GC()
	before, err := l.usage(ctx)
	if err != nil {
		return turn{}, err
	}
	began := time.Now()
	if err := run(l.conns, began.Add(length)); err != nil {
		return turn{}, l.server.failure(err)
	}
	took := time.Since(began)
	after, err := l.usage(ctx)
	if err != nil {
		return turn{}, err
	}
	if err := ctx.Err(); err != nil {
		return turn{}, err
	}
	var refused int
	l.all, refused = latencies(l.conns, l.all)
	n := float64(len(l.all))
	return turn{
		Requests: len(l.all), Refused: refused, PerSecond: n / took.Seconds(),
		P50: micros(percentile(l.all, 0.50)), P99: micros(percentile(l.all, 0.99)), Max: micros(l.all[len(l.all)-1]),
		CPU: micros(after.cpu-before.cpu) / n, RedisCPU: micros(after.redisCPU-before.redisCPU) / n,
		Generator:   micros(after.generatorCPU-before.generatorCPU) / n,
		Allocations: float64(after.mallocs-before.mallocs) / n, Bytes: float64(after.bytes-before.bytes) / n,
		RSS: after.rss, Peak: after.peak,
	}, nil
}

// run keeps connections busy. It ends with the first failure, or a little after the
// deadline.
func run(conns []*connection, deadline time.Time) error {
	var group errgroup.Group
	for _, conn := range conns {
		group.Go(func() error { return conn.turn(deadline) })
	}
	return group.Wait()
}

// latencies returns those of the latest turn, in order, in the memory given, and how many
// answers were 503.
func latencies(conns []*connection, memory []time.Duration) (all []time.Duration, refused int) {
	all = memory[:0]
	for _, conn := range conns {
		all = append(all, conn.latencies...)
		refused += conn.refused
	}
	slices.Sort(all)
	return all, refused
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
