package jobs_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cambio-sts/cambio/internal/jobs"
)

// lease is one that several processes want.
type lease struct {
	mu     sync.Mutex
	holder string
	until  time.Time
	down   bool
}

// of is the lease as one process sees it.
func (l *lease) of(process string) jobs.Lease { return &seen{l, process} }

type seen struct {
	*lease

	process string
}

func (s *seen) Hold(_ context.Context, _ string, length time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return false, errors.New("down")
	}
	if s.holder != s.process && time.Now().Before(s.until) {
		return false, nil
	}
	s.holder, s.until = s.process, time.Now().Add(length)
	return true, nil
}

func (l *lease) set(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
}

func start(t *testing.T, config jobs.Config) (stop func()) {
	t.Helper()
	config.Now = time.Now
	runner, err := jobs.New(config)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

// One of several processes runs a job, at its interval; when it ends, another does.
func TestOneRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &lease{}
		var mu sync.Mutex
		runs := map[string]int{}
		process := func(name string) func() {
			return start(t, jobs.Config{Lease: shared.of(name), Jobs: []jobs.Job{{Name: "count", Every: time.Minute, Run: func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				runs[name]++
				return nil
			}}}})
		}
		first := process("first")
		synctest.Wait()
		second := process("second")
		time.Sleep(10*time.Minute - time.Second)
		mu.Lock()
		require.Equal(t, map[string]int{"first": 10}, runs)
		mu.Unlock()
		first()
		time.Sleep(time.Minute)
		mu.Lock()
		require.Equal(t, 10, runs["first"])
		require.Positive(t, runs["second"], "it took over within a term")
		mu.Unlock()
		second()
	})
}

// A job ends with the lease, and what failed is told and done again.
func TestLostLeaseEndsTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.ErrorLevel)
		shared := &lease{}
		var began, ended, told atomic.Int64
		tell := func(job string, err error) {
			if job == "long" && err != nil {
				told.Add(1)
			}
		}
		stop := start(t, jobs.Config{Lease: shared.of("one"), Logger: zap.New(core), Ended: tell, Jobs: []jobs.Job{{Name: "long", Every: time.Minute, Run: func(ctx context.Context) error {
			began.Add(1)
			<-ctx.Done()
			ended.Add(1)
			return ctx.Err()
		}}}})
		time.Sleep(time.Hour)
		require.EqualValues(t, 1, began.Load(), "it is renewed for as long as the job takes")
		require.Zero(t, ended.Load())
		shared.set(true)
		time.Sleep(time.Minute)
		require.EqualValues(t, 1, ended.Load())
		require.EqualValues(t, 1, told.Load())
		require.Equal(t, 1, logs.Len())
		require.Contains(t, logs.All()[0].ContextMap()["error"], "went to another process")
		shared.set(false)
		time.Sleep(time.Minute)
		require.EqualValues(t, 2, began.Load())
		stop()
		require.EqualValues(t, 2, ended.Load())
	})
}

func TestNewRefuses(t *testing.T) {
	run := func(context.Context) error { return nil }
	for name, config := range map[string]jobs.Config{
		"no lease":    {Now: time.Now},
		"no clock":    {Lease: (&lease{}).of("")},
		"no name":     {Lease: (&lease{}).of(""), Now: time.Now, Jobs: []jobs.Job{{Every: 1, Run: run}}},
		"no interval": {Lease: (&lease{}).of(""), Now: time.Now, Jobs: []jobs.Job{{Name: "x", Run: run}}},
		"nothing":     {Lease: (&lease{}).of(""), Now: time.Now, Jobs: []jobs.Job{{Name: "x", Every: 1}}},
	} {
		_, err := jobs.New(config)
		require.Error(t, err, name)
	}
}
