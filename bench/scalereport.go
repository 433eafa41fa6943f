package main

import (
	"fmt"
	"io"
)

// printGrown writes as Markdown how the product does with numbers of tokens.
func (r *results) printGrown(out io.Writer) error {
	if len(r.Grown) == 0 {
		return nil
	}
	var rows [][]string
	first := map[store]*grown{}
	for _, g := range r.Grown {
		if first[g.Store] == nil {
			first[g.Store] = g
		}
		rows = append(rows, g.row(first[g.Store]))
	}
	_, _ = fmt.Fprintf(out, "\nExchanges of tokens from all over a store that holds so many, %d connections:\n\n", barConns) // or the table fails
	return markdown(out, []string{
		"Store", "Tokens", "filled in s", "bytes each", "req/s", "by the first row", "p99 ms", "CPU/req µs", "Redis CPU/req µs", "newest 250 ms", "cambio MiB", "Redis MiB",
	}, rows)
}

// row shows medians, and how throughput compares with that of another, round by round.
func (g *grown) row(other *grown) []string {
	by := func(number func(*turn) float64) float64 { return spreadBy(g.Exchanges, number).Median }
	ratios := make([]float64, len(g.Exchanges))
	for i := range ratios {
		ratios[i] = g.Exchanges[i].PerSecond / other.Exchanges[i].PerSecond
	}
	row := []string{string(g.Store), fmt.Sprint(g.Tokens), fmt.Sprintf("%.0f", g.Fill), fmt.Sprintf("%.0f", g.Bytes), fmt.Sprintf("%.0f", by(throughput)), spreadOf(ratios).ratio()}
	return append(row, fmt.Sprintf("%.2f", by(p99)/1000), fmt.Sprintf("%.0f", by(cpuTime)), fmt.Sprintf("%.0f", by(redisTime)),
		fmt.Sprintf("%.1f", spreadOf(g.Newest).Median), fmt.Sprintf("%.0f", by(func(t *turn) float64 { return t.RSS })), fmt.Sprintf("%.0f", g.RedisRSS))
}
