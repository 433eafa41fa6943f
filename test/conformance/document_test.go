package conformance

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const document = "../../docs/conformance.md"

// header is that of each table in the document.
const header = "| ID | § | Lvl | Input | Required output | Status |"

// row is one row of the document.
type row struct {
	id     string
	status string
}

var rowID = regexp.MustCompile(`^C\d{3}$`)

// tested reports whether the row has a test, in whole or in part.
func (r row) tested() bool {
	return r.status == "tested" || strings.HasPrefix(r.status, "tested; pending: ")
}

// parseDocument returns the rows of the tables, in their order.
func parseDocument(t *testing.T, text string) []row {
	t.Helper()
	var rows []row
	inTable := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == header:
			inTable = true
		case !inTable, strings.HasPrefix(line, "|---"):
		case !strings.HasPrefix(line, "|"):
			inTable = false
		default:
			cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ")
			require.Len(t, cells, strings.Count(header, "|")-1, "cells of %q", line)
			require.NotContains(t, cells, "", "empty cell in %q", line)
			require.Regexp(t, rowID, cells[0])
			rows = append(rows, row{id: cells[0], status: cells[len(cells)-1]})
		}
	}
	return rows
}

// compare says how the rows and the ids that have tests disagree.
func compare(rows []row, withTest []string) []string {
	var wrong, known []string
	for _, row := range rows {
		has := slices.Contains(withTest, row.id)
		switch {
		case slices.Contains(known, row.id):
			wrong = append(wrong, row.id+" is in the document twice")
		case !row.tested() && !strings.HasPrefix(row.status, "pending: "):
			wrong = append(wrong, row.id+" has the status "+row.status+", which is none")
		case row.tested() && !has:
			wrong = append(wrong, row.id+" has no test")
		case !row.tested() && has:
			wrong = append(wrong, row.id+" is pending and has a test")
		}
		known = append(known, row.id)
	}
	for _, id := range withTest {
		if !slices.Contains(known, id) {
			wrong = append(wrong, id+" has a test and is not in the document")
		}
	}
	return wrong
}

// Every row has a test, every test a row.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	rows := parseDocument(t, string(text))
	require.Greater(t, len(rows), 100)

	var ids []string
	names := map[string]bool{}
	for _, c := range cases() {
		full := c.ID + "/" + c.Name
		require.NotEmpty(t, c.Name, c.ID)
		require.False(t, names[full], "two cases are called %s", full)
		require.NotEqual(t, c.Run == nil, len(c.Steps) == 0, "%s has either steps or a function", full)
		names[full] = true
		if !slices.Contains(ids, c.ID) {
			ids = append(ids, c.ID)
		}
	}
	require.Empty(t, compare(rows, ids))
}

// What TestDocument relies on.
func TestCompare(t *testing.T) {
	rows := parseDocument(t, "# Title\n\n| A | B |\n|---|---|\n| C900 | no |\n\n"+header+"\n|---|---|---|---|---|---|\n"+
		"| C001 | 2.1 | M | a | b | tested |\n| C002 | 2.1 | M | a | b | pending: the console |\n| C003 | – | D | a | b | tested; pending: the feed |\n")
	require.Equal(t, []row{{"C001", "tested"}, {"C002", "pending: the console"}, {"C003", "tested; pending: the feed"}}, rows)
	for name, test := range map[string]struct {
		rows     []row
		withTest []string
		wrong    []string
	}{
		"agree":                  {rows, []string{"C001", "C003"}, nil},
		"row without test":       {rows, []string{"C001"}, []string{"C003 has no test"}},
		"test without row":       {rows, []string{"C001", "C003", "C004"}, []string{"C004 has a test and is not in the document"}},
		"pending row with test":  {rows, []string{"C001", "C002", "C003"}, []string{"C002 is pending and has a test"}},
		"row twice":              {append(slices.Clone(rows), rows[0]), []string{"C001", "C003"}, []string{"C001 is in the document twice"}},
		"status that is unknown": {[]row{{"C001", "done"}}, nil, []string{"C001 has the status done, which is none"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.wrong, compare(test.rows, test.withTest)) })
	}
}
