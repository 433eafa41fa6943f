package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// root is the repository, seen from this folder.
const root = "../.."

// document is one Markdown file.
type document struct {
	name   string // path in the repository
	fences []fence
	prose  string // what is in no fence and no comment
}

// fence is one fenced block.
type fence struct {
	info  string // as after the opening ```
	line  int    // of the opening, from 1
	text  string
	after int // index of the fence that only blank lines part it from, else -1
}

// norun is the reason not to run a fence, empty for one that runs.
func (f *fence) norun() string {
	reason, _ := strings.CutPrefix(f.info, "sh norun=")
	if reason == f.info {
		return ""
	}
	return reason
}

var comment = regexp.MustCompile(`(?s)<!--.*?-->`)

// parse reads a document. A fence begins at the left margin and is closed.
func parse(t *testing.T, name, text string) document {
	t.Helper()
	d := document{name: name}
	var prose, inside strings.Builder
	var open *fence
	last, number := -1, 0
	for line := range strings.Lines(text) {
		number++
		info, isFence := strings.CutPrefix(strings.TrimRight(line, " \n"), "```")
		switch {
		case isFence && open == nil:
			open = &fence{info: info, line: number, after: last}
			inside.Reset()
		case isFence:
			require.Empty(t, info, "%s:%d: a fence in a fence", name, number)
			open.text = inside.String()
			last = len(d.fences)
			d.fences = append(d.fences, *open)
			open = nil
		case open != nil:
			inside.WriteString(line)
		default:
			require.NotContains(t, line, "```", "%s:%d: a fence away from the left margin", name, number)
			prose.WriteString(line)
			if strings.TrimSpace(line) != "" {
				last = -1
			}
		}
	}
	require.Nil(t, open, "%s: a fence is not closed", name)
	d.prose = comment.ReplaceAllString(prose.String(), "")
	return d
}

// tracked are the files of the repository, also those that are not committed
// yet; what a local run leaves is not among them.
func tracked(t *testing.T) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), testenv.Need(t, "git"), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	command.Dir = root
	output, err := command.Output()
	require.NoError(t, err, "git ls-files")
	names := strings.Split(strings.TrimRight(string(output), "\x00"), "\x00")
	return slices.DeleteFunc(names, func(name string) bool {
		info, err := os.Stat(filepath.Join(root, name))
		return err != nil || !info.Mode().IsRegular() // deleted, and not yet committed
	})
}

// documents are all Markdown files of the repository.
func documents(t *testing.T) []document {
	t.Helper()
	var found []document
	for _, name := range tracked(t) {
		if filepath.Ext(name) != ".md" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		found = append(found, parse(t, name, string(text)))
	}
	require.NotEmpty(t, found)
	return found
}

// isManual reports whether a document is for readers of the repository, not
// beside the code that it belongs to.
func (d *document) isManual() bool {
	return !strings.Contains(d.name, "/") || strings.HasPrefix(d.name, "docs/")
}

func TestParse(t *testing.T) {
	text := "# A\n\n```sh\ncambio dev\n```\n \n```json\n{}\n```\nthen <!-- `x` -->\n```sh norun=docker\ndocker\n```\n\n```\npicture\n```\n"
	d := parse(t, "a.md", text)
	require.Equal(t, []fence{
		{info: "sh", line: 3, text: "cambio dev\n", after: -1},
		{info: "json", line: 7, text: "{}\n", after: 0},
		{info: "sh norun=docker", line: 11, text: "docker\n", after: -1},
		{info: "", line: 15, text: "picture\n", after: 2},
	}, d.fences)
	require.Equal(t, "# A\n\n \nthen \n\n", d.prose)
	require.Equal(t, "docker", d.fences[2].norun())
	require.Empty(t, d.fences[0].norun())
}
