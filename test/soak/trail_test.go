package soak

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lossAfterKill is what a killed process may take with it: uses that it has answered
// and not yet given to the system. Changes wait in the store.
const lossAfterKill = time.Second

// books are what the trail is compared with.
type books struct {
	recorded [][]byte        // by worker, by number of the request: events
	events   map[ending]bool // of tokens
}

// account is the outcome.
type account struct {
	Acknowledged int `json:"acknowledged"` // uses
	Recorded     int `json:"recorded"`     // events of acknowledged uses
	More         int `json:"more"`         // events of uses whose answer did not arrive
	LostByKill   int `json:"lost_by_kill"` // not recorded, acknowledged by a process within a second of its kill
	Missing      int `json:"missing"`      // not recorded, and no kill is to blame
	Twice        int `json:"twice"`        // recorded more than once
	Changes      int `json:"changes"`      // of tokens, acknowledged
	NoChange     int `json:"no_change"`    // of these not in the trail
	Bytes        int `json:"bytes"`        // of all files
	Lines        int `json:"lines"`        // of all files
}

// readBooks reads every trail.
func readBooks(t *testing.T, r *rig, workers []*worker) (*books, account) {
	t.Helper()
	b := &books{events: map[ending]bool{}}
	var a account
	for _, w := range workers {
		b.recorded = append(b.recorded, make([]byte, len(w.acked)))
	}
	for _, replica := range r.replicas {
		files, err := filepath.Glob(filepath.Join(replica.audit, "*.jsonl"))
		require.NoError(t, err)
		for _, name := range files {
			file, err := os.Open(name)
			require.NoError(t, err)
			lines := bufio.NewScanner(file)
			lines.Buffer(nil, 2*mib)
			for lines.Scan() {
				a.Lines++
				a.Bytes += len(lines.Bytes()) + 1
				b.enter(lines.Bytes())
			}
			require.NoError(t, lines.Err())
			require.NoError(t, file.Close())
		}
	}
	return b, a
}

// enter notes a line. The members are looked for, not decoded: there are millions.
func (b *books) enter(line []byte) {
	event, known := bytes.CutPrefix(member(line, "event"), []byte("PERSONAL_ACCESS_TOKEN_"))
	if !known {
		return
	}
	if string(event) != "USED" {
		b.events[ending{string(event), string(member(line, "pat_id"))}] = true
		return
	}
	trace, ours := bytes.CutPrefix(member(line, "tracking_id"), []byte(mark))
	if !ours || string(member(line, "outcome")) != "success" {
		return
	}
	worker, err := strconv.ParseUint(string(trace[:4]), 16, 16)
	number, err2 := strconv.ParseUint(string(trace[4:]), 16, 64)
	if err == nil && err2 == nil && worker < uint64(len(b.recorded)) && number < uint64(len(b.recorded[worker])) {
		b.recorded[worker][number]++
	}
}

// member returns a text member of a JSON object that has none with escapes before it.
func member(line []byte, name string) []byte {
	_, rest, _ := bytes.Cut(line, []byte(`"`+name+`":"`))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return value
}

// balance compares what was acknowledged with what is recorded.
func (b *books) balance(a account, workers []*worker, kills [][]time.Duration, changes []ending) account {
	for i, w := range workers {
		for number, at := range w.acked {
			if !w.request(number).use {
				continue
			}
			recorded := b.recorded[i][number]
			if recorded > 1 {
				a.Twice++
			}
			switch {
			case at == 0 && recorded > 0:
				a.More++
			case at == 0:
			default:
				a.Acknowledged++
				switch {
				case recorded > 0:
					a.Recorded++
				case diedWithin(time.Duration(at)*time.Millisecond, kills[w.replica]):
					a.LostByKill++
				default:
					a.Missing++
				}
			}
		}
	}
	for _, change := range changes {
		a.Changes++
		if !b.events[change] {
			a.NoChange++
		}
	}
	return a
}

// diedWithin reports whether a kill came so soon after an answer that its event may be
// lost. The answer may have been read after the kill.
func diedWithin(answered time.Duration, kills []time.Duration) bool {
	for _, kill := range kills {
		if answered > kill-lossAfterKill && answered < kill+lossAfterKill {
			return true
		}
	}
	return false
}

func (a account) faults() []string {
	var found []string
	if a.Missing > 0 {
		found = append(found, fmt.Sprintf("%d acknowledged uses are not in the trail", a.Missing))
	}
	if a.Twice > 0 {
		found = append(found, fmt.Sprintf("%d uses are in the trail twice", a.Twice))
	}
	if a.NoChange > 0 {
		found = append(found, fmt.Sprintf("%d acknowledged changes of tokens are not in the trail", a.NoChange))
	}
	return found
}
