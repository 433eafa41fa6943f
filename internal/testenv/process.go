package testenv

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopTimeout bounds the orderly end of a program.
const stopTimeout = 20 * time.Second

// outputTimeout bounds the wait for the output of an ended program, which a
// child of it may hold open.
const outputTimeout = 5 * time.Second

// Process is a running program. Its methods may be called from any goroutine.
type Process struct {
	tb     testing.TB
	cmd    *exec.Cmd
	stdout output
	stderr output
	exited chan struct{}
}

// crash is what no program may write to its standard error, as the Go runtime
// does at the head of a line.
var crash = regexp.MustCompile(`(?m)^(WARNING: DATA RACE|panic: |fatal error: )`)

// Start starts a program, which is killed when the test ends. It inherits the
// environment but for the product's own variables, and gets env.
func Start(tb testing.TB, env []string, path string, args ...string) *Process {
	tb.Helper()
	// The context of the test would kill the program before the test's cleanup.
	cmd := exec.CommandContext(context.WithoutCancel(tb.Context()), path, args...) //nolint:gosec // tests choose what they start
	p := &Process{tb: tb, cmd: cmd, exited: make(chan struct{})}
	cmd.Env = append(slices.DeleteFunc(cmd.Environ(), isProductVariable), env...)
	cmd.WaitDelay = outputTimeout
	cmd.Stdout, cmd.Stderr = &p.stdout, &p.stderr
	if err := cmd.Start(); err != nil {
		tb.Fatalf("start %s: %v", path, err)
	}
	go func() {
		_ = cmd.Wait() // the state is in cmd.ProcessState
		close(p.exited)
	}()
	tb.Cleanup(func() {
		p.Kill()
		if found := crash.FindString(p.Stderr()); found != "" {
			tb.Errorf("%s reported %q", path, found)
		}
		if tb.Failed() {
			tb.Log(p.report())
		}
	})
	return p
}

// isProductVariable reports whether an environment entry configures the product
// or its tests: the latter's would be unknown to the former.
func isProductVariable(entry string) bool { return strings.HasPrefix(entry, "CAMBIO_") }

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stdout returns what the program has written to its standard output so far.
func (p *Process) Stdout() string { return p.stdout.String() }

// Stderr returns what the program has written to its standard error so far.
func (p *Process) Stderr() string { return p.stderr.String() }

// Exited is closed once the program has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ExitCode waits for the end of the program and returns its exit code, -1 if a
// signal ended it.
func (p *Process) ExitCode() int {
	<-p.exited
	return p.cmd.ProcessState.ExitCode()
}

// Stop asks the program to end by SIGTERM and waits for it. The test fails if
// it takes too long or reports a failure. Stopping an ended program is no error.
func (p *Process) Stop() {
	p.tb.Helper()
	if p.ended() {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may end before either
	_ = p.cmd.Process.Signal(syscall.SIGCONT) // a paused program sees the first only now
	select {
	case <-p.exited:
		if code := p.ExitCode(); code != 0 {
			p.tb.Errorf("%s ended with %s on SIGTERM", p.cmd.Path, p.cmd.ProcessState)
		}
	case <-time.After(stopTimeout):
		p.tb.Errorf("%s is still running %v after SIGTERM", p.cmd.Path, stopTimeout)
	}
	p.Kill()
}

// Kill ends the program by SIGKILL, paused or not, and waits for it. Killing an
// ended program is no error.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

// Pause stops the program in its tracks by SIGSTOP: its connections stay open
// and nothing answers. Resume lets it go on.
func (p *Process) Pause() {
	p.tb.Helper()
	p.Signal(syscall.SIGSTOP)
}

// Resume lets a paused program go on by SIGCONT.
func (p *Process) Resume() {
	p.tb.Helper()
	p.Signal(syscall.SIGCONT)
}

// Signal sends a signal. The test fails if the program has ended.
func (p *Process) Signal(signal syscall.Signal) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.tb.Errorf("send %v to %s: %v", signal, p.cmd.Path, err)
	}
}

func (p *Process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// report says how the program was started and what became of it.
func (p *Process) report() string {
	state := "still running"
	if p.ended() {
		state = p.cmd.ProcessState.String()
	}
	return fmt.Sprintf("%s: %s\n--- stdout\n%s--- stderr\n%s", strings.Join(p.cmd.Args, " "), state, p.Stdout(), p.Stderr())
}

// output collects what a program writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write never fails.
func (o *output) Write(chunk []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(chunk)
}

// String returns what has been written so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
