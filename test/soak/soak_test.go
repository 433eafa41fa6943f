package soak

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

var length = flag.Duration("soak", 0, "how long the soak lasts; 0 is a rehearsal")

// plan is what a soak does when.
type plan struct {
	faults   []fault
	length   time.Duration
	measure  time.Duration // of the maximum
	interval time.Duration // from fault to fault
	settle   time.Duration // after a fault, in which answers may still be 503
	sample   time.Duration // from look to look at the processes
	strict   bool          // judges answers outside of faults, and growth
}

// planned has a fault each minute, and each of them twice in a short soak.
func planned(length time.Duration) plan {
	all := allFaults()
	if length == 0 {
		quick := slices.DeleteFunc(all, func(f fault) bool { return f.long })
		return plan{faults: quick, length: 7 * time.Second, measure: 500 * time.Millisecond, interval: 100 * time.Millisecond, settle: 200 * time.Millisecond, sample: time.Second}
	}
	interval := min(time.Minute, length/time.Duration(2*len(all)+1))
	return plan{
		faults: all, length: length, measure: min(10*time.Second, length/20), interval: interval,
		settle: min(10*time.Second, interval/4), sample: min(10*time.Second, length/60), strict: true,
	}
}

// warmUp is the time by which growth is not judged: until each fault has been there once,
// caches and pools of connections fill.
func (p plan) warmUp() time.Duration { return p.interval*time.Duration(len(p.faults)) + p.settle }

// TestSoak: while everything breaks again and again, answers are right, nothing grows,
// and what was acknowledged is in the audit trail.
func TestSoak(t *testing.T) {
	p := planned(*length)
	r := newRig(t)
	began := time.Now()
	w := &window{}
	w.kind.Store(outside)
	workers := newWorkers(r, began, w)
	c := &clerk{rig: r, window: w}
	o := &outcome{plan: p}
	out := &lines{to: os.Stdout}
	if !p.strict {
		out.to = t.Output()
	}

	measure(t, o, workers)
	var all sync.WaitGroup
	ctx, stop := context.WithTimeout(t.Context(), p.length)
	defer stop()
	start := time.Now()
	var samples []sample
	all.Go(func() { drive(ctx, workers, o.offered) })
	all.Go(func() { c.work(ctx) })
	all.Go(func() { samples = watch(ctx, r, p.sample, start, func(s any) { out.write("sample", s) }) })
	o.episodes = inject(ctx, t, r, p, start, w, func(e any) { out.write("episode", e) })
	all.Wait()
	o.lasted = time.Since(start)
	for _, worker := range workers {
		worker.close()
		o.wrong = append(o.wrong, worker.wrong...)
		for _, at := range worker.strays {
			out.write("stray_ns", at-start.Sub(began))
		}
	}
	o.tallies, o.turns, o.failed, o.wrong = merge(workers), c.turns, c.failed, append(o.wrong, c.wrong...)

	o.strays = c.strays
	if calm := o.tallies[outside]; calm != nil {
		o.strays += calm.unavailable
		if p.strict && float64(o.strays) > strayShare*float64(calm.good) {
			o.wrong = append(o.wrong, fmt.Sprintf("outside of faults %d answers of %d were 503", o.strays, calm.good+calm.unavailable))
		}
	}

	o.lives = livesOf(samples)
	for _, life := range o.lives {
		if life[0].Process == r.replicas[steady].name {
			o.growth = grown(after(life, p.warmUp()))
		}
	}
	settleAudit(t, r)
	o.account = verifyTrail(t, r, workers, began, c.events)
	o.wrong = append(o.wrong, o.account.faults()...)
	out.write("growth", o.growth)
	out.write("audit", o.account)
	fmt.Fprint(out.to, o.markdown())
	o.judge(t)
}

// measure finds the maximum. What the answers were does not count in the soak.
func measure(t *testing.T, o *outcome, workers []*worker) {
	t.Helper()
	for _, length := range []time.Duration{o.plan.measure / 2, o.plan.measure} { // the first warms up
		for _, w := range workers {
			w.tallies = map[int32]*tally{}
		}
		ctx, stop := context.WithTimeout(t.Context(), length)
		drive(ctx, workers, 0)
		stop()
		o.most = float64(merge(workers)[outside].good) / length.Seconds()
	}
	o.offered = share * o.most
	for _, w := range workers {
		w.tallies = map[int32]*tally{}
		w.wrong, w.strays = slices.DeleteFunc(w.wrong, isStray), nil
	}
}

// settleAudit waits until no change awaits its way into a trail, and ends everything.
func settleAudit(t *testing.T, r *rig) {
	t.Helper()
	client := r.replicas[steady].client
	during(2 * time.Second) // the look at the outbox that a figure is of
	testenv.Wait(t, time.Minute, func() bool {
		for _, replica := range r.replicas {
			text, err := get(t.Context(), client, replica.admin+"/metrics")
			if waiting, bad := number(backlog, text); err != nil || bad != nil || waiting > 0 {
				return false
			}
		}
		return true
	})
	for _, replica := range r.replicas {
		replica.Stop()
	}
}

// verifyTrail lets the product verify each trail, and compares them with what was
// acknowledged.
func verifyTrail(t *testing.T, r *rig, workers []*worker, began time.Time, changes []ending) account {
	t.Helper()
	var kills [][]time.Duration
	for _, replica := range r.replicas {
		code, stdout, stderr := testenv.Run(t, 10*time.Minute, "audit", "verify", "--dir", replica.audit)
		require.Zero(t, code, "%s%s", stdout, stderr)
		var ofThis []time.Duration
		for _, at := range replica.kills {
			ofThis = append(ofThis, at.Sub(began))
		}
		kills = append(kills, ofThis)
	}
	b, a := readBooks(t, r, workers)
	return b.balance(a, workers, kills, changes)
}

// judge fails the test for what is wrong.
func (o *outcome) judge(t *testing.T) {
	t.Helper()
	for _, text := range o.wrong {
		if o.plan.strict || !isStray(text) {
			t.Error(text)
		}
	}
	require.Positive(t, o.account.Acknowledged)
	require.Positive(t, o.turns)
	require.NotEmpty(t, o.growth)
	for _, g := range o.growth {
		if g.Grew && o.plan.strict {
			t.Errorf("%s: %s grew from %.1f to %.1f", g.Process, g.Measure, g.First, g.Last)
		}
	}
}
