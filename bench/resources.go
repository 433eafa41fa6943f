package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// binary is the size of the product's file, in MB (10⁶ bytes).
func (b *bench) binary() (float64, error) {
	info, err := os.Stat(b.cambio)
	if err != nil {
		return 0, fmt.Errorf("size of the binary: %w", err)
	}
	return float64(info.Size()) / 1e6, nil
}

// others are servers for similar ends, by our own measurements, which no run repeats:
// another machine may give other times.
var others = [][]string{
	{"Dex, measured once", "42", "24–134", "43"},
	{"Hydra, measured once", "43", "108–175", "68–196"},
}

// printResources writes as Markdown what the product takes, beside others.
func (r *results) printResources(out io.Writer) error {
	memory := []string{fmt.Sprintf("%.0f at rest", r.Start.RSS.Median)}
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Connections == barConns {
			used := spreadBy(c.Rounds, func(r *round) float64 { return r.Cambio.RSS })
			memory = append(memory, fmt.Sprintf("%.0f with %d connections on %s", used.Median, barConns, c.Store))
		}
	}
	ready := fmt.Sprintf("%.0f–%.0f", r.Start.Ready.Min, r.Start.Ready.Max)
	_, _ = fmt.Fprintln(out) // or the table fails
	return markdown(out, []string{"", "binary, MB", "start, ms", "memory, MiB"}, append([][]string{{"cambio dev", fmt.Sprintf("%.0f", r.Binary), ready, strings.Join(memory, ", ")}}, others...))
}
