package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	options, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = runBench(ctx, options, os.Stdout, os.Stderr)
	}
	if err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func runBench(ctx context.Context, o *options, stdout, progress io.Writer) (err error) {
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
	size, err := b.binary()
	if err != nil {
		return err
	}
	results := &results{Binary: size, GOMAXPROCS: o.procs, CPUs: runtime.NumCPU(), Go: runtime.Version(), Seconds: o.length.Seconds(), Start: start}
	for _, store := range o.stores {
		if err := b.measure(ctx, store, results); err != nil {
			return fmt.Errorf("%s: %w", store, err)
		}
	}
	if o.json != "" {
		if err := results.save(o.json); err != nil {
			return err
		}
	}
	return results.print(stdout)
}

// measure adds what one store is asked for to the results.
func (b *bench) measure(ctx context.Context, store store, results *results) error {
	if store == redis {
		if _, err := exec.LookPath("redis-server"); errors.Is(err, exec.ErrNotFound) {
			b.say("%v: left out", errNoRedis)
			return nil
		}
	}
	for _, conns := range b.conns {
		cell, err := b.cell(ctx, store, conns)
		if err != nil {
			return fmt.Errorf("%d connections: %w", conns, err)
		}
		results.Cells = append(results.Cells, cell)
	}
	for i := range b.options.vary {
		varied, err := b.vary(ctx, store, &b.options.vary[i])
		if err != nil {
			return fmt.Errorf("%s: %w", b.options.vary[i].name, err)
		}
		results.Varied = append(results.Varied, varied)
	}
	if store == redis && len(b.replicas) > 0 {
		var err error
		if results.Replicated, err = b.replicate(ctx); err != nil {
			return fmt.Errorf("replicas: %w", err)
		}
	}
	grown, err := b.grow(ctx, store)
	if err != nil {
		return fmt.Errorf("numbers of tokens: %w", err)
	}
	results.Grown = append(results.Grown, grown...)
	lists, err := b.listCells(ctx, store)
	results.Lists = append(results.Lists, lists...)
	return err
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
