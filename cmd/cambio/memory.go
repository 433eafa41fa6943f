package main

import (
	"errors"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"go.uber.org/zap"
)

const (
	// collectAt is GOGC unless the environment has one. What lives is some MiB and
	// what a request leaves some KiB: collecting seldom costs little memory.
	collectAt = 400
	// memoryShare of what the process may use is GOMEMLIMIT unless the environment has
	// one: the collector runs more often rather than that the kernel ends the process. The
	// rest is for what is not its own, such as the pages of a store's file.
	memoryShare = 0.8
)

// boundMemory tells the collector when to run. limit says how many bytes the process may
// use: its cgroup's bound, as containers and systemd set it.
func boundMemory(limit memlimit.Provider, logger *zap.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	_, err := memlimit.Set(memlimit.WithProvider(limit), memlimit.WithRatio(memoryShare))
	if err != nil && !errors.Is(err, memlimit.ErrNoCgroup) && !errors.Is(err, memlimit.ErrCgroupsNotSupported) {
		logger.Warn("how much memory this process may use is not known: set GOMEMLIMIT", zap.Error(err))
	}
}
