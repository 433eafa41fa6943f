package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// What a name is of, where several kinds of things have one.
const (
	groupPrefix        = "group:"
	organizationPrefix = "org:"
)

// grant is a role or rights as a person names them: whose, and on what.
type grant struct {
	rights []string
	whom   string
	on     string
	flag   string // that names whom
}

// add registers the flags, of which flag names whom.
func (g *grant) add(command *cobra.Command, flag string) {
	g.flag = flag
	flags := command.Flags()
	flags.StringVar(&g.whom, flag, "", "a username or id of an identity, or group:NAME")
	flags.StringSliceVar(&g.rights, "right", nil, "a right in place of a role; repeatable, comma-separated")
	flags.StringVar(&g.on, "on", "", "where it is held: org for one's own organization, org:NAME, group:NAME or platform (default: as the role says, else org)")
	complete(command, "right", rights()...)
	complete(command, "on", "org", organizationPrefix, groupPrefix, "platform")
	command.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return roles(), cobra.ShellCompDirectiveNoFileComp
	}
}

// resolve returns the assignment that g means, without its id.
func (c *call) resolve(g *grant) (*assignment, error) {
	a := &assignment{Role: c.argument(0), Rights: g.rights}
	switch {
	case a.Role == "" && len(a.Rights) == 0:
		return nil, usage("neither a role nor a right is named", "write "+c.command.UseLine())
	case g.whom == "":
		return nil, usage("it is not said who holds it", "add --"+g.flag+" USERNAME or --"+g.flag+" group:NAME")
	}
	if err := c.place(a, g.on); err != nil {
		return nil, err
	}
	var err error
	if name, isGroup := strings.CutPrefix(g.whom, groupPrefix); isGroup {
		a.Holder.ID, err = c.groupID(name)
	} else {
		a.Holder.ID, err = c.identityID(g.whom)
	}
	return a, err
}

// place fills in where a is held.
func (c *call) place(a *assignment, on string) error {
	if on == "" {
		switch a.Role {
		case rolePlatformAdmin:
			on = "platform"
		case roleGroupAdmin, roleGroupUser:
			return usage("the role "+a.Role+" is held on a group, and none is named", "add --on group:NAME")
		default:
			on = "org"
		}
	}
	group, isGroup := strings.CutPrefix(on, groupPrefix)
	organization, isOrganization := strings.CutPrefix(on, organizationPrefix)
	var err error
	switch {
	case isGroup:
		a.Scope = "group"
		a.ScopeID, err = c.groupID(group)
	case on == "platform":
		a.Scope = "platform"
	case on == "org":
		a.Scope = "organization"
		a.ScopeID, err = c.organizationOrOwn("")
	case isOrganization && organization != "":
		a.Scope = "organization"
		a.ScopeID, err = c.organizationID(organization)
	default:
		return usage("--on "+quote(on)+" is no place where a role is held", "write org, org:NAME, group:NAME or platform")
	}
	return err
}

// assignments returns the ids of the assignments that the arguments name, or that
// g means, and what they are called in a question.
func (c *call) assignments(g *grant) (ids []string, what string, err error) {
	if len(c.args) > 0 && isID(c.args[0]) {
		for _, id := range c.args {
			if !isID(id) || g.whom != "" || len(g.rights) > 0 || g.on != "" {
				return nil, "", usage("ids of assignments have no place for anything beside them", "name ids alone, or a role and --from")
			}
		}
		return c.args, strings.Join(c.args, ", "), nil
	}
	if len(c.args) > 1 {
		return nil, "", usage("there is no place for the argument "+quote(c.args[1]), "take away one role at a time, or assignments by their ids")
	}
	want, err := c.resolve(g)
	if err != nil {
		return nil, "", err
	}
	l := listing{filters: "holder.id eq " + filterText(want.Holder.ID)}
	_, all, err := assignmentKind().pages(c, l, assignmentsPath, nil)
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		if all[i].means(want) {
			ids = append(ids, all[i].ID)
		}
	}
	if len(ids) == 0 {
		return nil, "", &Error{
			Code: "not_found", Cause: quote(g.whom) + " does not hold " + want.held() + " there by an assignment of just that",
			Fix: "see what there is: cambio role list",
		}
	}
	return ids, want.held() + " from " + g.whom, nil
}

// means reports whether a is want, whatever its id is.
func (a *assignment) means(want *assignment) bool {
	return a.Role == want.Role && a.Scope == want.Scope && a.ScopeID == want.ScopeID && a.Holder.ID == want.Holder.ID &&
		slices.Equal(slices.Sorted(slices.Values(a.Rights)), slices.Sorted(slices.Values(want.Rights)))
}
