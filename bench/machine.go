package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// machine is what all processors have done since the start of the system.
type machine struct{ busy, idle time.Duration }

func readMachine() (machine, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return machine{}, fmt.Errorf("read what the processors do, which takes Linux: %w", err)
	}
	return parseMachine(string(text))
}

// parseMachine reads the first line of /proc/stat (proc(5)): user, nice, system, idle,
// iowait, irq, softirq, steal, and guests, which are in user. Who waits for a disk leaves
// the processor idle; what the host takes away is as good as busy.
func parseMachine(text string) (machine, error) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return machine{}, fmt.Errorf("stat of the system: %q", line)
	}
	var m machine
	var problems error
	for i, field := range fields[1:9] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		problems = errors.Join(problems, err)
		if i == 3 || i == 4 {
			m.idle += time.Duration(ticks) * tick
		} else {
			m.busy += time.Duration(ticks) * tick
		}
	}
	return m, problems
}
