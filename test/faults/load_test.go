package faults

import (
	"sync"
	"testing"
	"time"
)

// sample is one request under load.
type sample struct {
	start, end time.Time
	answer
	err error
}

// load is requests from several connections, one after the other on each.
type load struct {
	done    chan struct{}
	all     sync.WaitGroup
	mu      sync.Mutex
	samples []sample
}

// startLoad calls do from n goroutines until stop.
func startLoad(n int, do func(worker int) (answer, error)) *load {
	l := &load{done: make(chan struct{})}
	for worker := range n {
		l.all.Go(func() {
			var mine []sample
			for {
				select {
				case <-l.done:
					l.mu.Lock()
					defer l.mu.Unlock()
					l.samples = append(l.samples, mine...)
					return
				default:
				}
				s := sample{start: time.Now()}
				s.answer, s.err = do(worker)
				s.end = time.Now()
				mine = append(mine, s)
			}
		})
	}
	return l
}

// stop waits for the requests in flight and returns all.
func (l *load) stop() []sample {
	close(l.done)
	l.all.Wait()
	return l.samples
}

// exchanging is load of exchanges of one token.
func exchanging(t *testing.T, d door, n int, token string) *load {
	t.Helper()
	return startLoad(n, func(int) (answer, error) { return d.tryExchange(t, token) })
}

// during waits until d has passed, in which load goes on: what is looked at is
// how the time is spent.
func during(d time.Duration) { <-time.After(d) }

// within returns the samples that began at from or later and before to.
func within(samples []sample, from, to time.Time) []sample {
	var found []sample
	for _, s := range samples {
		if !s.start.Before(from) && s.start.Before(to) {
			found = append(found, s)
		}
	}
	return found
}

// ended returns the samples that ended before to.
func ended(samples []sample, to time.Time) []sample {
	var found []sample
	for _, s := range samples {
		if s.end.Before(to) {
			found = append(found, s)
		}
	}
	return found
}

// together calls do n times at once and returns what came back.
func together(n int, do func(i int) (answer, error)) []sample {
	samples := make([]sample, n)
	var all sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-gate
			samples[i].start = time.Now()
			samples[i].answer, samples[i].err = do(i)
			samples[i].end = time.Now()
		})
	}
	close(gate)
	all.Wait()
	return samples
}

// statuses counts samples by status; 0 is for those without an answer.
func statuses(samples []sample) map[int]int {
	found := map[int]int{}
	for _, s := range samples {
		found[s.status]++
	}
	return found
}
