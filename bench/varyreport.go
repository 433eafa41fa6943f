package main

import (
	"fmt"
	"io"
)

// printVaried writes as Markdown what each variant costs: ratios with by without it.
func (r *results) printVaried(out io.Writer) error {
	if len(r.Varied) == 0 {
		return nil
	}
	var rows [][]string
	for i := range r.Varied {
		rows = append(rows, r.Varied[i].row())
	}
	_, _ = fmt.Fprintf(out, "\nThe product with a thing by itself without it, %d connections:\n\n", barConns) // or the table fails
	return markdown(out, []string{"Thing", "Store", "req/s", "p99", "CPU/req", "allocs/req, more", "Redis CPU/req", "load's CPU/req", "req/s with", "Bar"}, rows)
}

// ratio is the spread of a number with the thing by that without, round by round.
func (v *varied) ratio(number func(*turn) float64) spread {
	return spreadBy(v.Rounds, func(r *variedRound) float64 { return number(&r.With) / number(&r.Without) })
}

func (v *varied) row() []string {
	redisCost, bar := "", ""
	if v.Store == redis {
		redisCost = v.ratio(redisTime).ratio()
	}
	if v.Bar > 0 {
		bar = fmt.Sprintf("%.2f met", v.Bar)
		if !v.meetsBar() {
			bar = fmt.Sprintf("%.2f NOT met", v.Bar)
		}
	}
	more := spreadBy(v.Rounds, func(r *variedRound) float64 { return r.With.Allocations - r.Without.Allocations })
	served := spreadBy(v.Rounds, func(r *variedRound) float64 { return r.With.PerSecond })
	return []string{
		v.Variant, string(v.Store), v.ratio(throughput).ratio(), v.ratio(p99).ratio(), v.ratio(cpuTime).ratio(), fmt.Sprintf("%.1f", more.Median), redisCost,
		v.ratio(generator).ratio(), fmt.Sprintf("%.0f", served.Median), bar,
	}
}

func (v *varied) meetsBar() bool { return v.ratio(throughput).Median >= v.Bar }

// ratio is how a spread of ratios is printed.
func (s spread) ratio() string { return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Min, s.Max) }
