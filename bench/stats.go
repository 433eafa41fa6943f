package main

import (
	"math"
	"slices"
	"time"
)

// percentile returns the smallest of the sorted durations that at least the
// share q of them, 0 to 1, does not exceed (nearest rank); 0 for none.
func percentile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// spread is the median of some values, and the least and the greatest of them.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// spreadOf returns the spread of at least one value. Between two middle values
// lies their mean.
func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + median) / 2
	}
	return spread{Median: median, Min: sorted[0], Max: sorted[len(sorted)-1]}
}

// spreadBy returns the spread of one number of each item.
func spreadBy[T any](items []T, number func(*T) float64) spread {
	values := make([]float64, len(items))
	for i := range items {
		values[i] = number(&items[i])
	}
	return spreadOf(values)
}
