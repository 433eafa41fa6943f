package cli

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/cambio-sts/cambio/internal/audit"
)

// finding is a place in the audit trail, as audit verify prints it.
type finding struct {
	File  string      `json:"file"`
	Line  int         `json:"line"`
	Seq   uint64      `json:"seq,omitempty"`
	Cause audit.Cause `json:"cause"`
}

// verdict is what audit verify prints.
type verdict struct {
	Dir      string    `json:"dir"`
	Whole    bool      `json:"whole"`
	Writers  int       `json:"writers"`
	Lines    int       `json:"lines"`
	Problems []finding `json:"problems"`
	Notes    []finding `json:"notes"`
}

func newAudit(env Env) *cobra.Command {
	head := &cobra.Command{Use: "audit", Short: "Read and check the audit trail"}
	g := newGroup(env, head)
	formats := []format{formatTable, formatJSON, formatYAML}
	g.opts.addOutput(head, head.PersistentFlags(), formats...)
	var dir string
	verify := g.command(action{
		use: "verify", short: "Check that no line of the audit trail was changed or taken out", formats: formats,
		long: "Check the files of the audit trail, on the machine that has them; the server may run meanwhile. It sees lines that\n" +
			"were changed, inserted, moved or taken out, not a rewrite of everything from some line on: for that, hold the\n" +
			"positions in the server's log against the files.",
		run: func(c *call) error { return c.verifyAudit(firstOf(dir, c.env.Getenv("CAMBIO_AUDIT_DIR"), "audit")) },
	})
	verify.Flags().StringVar(&dir, "dir", "", "folder of the audit files (default: CAMBIO_AUDIT_DIR, else audit)")
	head.AddCommand(g.auditList(), verify)
	return head
}

func (c *call) verifyAudit(dir string) error {
	report, err := audit.Verify(dir)
	if err != nil {
		return &Error{Code: "audit_unreadable", Cause: err.Error(), Fix: "name the folder with --dir, and run as a user who may read it", Exit: ExitUsage}
	}
	found := verdict{
		Dir: dir, Whole: report.Writers > 0 && len(report.Problems) == 0, Writers: report.Writers, Lines: report.Lines,
		Problems: findings(report.Problems), Notes: findings(report.Notes),
	}
	body, err := json.Marshal(found)
	if err != nil {
		return fmt.Errorf("encode verdict: %w", err)
	}
	if err := c.print(result{bodies: [][]byte{append(body, '\n')}, table: found.table}); err != nil {
		return err
	}
	switch {
	case report.Writers == 0:
		return &Error{Code: "audit_empty", Cause: "there is no audit trail in " + quote(dir), Fix: "name the folder with --dir; if it is this one, its files were removed"}
	case !found.Whole:
		first := found.Problems[0]
		return &Error{
			Code: "audit_broken", Cause: fmt.Sprintf("the audit trail was changed: %s, line %d: %s", first.File, first.Line, first.Cause),
			Fix: "keep the folder as it is, and find out who could write to it",
		}
	}
	return nil
}

func findings(problems []audit.Problem) []finding {
	all := make([]finding, len(problems))
	for i, p := range problems {
		all[i] = finding(p)
	}
	return all
}

func (v *verdict) table() *table {
	out := &table{header: []string{"KIND", "FILE", "LINE", "CAUSE"}}
	for _, p := range v.Problems {
		out.add("problem", p.File, strconv.Itoa(p.Line), string(p.Cause))
	}
	for _, p := range v.Notes {
		out.add("note", p.File, strconv.Itoa(p.Line), string(p.Cause))
	}
	if len(out.rows) == 0 {
		out.header = nil
	}
	summary := fmt.Sprintf("lines: %d, writers: %d", v.Lines, v.Writers)
	if v.Whole {
		summary += ", whole"
	}
	out.footer = summary
	return out
}
