package cli

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

const organizationsPath = apiRoot + "/organizations"

// organization is what the tables tell of an organization.
type organization struct {
	ID      string          `json:"id"`
	Name    string          `json:"name"`
	Policy  json.RawMessage `json:"policy"` // null for who may not see it
	Created string          `json:"created"`
	// Administrator is there after create only, and if one was named.
	Administrator *reference `json:"administrator"`
}

func organizationKind() kind[organization] {
	return kind[organization]{
		nouns:  "organizations",
		header: []string{"ID", "NAME", "CREATED"},
		row:    func(o *organization) []string { return []string{o.ID, o.Name, o.Created} },
		detail: (*organization).table,
		id:     func(o *organization) string { return o.ID },
	}
}

func (o *organization) table() *table {
	out := &table{}
	out.add("id", o.ID)
	out.add("name", o.Name)
	out.add("created", o.Created)
	if o.Administrator != nil {
		out.add("administrator", strings.TrimSpace(o.Administrator.ID+" "+o.Administrator.Name))
	}
	if policy, err := members(o.Policy); err == nil {
		for _, m := range policy {
			out.add("policy "+m.name, cellOf(m.value))
		}
	}
	return out
}

func newOrganizations(env Env) *cobra.Command {
	head := &cobra.Command{Use: "org", Short: "Look at organizations and their tokens, create and rename them"}
	g := newServerGroup(env, head)
	head.AddCommand(g.organizationList(), g.organizationGet(), g.organizationCreate(), g.organizationRename(), g.newOrganizationTokens())
	return head
}

func (g group) organizationList() *cobra.Command {
	var l listing
	command := g.command(action{
		use: "list", short: "List the organizations that you may see", formats: dataFormats(),
		run: func(c *call) error { return organizationKind().list(c, l, organizationsPath, nil) },
	})
	l.add(command)
	return command
}

func (g group) organizationGet() *cobra.Command {
	return g.command(action{
		use: "get [ORGANIZATION]", short: "Show an organization and its policy: your own, or by id or name another", max: 1, formats: dataFormats(),
		run: func(c *call) error {
			id, err := c.organizationOrOwn(c.argument(0))
			if err != nil {
				return err
			}
			return organizationKind().do(c, request{method: http.MethodGet, path: organizationsPath + "/" + id})
		},
	})
}

func (g group) organizationCreate() *cobra.Command {
	var (
		name, file, administrator string
		fields                    identityFields
	)
	command := g.command(action{
		use: "create NAME", short: "Create an organization", max: 1, formats: dataFormats(),
		long: "Create an organization. It begins with the groups Nobody, Everyone and Administrators, and with the administrator that is\n" +
			"named, who may manage its roles, groups and tokens. The flags for an identity are the administrator's.",
		example: "  cambio org create research --administrator rita --issuer https://idp.example.com --subject 4711\n" +
			"  cambio policy get -o json | cambio org create research --policy-file -",
		run: func(c *call) error {
			name, err := c.named("name", name)
			if err != nil {
				return err
			}
			draft := map[string]any{"name": name}
			if file != "" {
				policy, err := c.readObject(file, "policy-file")
				if err != nil {
					return err
				}
				draft["policy"] = policy
			}
			switch first := fields.draft(c); {
			case administrator != "":
				first["username"] = administrator
				draft["administrator"] = first
			case len(first) > 0:
				return usage("it is not said whose the flags for an identity are", "add --administrator USERNAME")
			}
			r := request{method: http.MethodPost, path: organizationsPath}
			if err := r.setBody(draft); err != nil {
				return err
			}
			return organizationKind().do(c, r)
		},
	})
	command.Flags().StringVar(&name, "name", "", "its name, instead of the argument")
	command.Flags().StringVar(&administrator, "administrator", "", "username of its first administrator")
	fields.add(command)
	command.Flags().StringVar(&file, "policy-file", "", "file with its policy as JSON, - for stdin (default: the server's)")
	return command
}

func (g group) organizationRename() *cobra.Command {
	return g.command(action{
		use: "rename ORGANIZATION NAME", short: "Give an organization another name", min: 2, max: 2, formats: dataFormats(),
		run: func(c *call) error {
			id, err := c.organizationID(c.args[0])
			if err != nil {
				return err
			}
			if id == "" {
				return usage("the organization has no name", "write "+c.command.UseLine())
			}
			r, err := patchOf(organizationsPath+"/"+id, map[string]any{"name": c.args[1]})
			if err != nil {
				return err
			}
			return organizationKind().do(c, r)
		},
	})
}
