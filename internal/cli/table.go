package cli

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// table is text in columns. Without a header each row is a name and a value.
type table struct {
	header []string
	rows   [][]string
	footer string // a line below
}

// add appends a row.
func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// addPresent appends a name and a value that is not empty.
func (t *table) addPresent(name, value string) {
	if value != "" {
		t.add(name, value)
	}
}

// render returns the table without borders or trailing blanks; whatever could
// steer a terminal is escaped.
func (t *table) render() ([]byte, error) {
	var out bytes.Buffer
	cells := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft},
		Padding:    tw.CellPadding{Global: tw.Padding{Right: "  ", Overwrite: true}},
	}
	writer := tablewriter.NewTable(
		&out,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone, Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		})),
		tablewriter.WithConfig(tablewriter.Config{Header: cells, Row: cells, Behavior: tw.Behavior{TrimSpace: tw.Off}}),
	)
	if t.header != nil {
		writer.Header(t.header)
	}
	for _, row := range t.rows {
		harmless := make([]string, len(row))
		for i, cell := range row {
			harmless[i] = printable(cell)
		}
		if err := writer.Append(harmless); err != nil {
			return nil, err
		}
	}
	if err := writer.Render(); err != nil {
		return nil, err
	}
	var text strings.Builder
	for line := range strings.Lines(out.String()) {
		text.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	if t.footer != "" {
		text.WriteString(printable(t.footer) + "\n")
	}
	return []byte(text.String()), nil
}

// cellOf returns a JSON value as a person reads it.
func cellOf(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil && string(value) != "null" {
		return text
	}
	var list []string
	if json.Unmarshal(value, &list) == nil && list != nil {
		return strings.Join(list, " ")
	}
	return string(value)
}
