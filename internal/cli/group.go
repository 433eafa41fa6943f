package cli

import (
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

const groupsPath = apiRoot + "/groups"

// identityGroup is what the tables tell of a group of identities.
type identityGroup struct {
	ID             string      `json:"id"`
	OrganizationID string      `json:"organizationId"`
	Name           string      `json:"name"`
	Description    string      `json:"description"`
	Reserved       bool        `json:"reserved"`
	ChildGroups    []reference `json:"childGroups"`
	Members        []reference `json:"members"`
}

func groupKind() kind[identityGroup] {
	return kind[identityGroup]{
		nouns:  "groups",
		header: []string{"ID", "NAME", "DESCRIPTION", "RESERVED", "GROUPS IN IT"},
		row: func(g *identityGroup) []string {
			return []string{g.ID, g.Name, g.Description, yesNo(g.Reserved), namesOf(g.ChildGroups)}
		},
		detail: (*identityGroup).table,
		id:     func(g *identityGroup) string { return g.ID },
	}
}

func (g *identityGroup) table() *table {
	out := &table{}
	out.add("id", g.ID)
	out.add("name", g.Name)
	out.addPresent("description", g.Description)
	out.add("organization", g.OrganizationID)
	out.add("reserved", yesNo(g.Reserved))
	out.add("groups in it", firstOf(namesOf(g.ChildGroups), "none"))
	out.addPresent("members", namesOf(g.Members))
	return out
}

func newGroups(env Env) *cobra.Command {
	head := &cobra.Command{Use: "group", Short: "Look at groups, their members and tokens, and change them"}
	g := newServerGroup(env, head)
	head.AddCommand(
		g.groupList(), g.groupGet(), g.groupCreate(), g.groupUpdate(), g.groupDelete(),
		g.newMembers(), g.newChildren(), g.newGroupTokens(),
	)
	return head
}

func (g group) groupList() *cobra.Command {
	var l listing
	command := g.command(action{
		use: "list", short: "List groups", formats: dataFormats(), example: "  cambio group list --filters 'name sw \"order-\"'",
		run: func(c *call) error { return groupKind().list(c, l, groupsPath, nil) },
	})
	l.addQuery(command, `name co "order"`, "-name (default name)")
	l.add(command)
	return command
}

// groupPath returns the path of the group of that id or name.
func (c *call) groupPath(name string) (string, error) {
	id, err := c.groupID(name)
	return groupsPath + "/" + id, err
}

func (g group) groupGet() *cobra.Command {
	return g.command(action{
		use: "get GROUP", short: "Show a group, named by id or name", min: 1, max: 1, formats: dataFormats(),
		run: func(c *call) error {
			path, err := c.groupPath(c.args[0])
			if err != nil {
				return err
			}
			return groupKind().do(c, request{method: http.MethodGet, path: path})
		},
	})
}

func (g group) groupCreate() *cobra.Command {
	var (
		name, description string
		children          []string
	)
	command := g.command(action{
		use: "create NAME", short: "Create a group", max: 1, formats: dataFormats(),
		example: "  cambio group create order-clerks --description 'may write orders'\n" +
			"  cambio group create --name order-clerks",
		run: func(c *call) error {
			name, err := c.named("name", name)
			if err != nil {
				return err
			}
			draft := map[string]any{"name": name}
			if description != "" {
				draft["description"] = description
			}
			if len(children) > 0 {
				ids := make([]string, len(children))
				for i, name := range children {
					var err error
					if ids[i], err = c.groupID(name); err != nil {
						return err
					}
				}
				draft["childGroups"] = ids
			}
			r := request{method: http.MethodPost, path: groupsPath}
			if err := r.setBody(draft); err != nil {
				return err
			}
			return groupKind().do(c, r)
		},
	})
	command.Flags().StringVar(&name, "name", "", "its name, instead of the argument")
	command.Flags().StringVar(&description, "description", "", "what it is for")
	command.Flags().StringSliceVar(&children, "child", nil, "id or name of a group to nest in it; repeatable, comma-separated")
	return command
}

func (g group) groupUpdate() *cobra.Command {
	var name, description string
	command := g.command(action{
		use: "update GROUP", short: "Change the name or the description of a group", min: 1, max: 1, formats: dataFormats(),
		example: "  cambio group update order-clerks --description ''",
		run: func(c *call) error {
			given := map[string]any{}
			if c.changed("name") {
				given["name"] = name
			}
			if c.changed("description") {
				given["description"] = orNull(description, description == "")
			}
			if len(given) == 0 {
				return usage("there is nothing to change", "add --name or --description")
			}
			path, err := c.groupPath(c.args[0])
			if err != nil {
				return err
			}
			r, err := patchOf(path, given)
			if err != nil {
				return err
			}
			return groupKind().do(c, r)
		},
	})
	command.Flags().StringVar(&name, "name", "", "its new name")
	command.Flags().StringVar(&description, "description", "", "what it is for; empty takes it away")
	return command
}

func (g group) groupDelete() *cobra.Command {
	var yes bool
	command := g.command(action{
		use: "delete GROUP...", short: "Delete groups, with their tokens and what is held by and on them", min: 1, max: anyNumber, formats: dataFormats(),
		long: "Delete groups, with their tokens, the roles that they hold, and those that are held on them. At a terminal it asks first.",
		run: func(c *call) error {
			if err := c.confirm("Delete "+strings.Join(c.args, ", ")+" for good, with its tokens?", yes); err != nil {
				return err
			}
			_, failed := c.each(c.args, func(name string) (answer, error) {
				path, err := c.groupPath(name)
				if err != nil {
					return answer{}, err
				}
				return c.remove(path, "deleted "+name)
			})
			return failed
		},
	})
	command.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return command
}
