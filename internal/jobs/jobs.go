package jobs

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"
)

const (
	// term is how long a process that says nothing keeps the lease.
	term = 15 * time.Second
	// renewEvery is the time between two renewals, and between two tries to get it.
	renewEvery = term / 3
)

// errLost is why the context of a job ended.
var errLost = errors.New("the lease on background work went to another process")

// Job is work that is due again and again.
type Job struct {
	Name  string // for the log
	Every time.Duration
	Run   func(ctx context.Context) error // idempotent; ends soon after ctx
}

// Lease is what one process at a time has.
type Lease interface {
	// Hold takes the lease, or renews it, for a time, and reports whether this
	// process has it.
	Hold(ctx context.Context, name string, length time.Duration) (bool, error)
}

// Config is what a Runner needs; all of it but Logger and Ended.
type Config struct {
	Lease  Lease
	Jobs   []Job
	Now    func() time.Time
	Logger *zap.Logger // nil: silent
	// Ended is told of each run, by the name of its job; nil: nobody.
	Ended func(job string, err error)
}

// Runner runs jobs while it has the lease.
type Runner struct {
	Config

	last map[string]time.Time // when each job was last begun since the lease was got
}

// New returns a Runner; nothing runs before Run.
func New(config Config) (*Runner, error) {
	if config.Lease == nil || config.Now == nil {
		return nil, errors.New("jobs: lease and clock are needed")
	}
	for _, job := range config.Jobs {
		if job.Name == "" || job.Every <= 0 || job.Run == nil {
			return nil, errors.New("jobs: a job needs a name, an interval and something to run")
		}
	}
	if config.Logger == nil {
		config.Logger = zap.NewNop()
	}
	return &Runner{Config: config, last: map[string]time.Time{}}, nil
}

// Run runs what is due until ctx ends, and then returns nil. What fails is logged
// and due again after its interval.
func (r *Runner) Run(ctx context.Context) error {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		if r.hold(ctx) {
			r.runDue(ctx)
		} else {
			clear(r.last)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *Runner) hold(ctx context.Context) bool {
	held, err := r.Lease.Hold(ctx, "jobs", term)
	if err != nil && ctx.Err() == nil {
		r.Logger.Warn("the lease on background work cannot be had", zap.Error(err))
	}
	return held && err == nil
}

// runDue runs the jobs that are due, one after the other, as long as the lease is
// renewed meanwhile.
func (r *Runner) runDue(ctx context.Context) {
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	renewed := make(chan struct{})
	defer func() { <-renewed }()
	ctx, done := context.WithCancel(ctx)
	defer done()
	go func() {
		defer close(renewed)
		r.renew(ctx, lose)
	}()
	for _, job := range r.Jobs {
		now := r.Now()
		if last, ran := r.last[job.Name]; ctx.Err() != nil || ran && now.Sub(last) < job.Every {
			continue
		}
		r.last[job.Name] = now
		err := job.Run(ctx)
		if r.Ended != nil {
			r.Ended(job.Name, err)
		}
		if err != nil {
			r.Logger.Error("background work failed", zap.String("job", job.Name), zap.Error(errors.Join(err, context.Cause(ctx))))
		}
	}
}

// renew keeps the lease until ctx ends, or loses it.
func (r *Runner) renew(ctx context.Context, lose func(error)) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if !r.hold(ctx) {
				lose(errLost)
				return
			}
		}
	}
}
