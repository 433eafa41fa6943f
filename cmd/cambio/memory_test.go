package main

import (
	"errors"
	"math"
	"os"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestBoundMemory(t *testing.T) {
	for name, c := range map[string]struct {
		limit memlimit.Provider
		env   string
		want  int64
		warns int
	}{
		"of its cgroup":        {memlimit.Limit(100 << 20), "", 80 << 20, 0},
		"of the environment":   {memlimit.Limit(100 << 20), "50MiB", math.MaxInt64, 0}, // the runtime has read it at its start
		"none":                 {func() (uint64, error) { return 0, memlimit.ErrNoLimit }, "", math.MaxInt64, 0},
		"without cgroups":      {func() (uint64, error) { return 0, memlimit.ErrNoCgroup }, "", math.MaxInt64, 0},
		"that nobody can tell": {func() (uint64, error) { return 0, errors.New("it cannot be read") }, "", math.MaxInt64, 1},
	} {
		t.Run(name, func(t *testing.T) {
			before, percent := debug.SetMemoryLimit(math.MaxInt64), debug.SetGCPercent(100)
			t.Cleanup(func() {
				debug.SetMemoryLimit(before)
				debug.SetGCPercent(percent)
			})
			t.Setenv("GOGC", "")
			for name, value := range map[string]string{"AUTOMEMLIMIT": "", "GOMEMLIMIT": c.env} {
				t.Setenv(name, value) // so that it is put back
				if value == "" {
					require.NoError(t, os.Unsetenv(name))
				}
			}
			core, logged := observer.New(zap.WarnLevel)
			boundMemory(c.limit, zap.New(core))
			require.Equal(t, c.warns, logged.Len())
			require.InDelta(t, c.want, debug.SetMemoryLimit(-1), 1)
			require.Equal(t, collectAt, debug.SetGCPercent(100))
		})
	}
}
