package testenv

import (
	"math"
	"testing"
)

// Allocations returns how many allocations one call of do makes, without what other
// goroutines of the process happen to allocate meanwhile: it is the least of some runs. With
// the race detector there are a few more.
func Allocations(tb testing.TB, do func()) float64 {
	tb.Helper()
	least := math.Inf(1)
	for range 10 {
		least = min(least, testing.AllocsPerRun(20, do))
	}
	return least
}
