package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
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
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	options, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, options, os.Stdout, os.Stderr)
	}
	if err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string, stderr io.Writer) (*options, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	o := &options{}
	flags.IntVar(&o.rounds, "rounds", 5, "how often each server has its turn")
	seconds := flags.Float64("seconds", 4, "length of a turn")
	conns := flags.String("conns", "1,32,256", "numbers of connections; empty: no exchanges")
	lists := flags.String("lists", "10000,100000,1000000", "numbers of tokens to list; empty: no lists")
	flags.DurationVar(&o.most, "fill", 5*time.Minute, "how long it may take to fill a store for the lists; a number of tokens that takes longer is left out")
	stores := flags.String("store", "bolt,redis", "bolt (against a map), redis (against HMGET)")
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

func run(ctx context.Context, o *options, stdout, progress io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "cambio-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{options: o, dir: dir, cambio: o.cambio, floor: filepath.Join(dir, "floor"), progress: progress}
	if err := b.build(ctx); err != nil {
		return err
	}
	if o.profile {
		return b.profileAll(ctx, stdout)
	}
	start, err := b.startUp(ctx)
	if err != nil {
		return err
	}
	results := &results{GOMAXPROCS: o.procs, CPUs: runtime.NumCPU(), Go: runtime.Version(), Seconds: o.length.Seconds(), Start: start}
	for _, store := range o.stores {
		for _, conns := range o.conns {
			cell, err := b.cell(ctx, store, conns)
			if errors.Is(err, errNoRedis) {
				b.say("%v: left out", err)
				continue
			}
			if err != nil {
				return fmt.Errorf("%s, %d connections: %w", store, conns, err)
			}
			results.Cells = append(results.Cells, cell)
		}
		lists, err := b.listCells(ctx, store)
		if err != nil {
			return err
		}
		results.Lists = append(results.Lists, lists...)
	}
	if o.json != "" {
		if err := results.save(o.json); err != nil {
			return err
		}
	}
	return results.print(stdout)
}

// bench is one run.
type bench struct {
	*options

	dir           string // removed at the end
	cambio, floor string // the binaries
	progress      io.Writer
}

// say tells who waits how far it is.
func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.progress, format+"\n", args...)
}
