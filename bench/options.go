package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options say what is measured.
type options struct {
	rounds  int
	length  time.Duration // of each server's turn in a round
	conns   []int
	stores  []store
	procs   int // GOMAXPROCS of both servers
	cambio  string
	json    string
	profile bool
	lists   []int         // numbers of tokens
	most    time.Duration // that it may take to fill a store with them
	vary    []variant
	// replicas are numbers of them that share a Redis.
	replicas []int
	tokens   []int // numbers of them in a store, of which some are exchanged
}

func parse(args []string, stderr io.Writer) (*options, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	o := &options{}
	flags.IntVar(&o.rounds, "rounds", 5, "how often each server has its turn")
	seconds := flags.Float64("seconds", 4, "length of a turn")
	conns := flags.String("conns", "1,32,256", "numbers of connections; empty: no exchanges")
	lists := flags.String("lists", "10000,100000,1000000", "numbers of tokens to list; empty: no lists")
	flags.DurationVar(&o.most, "fill", 5*time.Minute, "how long it may take to fill a store; a number of tokens that takes longer is left out")
	stores := flags.String("store", "bolt,redis", "bolt (against a map), redis (against HMGET)")
	vary := flags.String("vary", "", "what to compare the product with and without: nothing (which shows noise), metrics, tracing, tls, http2 (by http/1.1), log")
	replicas := flags.String("replicas", "", "numbers of replicas that share a Redis, such as 1,2,4")
	tokens := flags.String("tokens", "", "numbers of tokens in a store of which many are exchanged, such as 10000,1000000; each million takes 1 GB of memory with Redis")
	flags.IntVar(&o.procs, "procs", runtime.GOMAXPROCS(0), "GOMAXPROCS of both servers")
	flags.StringVar(&o.cambio, "cambio", "", "a built binary of the product to measure, instead of this source")
	flags.StringVar(&o.json, "json", "", "file to write every round to")
	flags.BoolVar(&o.profile, "profile", false, "profile the product at 32 connections for 5 s instead, and print what costs the most")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	o.length = time.Duration(*seconds * float64(time.Second))
	if o.rounds < 1 || o.length < time.Millisecond || o.procs < 1 || flags.NArg() > 0 {
		return nil, errors.New("rounds, seconds and procs are positive, and there are no arguments but flags")
	}
	var err error
	if o.conns, err = numbers(*conns); err != nil {
		return nil, fmt.Errorf("-conns: %w", err)
	}
	if o.lists, err = numbers(*lists); err != nil {
		return nil, fmt.Errorf("-lists: %w", err)
	}
	if o.replicas, err = numbers(*replicas); err != nil {
		return nil, fmt.Errorf("-replicas: %w", err)
	}
	if o.tokens, err = numbers(*tokens); err != nil {
		return nil, fmt.Errorf("-tokens: %w", err)
	}
	if o.vary, err = variantsOf(*vary); err != nil {
		return nil, fmt.Errorf("-vary: %w", err)
	}
	for text := range strings.SplitSeq(*stores, ",") {
		if !slices.Contains([]store{bolt, redis}, store(text)) {
			return nil, fmt.Errorf("-store: %q is none; use %s and %s", text, bolt, redis)
		}
		o.stores = append(o.stores, store(text))
	}
	return o, nil
}

// numbers reads positive numbers between commas; none in an empty text.
func numbers(text string) (all []int, err error) {
	if text == "" {
		return nil, nil
	}
	for one := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(one)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no positive number", one)
		}
		all = append(all, n)
	}
	return all, nil
}
