package main

import (
	"context"
	"errors"
	"fmt"
)

// grown is one store with a number of tokens in one organization.
type grown struct {
	Store     store     `json:"store"`
	Tokens    int       `json:"tokens"`
	Fill      float64   `json:"fill_s"`
	Bytes     float64   `json:"bytes"`         // of a token, in Redis' memory or in the file
	RedisRSS  float64   `json:"redis_rss_mib"` // 0 without
	Exchanges []turn    `json:"exchanges"`
	Newest    []float64 `json:"newest_ms"` // the first page of the list, with the count of all
}

// grownWorld is one while it is measured.
type grownWorld struct {
	*grown
	*world
	*contender

	lister *lister
}

// grow measures one store with each number of tokens. All are filled first and then take
// turns. A number that takes too long to fill is left out.
func (b *bench) grow(ctx context.Context, store store) (results []*grown, err error) {
	var worlds []*grownWorld
	defer func() {
		for _, g := range worlds {
			if g.contender != nil {
				err = errors.Join(err, g.contender.close())
			}
			err = errors.Join(err, g.world.close())
		}
	}()
	for _, n := range b.tokens {
		b.say("%d tokens on %s: filling", n, store)
		g, err := b.growOne(ctx, store, n)
		if errors.Is(err, errTooLong) {
			b.say("%d tokens on %s: %v: left out; -fill gives more time", n, store, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		worlds, results = append(worlds, g), append(results, g.grown)
	}
	for _, g := range worlds { // connections that idle while a store is filled are closed
		if g.contender, err = newContender(ctx, g.cambio, g.world.redis, barConns); err != nil {
			return nil, err
		}
	}
	for i := range b.rounds + 1 {
		for _, g := range worlds {
			if err := g.round(ctx, b, i); err != nil {
				return nil, g.cambio.failure(err)
			}
		}
	}
	return results, nil
}

func (b *bench) growOne(ctx context.Context, store store, n int) (*grownWorld, error) {
	into, err := newSample(n)
	if err != nil {
		return nil, err
	}
	w, filled, err := b.openFilled(ctx, store, n, into)
	if err != nil {
		return nil, err
	}
	w.cambio.exchangeOf(into.tokens...)
	return &grownWorld{
		grown: &grown{Store: store, Tokens: n, Fill: filled.took.Seconds(), Bytes: filled.bytes}, world: w, lister: w.lister(),
	}, nil
}

// round is a turn of exchanges and one list. The first warms up.
func (g *grownWorld) round(ctx context.Context, b *bench, i int) error {
	exchanged, err := g.measure(ctx, b)
	if err != nil {
		return err
	}
	newest := listed{Name: "newest"}
	if err := g.lister.measure(ctx, &newest, 1); err != nil {
		return err
	}
	if i == 0 {
		return nil
	}
	b.say("%d tokens on %s, round %d of %d: %.0f/s, newest after %.1f ms", g.Tokens, g.Store, i, b.rounds, exchanged.PerSecond, newest.Took.Median)
	g.Exchanges, g.Newest = append(g.Exchanges, exchanged), append(g.Newest, newest.Took.Median)
	if g.world.redis != nil {
		g.RedisRSS, _, err = memory(g.world.redis.pid())
	}
	if err != nil {
		return fmt.Errorf("memory of Redis: %w", err)
	}
	return nil
}
