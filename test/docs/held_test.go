package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// held are the documents whose tables have a column heldBy: each row names what
// fails if it is not true.
var held = []string{"docs/security.md", "docs/compatibility.md"}

const heldBy = "Held by"

var (
	namedTest   = regexp.MustCompile(`^([a-z][\w./-]*) ((?:Test|Fuzz)[A-Z]\w*)$`)
	namedMutant = regexp.MustCompile(`^test/mutants (\d.*|[a-z].*)$`)
	namedRow    = regexp.MustCompile(`^C\d{3}$`)
	namedFault  = regexp.MustCompile(`^A\d{3}$`)
)

// requireHolder fails unless what a document names as a holder exists: a test with
// its package, a mutant, a row of docs/conformance.md or of test/faults that is held in full.
func requireHolder(t require.TestingT, name string) {
	switch test, mutant := namedTest.FindStringSubmatch(name), namedMutant.FindStringSubmatch(name); {
	case test != nil:
		require.True(t, hasLine(t, filepath.Join(test[1], "*_test.go"), `func `+test[2]+`\(`), "there is no test %s", name)
	case mutant != nil:
		require.True(t, hasLine(t, "test/mutants/mutants_test.go", `\t\t\{"`+regexp.QuoteMeta(mutant[1])+`", .*`), "there is no mutant %s", name)
	case namedRow.MatchString(name):
		require.True(t, hasLine(t, "docs/conformance.md", `\| `+name+` \|.*\| tested \|$`), "there is no tested row %s", name)
	case namedFault.MatchString(name):
		require.True(t, hasLine(t, "test/faults/rows_test.go", `.*"`+name+`": by\([^)]*\),`), "there is no fault %s that is held in full", name)
	default:
		require.Fail(t, "not a holder", "`%s` is none of: `package TestName`, `test/mutants name`, `C000`, `A000`", name)
	}
}

// hasLine reports whether a line of a file of the repository begins as expression says.
func hasLine(t require.TestingT, files, expression string) bool {
	names, err := filepath.Glob(filepath.Join(root, files))
	require.NoError(t, err)
	line := regexp.MustCompile(`(?m)^` + expression)
	return slices.ContainsFunc(names, func(name string) bool {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		return line.Match(text)
	})
}

// A test that is named with its package exists, whatever document names it.
func TestNamedTests(t *testing.T) {
	found := 0
	for name, texts := range spans(t) {
		for _, text := range texts {
			if namedTest.MatchString(text) {
				found++
				t.Run(name, func(t *testing.T) { requireHolder(t, text) })
			}
		}
	}
	require.NotZero(t, found)
}

// Each row of a table that says what holds it names something, and nothing that does
// not exist.
func TestEachRowIsHeld(t *testing.T) {
	all := documents(t)
	for _, name := range held {
		i := slices.IndexFunc(all, func(d document) bool { return d.name == name })
		require.GreaterOrEqual(t, i, 0, name)
		rows := lastCells(all[i].prose, heldBy)
		require.Greater(t, len(rows), 20, name)
		for _, row := range rows {
			holders := codeSpan.FindAllStringSubmatch(row.last, -1)
			require.NotEmpty(t, holders, "%s: nothing holds %q", name, row.first)
			for _, holder := range holders {
				t.Run(name+"/"+row.first, func(t *testing.T) { requireHolder(t, holder[1]) })
			}
		}
	}
}

// cells are the first and the last of a row of a table.
type cells struct{ first, last string }

// lastCells returns the rows of all tables of a text whose last column is titled so.
func lastCells(text, title string) []cells {
	var rows []cells
	wanted := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			wanted = false
			continue
		}
		row := strings.Split(strings.Trim(line, "|"), "|")
		one := cells{first: strings.TrimSpace(row[0]), last: strings.TrimSpace(row[len(row)-1])}
		switch {
		case one.last == title:
			wanted = true
		case wanted && !strings.HasPrefix(one.last, "---"):
			rows = append(rows, one)
		}
	}
	return rows
}

func TestLastCells(t *testing.T) {
	require.Equal(t, []cells{{"a", "`x`"}, {"b", ""}}, lastCells("| A | Held by |\n|---|---|\n| a | `x` |\n| b |  |\n\n| c | d |\n", heldBy))
	require.Empty(t, lastCells("| Held by | B |\n|---|---|\n| a | b |\n", heldBy))
}

// failed notes whether a requirement failed.
type failed struct{ yes bool }

// Errorf implements require.TestingT.
func (f *failed) Errorf(string, ...any) { f.yes = true }

// FailNow implements require.TestingT.
func (f *failed) FailNow() { f.yes = true }

func TestHolders(t *testing.T) {
	for name, exists := range map[string]bool{
		"test/docs TestHolders": true, "test/docs TestHolder": false, "test/doc TestHolders": false, "TestHolders": false,
		"pat FuzzParse": true, "pat FuzzPars": false, "pat/use.go": false,
		"test/mutants 3 digest": true, "test/mutants 3 dige": false, "test/mutants 12 audit": true,
		"C040": true, "C017": false, "C058": false, "A079": true, "A003": false, "A042": true, "A111": true, "C152": false,
	} {
		var f failed
		requireHolder(&f, name)
		require.Equal(t, exists, !f.yes, name)
	}
}
