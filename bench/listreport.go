package main

import (
	"fmt"
	"io"
)

// printLists writes the times of the lists as Markdown: a row for each list, a column
// for each store and number of tokens.
func (r *results) printLists(out io.Writer) error {
	if len(r.Lists) == 0 {
		return nil
	}
	header, rows := []string{"List, median ms (most)"}, make([][]string, len(r.Lists[0].Lists)+2)
	for i := range r.Lists[0].Lists {
		rows[i] = []string{r.Lists[0].Lists[i].Name}
	}
	beside := len(rows) - 2
	rows[beside], rows[beside+1] = []string{"exchange, p99 ms"}, []string{"exchange while all is sorted by name, p99 ms"}
	for i := range r.Lists {
		cell := &r.Lists[i]
		header = append(header, fmt.Sprintf("%s, %d", cell.Store, cell.Tokens))
		for at := range cell.Lists {
			took := &cell.Lists[at].Took
			rows[at] = append(rows[at], fmt.Sprintf("%.1f (%.1f)", took.Median, took.Max))
		}
		rows[beside] = append(rows[beside], fmt.Sprintf("%.1f", cell.Alone.Median/1000))
		rows[beside+1] = append(rows[beside+1], fmt.Sprintf("%.1f", cell.Between.Median/1000))
	}
	_, _ = fmt.Fprint(out, "\nLists of 250 with the count of all, creations, and pages of the console with 30:\n\n") // or the table fails
	return markdown(out, header, rows)
}
