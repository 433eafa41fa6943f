package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
)

// maxDirectory is the greatest size of a directory file, in bytes: what the API takes.
const maxDirectory = 16 << 20

// directoryReport is what an import did, or would do.
type directoryReport struct {
	Preview  bool               `json:"preview"`
	Complete bool               `json:"complete"`
	Failed   int                `json:"failed"`
	Changes  []directoryChange  `json:"changes"`
	Failures []directoryFailure `json:"failures"`
}

type directoryChange struct {
	Kind   string `json:"kind"`
	Index  *int   `json:"index"` // in its list in the file
	Name   string `json:"name"`
	Action string `json:"action"`
}

type directoryFailure struct {
	directoryChange

	DetailCode string `json:"detailCode"`
	Causes     []struct {
		Text string `json:"text"`
	} `json:"causes"`
}

// table has what failed first: that is left to do.
func (r *directoryReport) table() *table {
	out := &table{header: []string{"ACTION", "KIND", "IN THE FILE", "NAME", "CAUSE"}}
	for i := range r.Failures {
		f := &r.Failures[i]
		cause := f.DetailCode
		if len(f.Causes) > 0 {
			cause = f.Causes[0].Text
		}
		out.add("failed", f.Kind, f.place(), f.Name, cause)
	}
	for i := range r.Changes {
		out.add(r.Changes[i].Action, r.Changes[i].Kind, r.Changes[i].place(), r.Changes[i].Name, "")
	}
	return out
}

// place is the index of a thing in its list in the file.
func (c *directoryChange) place() string {
	if c.Index == nil {
		return "-"
	}
	return strconv.Itoa(*c.Index)
}

// directoryCommands are the commands for the directory of one organization.
type directoryCommands struct {
	group

	organization *string // as --org names it
}

func newDirectory(env Env) *cobra.Command {
	head := &cobra.Command{Use: "directory", Short: "Take the people, groups and roles of an organization out as one file, and bring them in"}
	d := directoryCommands{group: newServerGroup(env, head), organization: new(string)}
	addOrganization(head.PersistentFlags(), d.organization)
	head.AddCommand(d.export(), d.importing())
	return head
}

func (d directoryCommands) path(c *call) (string, error) {
	id, err := c.organizationOrOwn(*d.organization)
	return organizationsPath + "/" + id + "/directory", err
}

func (d directoryCommands) export() *cobra.Command {
	return d.command(action{
		use: "export", short: "Print people, groups and role assignments as one JSON document", formats: []format{formatTable, formatJSON, formatYAML},
		long: "Print people, groups and role assignments as one JSON document, by names, so that another organization or deployment\n" +
			"can import it. It holds no tokens, no technical users, and nothing of the platform. The table is that document too.",
		example: "  cambio directory export >directory.json",
		run: func(c *call) error {
			path, err := d.path(c)
			if err != nil {
				return err
			}
			a, err := c.send(request{method: http.MethodGet, path: path, patient: true})
			if err != nil {
				return err
			}
			if c.format() == formatYAML {
				return c.printYAML([][]byte{a.body})
			}
			return c.printJSON([][]byte{a.body})
		},
	})
}

func (d directoryCommands) importing() *cobra.Command {
	var (
		file                string
		preview, prune, yes bool
	)
	command := d.command(action{
		use: "import", short: "Bring people, groups and role assignments in from a file", formats: []format{formatTable, formatJSON, formatYAML},
		long: "Bring people, groups and role assignments in from a file. They are created and changed; nothing is taken away without\n" +
			"--prune. What fails is told, all else is done, and the same command again does what is left. At a terminal --prune asks\n" +
			"first.",
		example: "  cambio directory import --file directory.json --preview\n  cambio directory import --file directory.json",
		run: func(c *call) error {
			body, err := c.readObjectUpTo(maxDirectory, file, "file")
			if err != nil {
				return err
			}
			if prune && !preview {
				if file == "-" && c.env.StdoutIsTerminal && !yes {
					return usage("stdin holds the file, so the question cannot be answered there", "add --yes")
				}
				if err := c.confirm("Delete what the file does not have, people with their tokens?", yes); err != nil {
					return err
				}
			}
			path, err := d.path(c)
			if err != nil {
				return err
			}
			query := url.Values{}
			for name, set := range map[string]bool{"preview": preview, "prune": prune} {
				if set {
					query.Set(name, "true")
				}
			}
			return c.importDirectory(request{method: http.MethodPost, path: path, query: query, content: contentJSON, body: body, patient: true})
		},
	})
	command.Flags().StringVarP(&file, "file", "f", "-", "file to import, - for stdin")
	command.Flags().BoolVar(&preview, "preview", false, "only show what it would do")
	command.Flags().BoolVar(&prune, "prune", false, "delete what the file does not have")
	command.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return command
}

// importDirectory sends an import and prints its report. What failed is an error.
func (c *call) importDirectory(r request) error {
	a, err := c.send(r)
	if err != nil {
		return err
	}
	var report directoryReport
	if err := decode(a.body, &report); err != nil {
		return err
	}
	if err := c.print(result{bodies: [][]byte{a.body}, table: report.table}); err != nil {
		return err
	}
	if report.Preview {
		c.note("nothing was changed; it would be:")
	}
	if err := c.noteCounts(a.body); err != nil || report.Failed == 0 && report.Complete {
		return err
	}
	e := &Error{
		Code: "import_incomplete", Cause: fmt.Sprintf("%d changes failed", report.Failed),
		Fix: "mend what they name, and run the same command again: it does what is left",
	}
	if !report.Complete {
		e.Cause += ", and the server gave up"
	}
	return e
}

// noteCounts tells how much was done, of which a report lists the beginning.
func (c *call) noteCounts(body json.RawMessage) error {
	type count struct{ Created, Updated, Removed int }
	var counts struct{ Identities, Groups, RoleAssignments count }
	if err := decode(body, &counts); err != nil {
		return err
	}
	tell := func(what string, n count) {
		c.note("%s: %d created, %d updated, %d removed", what, n.Created, n.Updated, n.Removed)
	}
	tell("identities", counts.Identities)
	tell("groups", counts.Groups)
	tell("role assignments", counts.RoleAssignments)
	return nil
}
