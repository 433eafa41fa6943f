package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// variant is one thing that the product does or does not do.
type variant struct {
	name string
	// bar is the least part of the throughput without it that there is to be with it; 0: none.
	bar           float64
	with, without settings
}

// settings is how one of the two servers of a comparison is run.
type settings struct {
	flags    []string
	protocol string // by TLS; empty: HTTP/1.1 without
	scraped  bool   // each second, many times as often as a usual Prometheus
	traced   bool   // one request in a hundred, to a collector that takes everything
}

// variants are all that can be compared. The first is no difference: what it shows is noise.
var variants = []variant{
	{name: "nothing"},
	{name: "metrics", bar: 0.95, with: settings{scraped: true}, without: settings{flags: []string{"--telemetry-metrics=false"}}},
	{name: "tracing", bar: 0.97, with: settings{traced: true}},
	{name: "tls", bar: 0.85, with: settings{protocol: protocolHTTP1}},
	{name: "http2", with: settings{protocol: protocolHTTP2}, without: settings{protocol: protocolHTTP1}},
	{name: "log", without: settings{flags: []string{"--log-requests=none"}}},
}

// variantsOf reads names between commas.
func variantsOf(text string) (found []variant, err error) {
	if text == "" {
		return nil, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		i := slices.IndexFunc(variants, func(v variant) bool { return v.name == name })
		if i < 0 {
			var all []string
			for _, v := range variants {
				all = append(all, v.name)
			}
			return nil, fmt.Errorf("%q is none; use %s", name, strings.Join(all, ", "))
		}
		found = append(found, variants[i])
	}
	return found, nil
}

// variedRound is a turn of the product with a thing, and one without it.
type variedRound struct {
	With    turn `json:"with"`
	Without turn `json:"without"`
}

// varied is what a variant costs.
type varied struct {
	Variant     string        `json:"variant"`
	Bar         float64       `json:"bar,omitempty"`
	Store       store         `json:"store"`
	Connections int           `json:"connections"`
	Rounds      []variedRound `json:"rounds"`
}

// vary measures one. Each server has a deployment of its own.
func (b *bench) vary(ctx context.Context, store store, v *variant) (result varied, err error) {
	with, end, err := b.contend(ctx, store, "with", &v.with)
	defer func() { err = errors.Join(err, end()) }()
	if err != nil {
		return varied{}, err
	}
	without, endOther, err := b.contend(ctx, store, "without", &v.without)
	defer func() { err = errors.Join(err, endOther()) }()
	if err != nil {
		return varied{}, err
	}
	if !with.shape.equal(without.shape) {
		return varied{}, fmt.Errorf("with and without %s is not the same: %v and %v", v.name, with.shape, without.shape)
	}
	result = varied{Variant: v.name, Bar: v.bar, Store: store, Connections: barConns}
	err = b.takeTurns(ctx, v.name+", "+string(store), with, without, func(with, without turn) {
		result.Rounds = append(result.Rounds, variedRound{With: with, Without: without})
	})
	return result, err
}

// contend starts the product with settings, and the load on it. What end ends is what
// was begun, whatever err is.
func (b *bench) contend(ctx context.Context, store store, name string, how *settings) (c *contender, end func() error, err error) {
	var ends []func() error
	end = func() (err error) {
		for _, end := range slices.Backward(ends) {
			err = errors.Join(err, end())
		}
		return err
	}
	d, err := b.deploy(ctx, store)
	ends = append(ends, d.close)
	if err != nil {
		return nil, end, err
	}
	flags := slices.Clone(how.flags)
	var secured *tls.Config
	if how.protocol != "" {
		if secured, err = certify(d.dir, how.protocol); err != nil {
			return nil, end, err
		}
		flags = append(flags, "--listen-tls-cert", certificateFile, "--listen-tls-key", keyFile)
	}
	if how.traced {
		collector, err := startCollector(ctx)
		if err != nil {
			return nil, end, err
		}
		ends = append(ends, collector.close)
		flags = append(flags, "--telemetry-traces-endpoint", collector.url, "--telemetry-traces-ratio", "0.01")
	}
	s, err := d.serve(ctx, b, name, secured, flags...)
	if s != nil {
		ends = append(ends, func() error { s.stop(); return nil })
	}
	if err != nil {
		return nil, end, err
	}
	if c, err = newContender(ctx, s, d.redis, barConns); err != nil {
		return nil, end, err
	}
	ends = append(ends, c.close)
	if how.scraped {
		c.beside = scraper(s.adminURL + "/metrics")
	}
	return c, end, nil
}
