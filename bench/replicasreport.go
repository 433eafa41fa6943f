package main

import (
	"fmt"
	"io"
)

// printReplicated writes as Markdown what replicas on one machine give together.
func (r *results) printReplicated(out io.Writer) error {
	if len(r.Replicated) == 0 {
		return nil
	}
	var rows [][]string
	for i := range r.Replicated {
		rows = append(rows, r.Replicated[i].row(&r.Replicated[0]))
	}
	_, _ = fmt.Fprintf(out, "\nReplicas that share one Redis, with %d connections each, and the processors that each kind keeps busy:\n\n", barConns) // or the table fails
	return markdown(out, []string{"Replicas", "req/s", "by the first row", "p99 ms", "503s", "cambio", "Redis", "load", "others", "idle", "limited by"}, rows)
}

// row shows medians, and how throughput compares with that of another, round by round.
func (r *replicated) row(other *replicated) []string {
	by := func(number func(*scaled) float64) float64 { return spreadBy(r.Rounds, number).Median }
	ratios, refused := make([]float64, len(r.Rounds)), 0
	for i := range r.Rounds {
		ratios[i] = r.Rounds[i].PerSecond / other.Rounds[i].PerSecond
		refused += r.Rounds[i].Refused
	}
	used := shares{
		Cambio: by(func(s *scaled) float64 { return s.Cambio }), Redis: by(func(s *scaled) float64 { return s.Redis }),
		Generator: by(func(s *scaled) float64 { return s.Generator }), Others: by(func(s *scaled) float64 { return s.Others }),
		Idle: by(func(s *scaled) float64 { return s.Idle }),
	}
	row := []string{
		fmt.Sprint(r.Replicas), fmt.Sprintf("%.0f", by(func(s *scaled) float64 { return s.PerSecond })), spreadOf(ratios).ratio(),
		fmt.Sprintf("%.2f", by(func(s *scaled) float64 { return s.P99 })/1000), fmt.Sprint(refused),
	}
	for _, cpus := range []float64{used.Cambio, used.Redis, used.Generator, used.Others, used.Idle} {
		row = append(row, fmt.Sprintf("%.2f", cpus))
	}
	return append(row, used.limit())
}
