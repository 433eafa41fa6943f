package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sample is what a process takes at a moment.
type sample struct {
	Process    string        `json:"process"`
	PID        int           `json:"pid"`
	At         time.Duration `json:"at_ns"` // of the run
	Goroutines float64       `json:"goroutines"`
	Files      float64       `json:"files"`
	Heap       float64       `json:"heap_mib"` // after a collection
	RSS        float64       `json:"rss_mib"`
}

const mib = 1 << 20

// watch takes samples of every process until ctx ends.
func watch(ctx context.Context, r *rig, every time.Duration, began time.Time, report func(any)) []sample {
	var all []sample
	client := &http.Client{Timeout: patience}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		for _, replica := range r.replicas {
			if !replica.lock.TryLock() {
				continue // it is being replaced
			}
			s, err := look(ctx, client, replica)
			replica.lock.Unlock()
			if err != nil {
				continue // a later one comes
			}
			s.At = time.Since(began)
			all = append(all, s)
			report(s)
		}
		select {
		case <-ctx.Done():
			return all
		case <-ticker.C:
		}
	}
}

func look(ctx context.Context, client *http.Client, r *replica) (sample, error) {
	s := sample{Process: r.name, PID: r.PID()}
	metrics, err := get(ctx, client, r.admin+"/metrics")
	if err != nil {
		return s, err
	}
	// It collects first. Its HeapAlloc is of then.
	heap, err := get(ctx, client, r.admin+"/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		return s, err
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.PID))
	if err != nil {
		return s, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID))
	if err != nil {
		return s, err
	}
	s.Files = float64(len(files))
	s.Goroutines, err = number(goroutines, metrics)
	bytes, heapErr := number(heapAlloc, heap)
	kib, rssErr := number(vmRSS, string(status))
	s.Heap, s.RSS = bytes/mib, kib/1024
	return s, errors.Join(err, heapErr, rssErr)
}

var (
	goroutines = regexp.MustCompile(`(?m)^go_goroutines (\S+)$`)
	heapAlloc  = regexp.MustCompile(`(?m)^# HeapAlloc = (\d+)$`)
	vmRSS      = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)
	backlog    = regexp.MustCompile(`(?m)^cambio_outbox_backlog_events (\S+)$`)
)

func number(pattern *regexp.Regexp, text string) (float64, error) {
	found := pattern.FindStringSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("nothing matches %s", pattern)
	}
	return strconv.ParseFloat(found[1], 64)
}

func get(ctx context.Context, client *http.Client, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(answer.Body)
	return string(text), errors.Join(err, answer.Body.Close())
}

// gauge is one of the numbers that must not grow.
type gauge struct {
	name string
	of   func(sample) float64
	more float64 // than a tenth: so much is no growth
}

var gauges = []gauge{
	{"goroutines", func(s sample) float64 { return s.Goroutines }, 10},
	{"open files", func(s sample) float64 { return s.Files }, 10},
	{"heap after a collection, MiB", func(s sample) float64 { return s.Heap }, 8},
	{"RSS, MiB", func(s sample) float64 { return s.RSS }, 16},
}

// growth compares the median of the first third of samples with that of the last.
type growth struct {
	Process string  `json:"process"`
	Measure string  `json:"measure"`
	Samples int     `json:"samples"`
	First   float64 `json:"first"`
	Last    float64 `json:"last"`
	Grew    bool    `json:"grew"`
}

// grown judges the samples of one process, in order.
func grown(samples []sample) []growth {
	var all []growth
	third := len(samples) / 3
	if third == 0 {
		return nil
	}
	for _, m := range gauges {
		g := growth{
			Process: samples[0].Process, Measure: m.name, Samples: len(samples),
			First: median(samples[:third], m.of), Last: median(samples[len(samples)-third:], m.of),
		}
		g.Grew = g.Last > g.First*1.1+m.more
		all = append(all, g)
	}
	return all
}

func median(samples []sample, of func(sample) float64) float64 {
	var values []float64
	for _, s := range samples {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// livesOf sorts samples by process: those of the one that lives all the time are the
// longest.
func livesOf(samples []sample) [][]sample {
	var lives [][]sample
	at := map[int]int{}
	for _, s := range samples {
		i, known := at[s.PID]
		if !known {
			i = len(lives)
			at[s.PID] = i
			lives = append(lives, nil)
		}
		lives[i] = append(lives[i], s)
	}
	slices.SortStableFunc(lives, func(a, b []sample) int { return strings.Compare(b[0].Process, a[0].Process) })
	return lives
}

// after returns the samples from a moment on.
func after(samples []sample, from time.Duration) []sample {
	return slices.DeleteFunc(slices.Clone(samples), func(s sample) bool { return s.At < from })
}
