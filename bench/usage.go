package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is what a server has used since its start.
type usage struct {
	cpu, redisCPU  time.Duration
	generatorCPU   time.Duration // of this program
	mallocs, bytes uint64
	rss, peak      float64 // MiB, now
}

// tick is the unit of processor times in /proc on Linux, whatever the kernel's
// own clock is.
const tick = 10 * time.Millisecond

func (l *load) usage(ctx context.Context) (usage, error) {
	var u usage
	var err error
	if u.mallocs, u.bytes, err = memStats(ctx, l.server.adminURL); err != nil {
		return u, err
	}
	if u.rss, u.peak, err = memory(l.server.pid()); err != nil {
		return u, err
	}
	if l.redis != nil {
		if u.redisCPU, err = cpu(l.redis.pid()); err != nil {
			return u, err
		}
	}
	if u.generatorCPU, err = ownCPU(); err != nil {
		return u, err
	}
	u.cpu, err = cpu(l.server.pid())
	return u, err
}

// ownCPU returns the processor time of this program.
func ownCPU() (time.Duration, error) {
	var used syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), err
}

// cpu returns the processor time of all threads of a process.
func cpu(pid int) (time.Duration, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, fmt.Errorf("read the processor time, which takes Linux: %w", err)
	}
	return parseStat(string(text))
}

// parseStat reads utime and stime (proc(5)): fields 14 and 15, of which the
// second, in parentheses, may hold anything.
func parseStat(text string) (time.Duration, error) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("stat of a process: %q", text)
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err, err2)
}

// memory returns the resident memory of a process and its peak, in MiB.
func memory(pid int) (rss, peak float64, err error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, 0, fmt.Errorf("read the resident memory, which takes Linux: %w", err)
	}
	return parseStatus(string(text))
}

// parseStatus reads VmRSS and VmHWM (proc(5)).
func parseStatus(text string) (rss, peak float64, err error) {
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		kib, parseErr := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
		switch name {
		case "VmRSS":
			rss, err = kib/1024, errors.Join(err, parseErr)
		case "VmHWM":
			peak, err = kib/1024, errors.Join(err, parseErr)
		}
	}
	if rss == 0 || peak == 0 {
		err = errors.Join(err, fmt.Errorf("status of a process without VmRSS or VmHWM: %q", text))
	}
	return rss, peak, err
}

// memStats reads, from the profile of allocations, how many objects and bytes
// were allocated since the start: the runtime's own count, not samples.
func memStats(ctx context.Context, adminURL string) (mallocs, bytes uint64, err error) {
	answer, err := get(ctx, adminURL+"/debug/pprof/allocs?debug=1")
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	scanner := bufio.NewScanner(answer.Body)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		name, value, _ := strings.Cut(scanner.Text(), " = ")
		switch name {
		case "# Mallocs":
			mallocs, err = strconv.ParseUint(value, 10, 64)
		case "# TotalAlloc":
			bytes, err = strconv.ParseUint(value, 10, 64)
		}
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return 0, 0, err
	}
	if mallocs == 0 || bytes == 0 {
		return 0, 0, errors.New("the profile of allocations has no counts")
	}
	return mallocs, bytes, nil
}

// get asks for a page, which must be there.
func get(ctx context.Context, url string) (*http.Response, error) {
	return getBy(ctx, http.DefaultClient, url)
}

func getBy(ctx context.Context, client *http.Client, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Close = true // nothing of it stays in a server that is measured
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		_ = answer.Body.Close()
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return answer, nil
}
