package docs

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// serverLine is a line that starts the product in the foreground.
var serverLine = regexp.MustCompile(`^(\./cambio|cambio|go run \./cmd/cambio) (dev|serve)\b`)

// step is what runs at once: a script, or a server.
type step struct {
	text   string
	server bool
}

// steps splits the text of a fence at the lines that start a server.
func steps(text string) []step {
	var all []step
	var script strings.Builder
	flush := func() {
		if strings.TrimSpace(script.String()) != "" {
			all = append(all, step{text: script.String()})
		}
		script.Reset()
	}
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", "\\\x00")) {
		line = strings.ReplaceAll(line, "\\\x00", "\\\n")
		if serverLine.MatchString(line) {
			flush()
			all = append(all, step{text: line, server: true})
			continue
		}
		script.WriteString(line)
	}
	flush()
	return all
}

// TestCommands runs every sh fence. Each stands alone, as a reader pastes it,
// but finds the files that those before it in its document left.
func TestCommands(t *testing.T) {
	for _, d := range documents(t) {
		if !d.isManual() || !d.runs() {
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			s := newShell(t)
			printed := make([]string, len(d.fences))
			for i, f := range d.fences {
				switch {
				case f.info == "sh":
					t.Run(fmt.Sprintf("line %d", f.line), func(t *testing.T) { printed[i] = s.runFence(t, f.text) })
				case f.info == "json" && f.after >= 0 && d.fences[f.after].info == "sh":
					t.Run(fmt.Sprintf("line %d", f.line), func(t *testing.T) { requireSameMembers(t, f.text, printed[f.after]) })
				}
			}
		})
	}
}

// runs reports whether a document has a fence to run.
func (d *document) runs() bool {
	for i := range d.fences {
		if d.fences[i].info == "sh" {
			return true
		}
	}
	return false
}

// runFence runs a fence and returns what its scripts printed. A server that it
// starts is ended before what comes next, as in the one terminal it is pasted
// into.
func (s *shell) runFence(t *testing.T, text string) string {
	t.Helper()
	if strings.Contains(text, "python3 ") {
		testenv.Need(t, "python3")
	}
	printed := ""
	for _, step := range steps(text) {
		if !step.server {
			printed += s.run(t, step.text)
			continue
		}
		s.startServer(t, step.text).interrupt(t)
	}
	return printed
}

func TestSteps(t *testing.T) {
	require.Equal(t, []step{
		{text: "go build -o cambio ./cmd/cambio\n./cambio init\n"},
		{text: "./cambio serve \\\n  --config x # until Ctrl-C\n", server: true},
		{text: "cambio device\n"},
	}, steps("go build -o cambio ./cmd/cambio\n./cambio init\n./cambio serve \\\n  --config x # until Ctrl-C\ncambio device\n"))
}

// A command that fails must fail its fence.
func TestShellIsStrict(t *testing.T) {
	s := &shell{dir: t.TempDir(), bash: testenv.Need(t, "bash")}
	for script, works := range map[string]bool{
		"true": true, "false\ntrue": false, "false | cat": false, "echo $missing": false, "echo ${missing-}": true,
	} {
		_, err := s.try(t, script)
		require.Equal(t, works, err == nil, script)
	}
}
