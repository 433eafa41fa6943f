package metrics

import "strings"

// Reference returns the table of all metrics as Markdown, for docs/metrics.md.
func Reference() string {
	var b strings.Builder
	b.WriteString("| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n")
	for _, family := range Families() {
		labels := make([]string, len(family.Labels))
		for i, label := range family.Labels {
			labels[i] = "`" + label + "`"
		}
		b.WriteString("| `" + family.Name + "` | " + string(family.Kind) + " | " + family.Unit + " | " + strings.Join(labels, ", ") + " | " + family.Help + " |\n")
	}
	return b.String()
}
