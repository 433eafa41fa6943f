package cli

import (
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

const assignmentsPath = apiRoot + "/role-assignments"

// assignment is what the tables tell of a role or of rights that somebody holds.
type assignment struct {
	ID      string   `json:"id"`
	Role    string   `json:"role"`
	Rights  []string `json:"rights"`
	Scope   string   `json:"scope"`
	ScopeID string   `json:"scopeId"`
	Holder  struct {
		reference

		Type string `json:"type"`
	} `json:"holder"`
}

func assignmentKind() kind[assignment] {
	return kind[assignment]{
		nouns:  "role assignments",
		header: []string{"ID", "ROLE OR RIGHTS", "ON", "HELD BY", "NAME"},
		row: func(a *assignment) []string {
			return []string{a.ID, a.held(), a.on(), strings.ToLower(a.Holder.Type) + " " + a.Holder.ID, a.Holder.Name}
		},
		detail: (*assignment).table,
		id:     func(a *assignment) string { return a.ID },
	}
}

func (a *assignment) held() string {
	return strings.TrimSpace(a.Role + " " + strings.Join(a.Rights, " "))
}

func (a *assignment) on() string { return strings.TrimSpace(a.Scope + " " + a.ScopeID) }

func (a *assignment) table() *table {
	out := &table{}
	out.add("id", a.ID)
	out.addPresent("role", a.Role)
	out.addPresent("rights", strings.Join(a.Rights, " "))
	out.add("on", a.on())
	out.add("held by", strings.TrimSpace(strings.ToLower(a.Holder.Type)+" "+a.Holder.ID+" "+a.Holder.Name))
	return out
}

func newRoles(env Env) *cobra.Command {
	head := &cobra.Command{Use: "role", Short: "Look at who holds which role or right where, assign and take away"}
	g := newServerGroup(env, head)
	head.AddCommand(g.roleList(), g.roleGet(), g.roleAssign(), g.roleUnassign())
	return head
}

func (g group) roleList() *cobra.Command {
	var l listing
	command := g.command(action{
		use: "list", short: "List who holds which role or right where", formats: dataFormats(),
		run: func(c *call) error { return assignmentKind().list(c, l, assignmentsPath, nil) },
	})
	l.addQuery(command, `role eq "group_admin"`, "role")
	l.add(command)
	return command
}

func (g group) roleGet() *cobra.Command {
	return g.command(action{
		use: "get ID", short: "Show a role assignment", min: 1, max: 1, formats: dataFormats(),
		run: func(c *call) error {
			if !isID(c.args[0]) {
				return usage(quote(c.args[0])+" is no id of an assignment", "name one that cambio role list -o id prints")
			}
			return assignmentKind().do(c, request{method: http.MethodGet, path: assignmentsPath + "/" + c.args[0]})
		},
	})
}

func (g group) roleAssign() *cobra.Command {
	var given grant
	command := g.command(action{
		use: "assign [ROLE] --to WHOM", short: "Give somebody a role, or rights", max: 1, formats: dataFormats(),
		long: "Give an identity or a group a role, or rights. WHOM is a username, an id, or group:NAME. Without --on a role is held on\n" +
			"the organization, platform_admin on the platform; the roles group_admin and group_user need --on group:NAME.",
		example: "  cambio role assign AccessAsNonInteractiveUser --to group:developers\n" +
			"  cambio role assign group_admin --to alice --on group:developers\n" +
			"  cambio role assign --right cambio:introspect --to bob",
		run: func(c *call) error {
			a, err := c.resolve(&given)
			if err != nil {
				return err
			}
			draft := map[string]any{"scope": a.Scope, "holder": a.Holder.ID}
			for name, value := range map[string]string{"role": a.Role, "scopeId": a.ScopeID} {
				if value != "" {
					draft[name] = value
				}
			}
			if len(a.Rights) > 0 {
				draft["rights"] = a.Rights
			}
			r := request{method: http.MethodPost, path: assignmentsPath}
			if err := r.setBody(draft); err != nil {
				return err
			}
			return assignmentKind().do(c, r)
		},
	})
	given.add(command, "to")
	return command
}

func (g group) roleUnassign() *cobra.Command {
	var (
		given grant
		yes   bool
	)
	command := g.command(action{
		use: "unassign {ID... | [ROLE] --from WHOM}", short: "Take a role or rights away", max: anyNumber, formats: dataFormats(),
		long: "Take away the assignments with these ids, or the role or the rights that WHOM holds by an assignment of just that. Roles\n" +
			"that come by a group stay. At a terminal it asks first.",
		example: "  cambio role unassign group_admin --from alice --on group:developers\n  cambio role unassign ID",
		run: func(c *call) error {
			ids, what, err := c.assignments(&given)
			if err != nil {
				return err
			}
			if err := c.confirm("Take away "+what+"?", yes); err != nil {
				return err
			}
			_, failed := c.each(ids, func(id string) (answer, error) { return c.remove(assignmentsPath+"/"+id, "took away "+id) })
			return failed
		},
	})
	given.add(command, "from")
	command.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return command
}
