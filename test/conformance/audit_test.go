package conformance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// event is a line of the audit trail.
type event map[string]any

// auditLines returns what the audit trail holds so far.
func (w *world) auditLines(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.auditDir, "*.jsonl"))
	require.NoError(t, err)
	var lines []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		complete, _ := cutLast(string(text), "\n") // the last line may be on its way
		lines = append(lines, strings.Split(complete, "\n")...)
	}
	return lines
}

// events returns the audit events with these members.
func (w *world) events(t *testing.T, want event) []event {
	t.Helper()
	var found []event
	for _, line := range w.auditLines(t) {
		if line == "" || !mayHave(line, want) {
			continue
		}
		var e event
		require.NoError(t, json.Unmarshal([]byte(line), &e), line)
		if e.has(want) {
			found = append(found, e)
		}
	}
	return found
}

// mayHave looks for the values in a line before it is read as JSON: most are not
// meant.
func mayHave(line string, want event) bool {
	for _, value := range want {
		if text, isText := value.(string); isText && !strings.Contains(line, text) {
			return false
		}
	}
	return true
}

func (e event) has(want event) bool {
	for name, value := range want {
		if e[name] != value {
			return false
		}
	}
	return true
}

// audited waits until the trail holds an event with these members.
func (w *world) audited(t *testing.T, want event) event {
	t.Helper()
	var found []event
	testenv.Wait(t, 5*time.Second, func() bool {
		found = w.events(t, want)
		return len(found) > 0
	})
	return found[len(found)-1]
}

// traced gives a request a trace id of its own, by which the audit trail finds it.
func traced(id string) change {
	return head("Traceparent", "00-"+id+"-00f067aa0ba902b7-01")
}
