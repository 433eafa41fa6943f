package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	readyTimeout = 30 * time.Second // for a program to start
	stopTimeout  = 10 * time.Second // for a program to end
)

// build builds both programs, or the floor alone, as a release is built: the product's
// folder may hold a profile (default.pgo), by which go build optimizes it.
func (b *bench) build(ctx context.Context) error {
	packages := []string{"github.com/cambio-sts/cambio/bench/floor"}
	if b.cambio == "" {
		b.cambio = filepath.Join(b.dir, "cambio")
		packages = append(packages, "github.com/cambio-sts/cambio/cmd/cambio")
	}
	b.say("building")
	args := append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", b.dir + string(filepath.Separator)}, packages...)
	if output, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, output)
	}
	return nil
}

// process is a running program.
type process struct {
	name    string
	log     string // file with its standard error
	cmd     *exec.Cmd
	lines   chan string // its standard output; closed at its end
	started time.Time
}

// start starts a program in a folder, with the given GOMAXPROCS. It ends with
// ctx, or by stop.
func start(ctx context.Context, dir string, procs int, path string, args ...string) (*process, error) {
	return startAs(ctx, filepath.Base(path), dir, procs, path, args...)
}

// startAs starts one of several of a program under a name of its own.
func startAs(ctx context.Context, name, dir string, procs int, path string, args ...string) (*process, error) {
	p := &process{name: name, lines: make(chan string, 16)}
	p.log = filepath.Join(dir, p.name+".log")
	log, err := os.Create(p.log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	defer func() { _ = log.Close() }() // the program has its own
	p.cmd = exec.CommandContext(ctx, path, args...)
	p.cmd.Env = append(slices.DeleteFunc(os.Environ(), configures), "GOMAXPROCS="+strconv.Itoa(procs))
	p.cmd.Dir, p.cmd.Stderr = dir, log
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = stopTimeout
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	go func() {
		defer close(p.lines)
		scanner := bufio.NewScanner(stdout)
		for scanner.Scan() {
			select {
			case p.lines <- scanner.Text():
			default: // nobody reads more than the first
			}
		}
	}()
	return p, nil
}

// configures reports whether an environment entry would change what is measured.
func configures(entry string) bool {
	return strings.HasPrefix(entry, "CAMBIO_") || strings.HasPrefix(entry, "GOMAXPROCS=") ||
		strings.HasPrefix(entry, "GOGC=") || strings.HasPrefix(entry, "GOMEMLIMIT=") || strings.HasPrefix(entry, "AUTOMEMLIMIT=") || strings.HasPrefix(entry, "GODEBUG=")
}

// line waits for a line of the program's standard output.
func (p *process) line(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	select {
	case line, ok := <-p.lines:
		if ok {
			return line, nil
		}
		return "", p.failure(errors.New("it ended before it was ready"))
	case <-ctx.Done():
		return "", p.failure(fmt.Errorf("wait until it is ready: %w", ctx.Err()))
	}
}

// failure adds what the program has complained of.
func (p *process) failure(err error) error {
	return fmt.Errorf("%s: %w; its log says\n%s", p.name, err, p.complaints())
}

// complaints returns the last few lines of the program's log that are no mere
// information.
func (p *process) complaints() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, `"level":"info"`) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-3):], "")
}

// stop ends the program and waits for that.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	kill := time.AfterFunc(stopTimeout, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	for range p.lines {
		continue // the end of the output comes before Wait may be called
	}
	_ = p.cmd.Wait() // it was told to end
}

func (p *process) pid() int { return p.cmd.Process.Pid }
