package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	starts = 5 // how often the product is started
	// rest is the time after which a started product has nothing left to do.
	rest = time.Second
)

// startResult is how `cambio dev` starts, in a new folder.
type startResult struct {
	Ready spread `json:"ready_ms"` // from the start of the process until it says so
	RSS   spread `json:"rss_mib"`  // at rest
}

// startUp starts the product a few times.
func (b *bench) startUp(ctx context.Context) (startResult, error) {
	var readies, sizes []float64
	for range starts {
		took, size, err := b.startOnce(ctx)
		if err != nil {
			return startResult{}, err
		}
		b.say("start: ready after %v, %.0f MiB", took.Round(time.Millisecond), size)
		readies = append(readies, float64(took)/float64(time.Millisecond))
		sizes = append(sizes, size)
	}
	return startResult{Ready: spreadOf(readies), RSS: spreadOf(sizes)}, nil
}

func (b *bench) startOnce(ctx context.Context) (took time.Duration, size float64, err error) {
	dir, err := os.MkdirTemp(b.dir, "start-")
	if err != nil {
		return 0, 0, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	process, err := start(ctx, dir, b.procs, b.cambio, devArgs(dir)...)
	if err != nil {
		return 0, 0, err
	}
	defer process.stop()
	if _, err := process.line(ctx); err != nil {
		return 0, 0, err
	}
	took = time.Since(process.started)
	select {
	case <-time.After(rest):
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	size, _, err = memory(process.pid())
	return took, size, err
}
