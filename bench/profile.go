package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	profileLength = 5 * time.Second
	topFive       = 5
	// owners are the functions that time is charged to: the product's and
	// fosite's, with all that they call, and what net/http and the runtime do
	// beside them.
	owners = `^github\.com/cambio-sts/|^main\.|^github\.com/ory/fosite|^net/http\.\(\*conn\)\.|^net/http\.\(\*connReader\)\.|^runtime\.(gcBgMarkWorker|bgsweep|mcall|mstart)$`
)

// profileAll prints, for each store, what the product spends its time on.
func (b *bench) profileAll(ctx context.Context, out io.Writer) error {
	for _, store := range b.stores {
		err := b.profileStore(ctx, store, out)
		if errors.Is(err, errNoRedis) {
			b.say("%v: left out", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("profile with %s: %w", store, err)
		}
	}
	return nil
}

func (b *bench) profileStore(ctx context.Context, store store, out io.Writer) (err error) {
	w, err := b.open(ctx, store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	load, err := connect(ctx, w.cambio, w.redis, barConns)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, load.close()) }()
	if err := run(load.conns, time.Now().Add(time.Second)); err != nil { // warms it up
		return err
	}
	running := make(chan error, 1)
	go func() { running <- run(load.conns, time.Now().Add(profileLength+time.Second)) }()
	times, allocations := "bench-"+string(store)+"-cpu.prof", "bench-"+string(store)+"-allocs.prof"
	profiles := w.cambio.adminURL + "/debug/pprof/"
	err = saveProfile(ctx, profiles+"profile?seconds="+strconv.Itoa(int(profileLength.Seconds())), times)
	if err := errors.Join(err, <-running); err != nil {
		return err
	}
	if err := saveProfile(ctx, profiles+"allocs", allocations); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "%s, %d connections, share of processor time\n\n", store, barConns) // or what follows fails
	if err := b.printTop(ctx, times, out); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "%s, %d connections, share of allocated bytes\n\n", store, barConns) // or what follows fails
	if err := b.printTop(ctx, allocations, out); err != nil {
		return err
	}
	b.say("%s and %s hold the whole profiles. As flame graphs:\n  go tool pprof -http=127.0.0.1: %s\n  go tool pprof -sample_index=alloc_space -http=127.0.0.1: %s",
		times, allocations, times, allocations)
	return nil
}

func saveProfile(ctx context.Context, url, file string) error {
	answer, err := get(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	profile, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(file, profile, 0o600)
}

// printTop prints the five greatest of the functions by themselves, and of the
// owners and their packages with the libraries they call.
func (b *bench) printTop(ctx context.Context, file string, out io.Writer) error {
	functions, err := b.top(ctx, file)
	if err != nil {
		return err
	}
	charged, err := b.top(ctx, file, "-show="+owners)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "packages, with the libraries they call\n%s\nfunctions of those, with the libraries they call\n%s\nfunctions by themselves\n%s\n",
		list(byPackage(charged)), list(charged), list(functions))
	return err
}

// topLine is a line of `go tool pprof -top`.
type topLine struct {
	flat float64 // share of all samples, in percent
	name string
}

func (b *bench) top(ctx context.Context, file string, options ...string) ([]topLine, error) {
	args := append([]string{"tool", "pprof", "-top", "-nodecount=100000", "-nodefraction=0"}, options...)
	command := exec.CommandContext(ctx, "go", append(args, b.cambio, file)...)
	var problems strings.Builder
	command.Stderr = &problems
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go tool pprof: %w\n%s", err, &problems)
	}
	return parseTop(string(text)), nil
}

// parseTop reads lines of six columns: flat, its share, the sum of shares,
// cumulative, its share, name.
func parseTop(text string) []topLine {
	var lines []topLine
	for line := range strings.Lines(text) {
		columns := strings.Fields(line)
		if len(columns) < 6 {
			continue
		}
		flat, err := strconv.ParseFloat(strings.TrimSuffix(columns[1], "%"), 64)
		if err == nil && strings.HasSuffix(columns[4], "%") {
			lines = append(lines, topLine{flat: flat, name: strings.Join(columns[5:], " ")})
		}
	}
	return lines
}

// byPackage adds up what the functions of each package spend themselves.
func byPackage(lines []topLine) []topLine {
	sums := map[string]float64{}
	for _, line := range lines {
		sums[packageOf(line.name)] += line.flat
	}
	var packages []topLine
	for name, sum := range sums {
		packages = append(packages, topLine{flat: sum, name: name})
	}
	return packages
}

// packageOf returns the import path in a function's name: up to the first dot
// behind the last slash that is no part of a receiver or of type arguments.
func packageOf(function string) string {
	path := function[:min(len(function), indexOr(function, "(", len(function)), indexOr(function, "[", len(function)))]
	slash := strings.LastIndexByte(path, '/') + 1
	return path[:slash+indexOr(path[slash:], ".", len(path)-slash)]
}

func indexOr(text, part string, otherwise int) int {
	if i := strings.Index(text, part); i >= 0 {
		return i
	}
	return otherwise
}

// list returns the five lines with the greatest share.
func list(lines []topLine) string {
	sorted := slices.SortedFunc(slices.Values(lines), func(a, b topLine) int {
		return cmp.Or(cmp.Compare(b.flat, a.flat), strings.Compare(a.name, b.name))
	})
	var out strings.Builder
	for _, line := range sorted[:min(topFive, len(sorted))] {
		_, _ = fmt.Fprintf(&out, "%6.1f %%  %s\n", line.flat, line.name) // a Builder takes it
	}
	return out.String()
}
