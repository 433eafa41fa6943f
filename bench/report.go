package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// The bar: what the product, with everything on, is to reach at barConns
// connections on each store, and at its start.
const (
	barConns      = 32
	barThroughput = 0.70 // of the floor's, at least
	barP99        = 1.5  // of the floor's, at most
	barReady      = 500  // milliseconds
	barRSS        = 60   // MiB
)

// results are everything that a run has measured.
type results struct {
	GOMAXPROCS int          `json:"gomaxprocs"`
	CPUs       int          `json:"cpus"`
	Go         string       `json:"go"`
	Seconds    float64      `json:"seconds"` // of a turn
	Binary     float64      `json:"binary_mb"`
	Start      startResult  `json:"start"`
	Cells      []cell       `json:"cells"`
	Lists      []listCell   `json:"lists"`
	Varied     []varied     `json:"varied"`
	Replicated []replicated `json:"replicated"`
	Grown      []*grown     `json:"grown"`
}

func (r *results) save(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(file, append(text, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("save the results: %w", err)
	}
	return nil
}

// print writes the results as Markdown.
func (r *results) print(out io.Writer) error {
	_, err := fmt.Fprintf(out, "%s, GOMAXPROCS %d of %d processors, turns of %g s.\n"+
		"Start of cambio dev: ready after %.0f ms (%.0f–%.0f, %s 500), %.0f MiB at rest (%.0f–%.0f, %s 60).\n\n",
		r.Go, r.GOMAXPROCS, r.CPUs, r.Seconds,
		r.Start.Ready.Median, r.Start.Ready.Min, r.Start.Ready.Max, below(r.Start.Ready.Median, barReady),
		r.Start.RSS.Median, r.Start.RSS.Min, r.Start.RSS.Max, below(r.Start.RSS.Median, barRSS))
	if err != nil {
		return err
	}
	return errors.Join(r.printExchanges(out), r.printResources(out), r.printLists(out), r.printVaried(out), r.printReplicated(out), r.printGrown(out))
}

func (r *results) printExchanges(out io.Writer) error {
	if len(r.Cells) == 0 {
		return nil
	}
	var ratios, values [][]string
	for i := range r.Cells {
		ratios = append(ratios, r.Cells[i].ratios())
		values = append(values, r.Cells[i].values("cambio", func(r *round) *turn { return &r.Cambio }))
		values = append(values, r.Cells[i].values("floor", func(r *round) *turn { return &r.Floor }))
	}
	if err := markdown(out, []string{"Store", "Connections", "req/s", "p50", "p99", "CPU/req", "Bar"}, ratios); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(out) // or the next table fails
	return markdown(out, []string{
		"Store", "Connections", "Server", "req/s", "503s", "p50 ms", "p99 ms", "max ms", "CPU/req µs", "Redis CPU/req µs", "load's CPU/req µs", "allocs/req", "KiB/req", "RSS MiB", "peak MiB",
	}, values)
}

func below(value, bar float64) string {
	if value < bar {
		return "under"
	}
	return "NOT under"
}

// ratio is the spread of the product's number by the floor's, round by round.
func (c *cell) ratio(number func(*turn) float64) spread {
	return spreadBy(c.Rounds, func(r *round) float64 { return number(&r.Cambio) / number(&r.Floor) })
}

func throughput(t *turn) float64 { return t.PerSecond }
func p50(t *turn) float64        { return t.P50 }
func p99(t *turn) float64        { return t.P99 }
func cpuTime(t *turn) float64    { return t.CPU }
func redisTime(t *turn) float64  { return t.RedisCPU }
func generator(t *turn) float64  { return t.Generator }

func (c *cell) ratios() []string {
	bar := ""
	if c.Connections == barConns {
		bar = "met"
		if !c.meetsBar() {
			bar = "NOT met"
		}
	}
	row := []string{string(c.Store), fmt.Sprint(c.Connections)}
	for _, number := range []func(*turn) float64{throughput, p50, p99, cpuTime} {
		row = append(row, c.ratio(number).ratio())
	}
	return append(row, bar)
}

func (c *cell) meetsBar() bool {
	return c.ratio(throughput).Median >= barThroughput && c.ratio(p99).Median <= barP99
}

// values is one server's row: medians of the rounds, but for the extremes.
func (c *cell) values(name string, of func(*round) *turn) []string {
	by := func(number func(*turn) float64) spread {
		return spreadBy(c.Rounds, func(r *round) float64 { return number(of(r)) })
	}
	refused := 0
	for i := range c.Rounds {
		refused += of(&c.Rounds[i]).Refused
	}
	return []string{
		string(c.Store), fmt.Sprint(c.Connections), name,
		fmt.Sprintf("%.0f", by(throughput).Median),
		fmt.Sprint(refused),
		fmt.Sprintf("%.2f", by(p50).Median/1000),
		fmt.Sprintf("%.2f", by(p99).Median/1000),
		fmt.Sprintf("%.1f", by(func(t *turn) float64 { return t.Max }).Max/1000),
		fmt.Sprintf("%.0f", by(cpuTime).Median),
		fmt.Sprintf("%.0f", by(redisTime).Median),
		fmt.Sprintf("%.0f", by(generator).Median),
		fmt.Sprintf("%.0f", by(func(t *turn) float64 { return t.Allocations }).Median),
		fmt.Sprintf("%.1f", by(func(t *turn) float64 { return t.Bytes }).Median/1024),
		fmt.Sprintf("%.0f", by(func(t *turn) float64 { return t.RSS }).Median),
		fmt.Sprintf("%.0f", by(func(t *turn) float64 { return t.Peak }).Max),
	}
}

func markdown(out io.Writer, header []string, rows [][]string) error {
	cells := tw.CellConfig{Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone}, Alignment: tw.CellAlignment{Global: tw.AlignRight}}
	table := tablewriter.NewTable(out, tablewriter.WithRenderer(renderer.NewMarkdown()), tablewriter.WithConfig(tablewriter.Config{Header: cells, Row: cells}))
	table.Header(header)
	if err := table.Bulk(rows); err != nil {
		return err
	}
	return table.Render()
}
