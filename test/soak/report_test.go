package soak

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// lines writes JSON lines. It is safe for concurrent use.
type lines struct {
	mu sync.Mutex
	to io.Writer
}

func (l *lines) write(kind string, value any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, err := json.Marshal(map[string]any{kind: value})
	if err != nil {
		text = fmt.Appendf(nil, "%q", err)
	}
	_, _ = fmt.Fprintf(l.to, "%s\n", text) // what cannot be shown is judged all the same
}

// outcome is all that was found.
type outcome struct {
	plan     plan
	most     float64 // requests a second, measured
	offered  float64
	lasted   time.Duration
	tallies  map[int32]*tally
	episodes []episode
	growth   []growth // of the process that lives all the time
	lives    [][]sample
	account  account
	turns    int
	failed   int
	strays   int // 503 outside of faults
	wrong    []string
}

func (o *outcome) markdown() string {
	var out strings.Builder
	row := func(cells ...any) {
		for _, cell := range cells {
			fmt.Fprintf(&out, "| %v ", cell)
		}
		out.WriteString("|\n")
	}
	good, shed := 0, 0
	for _, t := range o.tallies {
		good, shed = good+t.good, shed+t.shed
	}
	fmt.Fprintf(&out, "\nSoak of %v: %d connections, most %.0f requests a second, %.0f offered, %.0f served; %d due while nobody answered were not sent.\n",
		o.lasted.Round(time.Second), connections, o.most, o.offered, float64(good)/o.lasted.Seconds(), shed)
	fmt.Fprintf(&out, "Beside them %d tokens were made and ended, %d times a fault was in the way. Outside of faults %d answers were 503.\n\n", o.turns, o.failed, o.strays)
	row("While", "times", "200", "503", "no answer", "late", "p50 ms", "p99 ms", "max ms", "served again after, s: median (most)")
	out.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for kind := int32(outside); int(kind) < len(o.plan.faults); kind++ {
		t := o.tallies[kind]
		if t == nil {
			continue
		}
		name, again, times := "no fault", "", ""
		if kind != outside {
			name = o.plan.faults[kind].name
			again, times = o.recovery(name)
		}
		row(name, times, t.good, t.unavailable, t.broken, t.late, ms(t.times.quantile(0.5)), ms(t.times.quantile(0.99)), ms(t.times.most), again)
	}
	out.WriteString("\n")
	row("The process that was never restarted", "first third", "last third")
	out.WriteString("|---|---:|---:|\n")
	for _, g := range o.growth {
		row(g.Measure, fmt.Sprintf("%.1f", g.First), fmt.Sprintf("%.1f", g.Last))
	}
	out.WriteString("\n")
	row("Process", "seconds", "goroutines", "open files", "heap MiB", "RSS MiB")
	out.WriteString("|---|---:|---:|---:|---:|---:|\n")
	for _, life := range o.lives {
		a, z := life[0], life[len(life)-1]
		cell := func(from, to float64) string { return fmt.Sprintf("%.0f → %.0f", from, to) }
		row(a.Process, cell(a.At.Seconds(), z.At.Seconds()), cell(a.Goroutines, z.Goroutines), cell(a.Files, z.Files), cell(a.Heap, z.Heap), cell(a.RSS, z.RSS))
	}
	a := o.account
	fmt.Fprintf(&out, "\nAudit: %d uses acknowledged, %d recorded, %d lost with a killed process (answered within a second of that), %d missing, %d twice; %d more whose answer did not arrive.\n"+
		"%d changes of tokens acknowledged, %d missing. %d lines, %.0f MiB; `cambio audit verify` finds every trail whole.\n",
		a.Acknowledged, a.Recorded, a.LostByKill, a.Missing, a.Twice, a.More, a.Changes, a.NoChange, a.Lines, float64(a.Bytes)/mib)
	for _, text := range o.wrong {
		fmt.Fprintf(&out, "\nWRONG: %s\n", text)
	}
	return out.String()
}

// recovery says how soon answers were 200 again.
func (o *outcome) recovery(name string) (again, times string) {
	var all []time.Duration
	for _, e := range o.episodes {
		if e.Fault == name {
			all = append(all, e.Recovered)
		}
	}
	if len(all) == 0 {
		return "", ""
	}
	slices.SortFunc(all, cmp.Compare)
	return fmt.Sprintf("%.1f (%.1f)", all[len(all)/2].Seconds(), all[len(all)-1].Seconds()), fmt.Sprint(len(all))
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)) }
