package cli

import (
	"net/http"

	"github.com/spf13/cobra"
)

// tokenCommands are the commands for tokens of one level: the caller's own, or
// those of an organization or a group.
type tokenCommands struct {
	group

	command  string // as a person types it
	where    string // flag without which it does not go, in examples
	of       string // whose the tokens are
	personal bool
	// list returns the path of the tokens in the API.
	list func(*call) (string, error)
}

func newPAT(env Env) *cobra.Command {
	head := &cobra.Command{Use: "pat", Short: "Create, look at and end personal access tokens"}
	t := tokenCommands{
		group: newServerGroup(env, head), command: "cambio pat", of: "of your own", personal: true,
		list: func(*call) (string, error) { return apiRoot + "/personal-access-tokens", nil },
	}
	head.AddCommand(t.create(), t.listing(), t.get(), t.update(), t.revoke(), t.rotate(), t.delete())
	return head
}

// newOrganizationTokens makes the commands for the tokens of an organization.
func (g group) newOrganizationTokens() *cobra.Command {
	head := &cobra.Command{Use: "token", Short: "Create, look at and end the tokens that act for an organization"}
	var organization string
	addOrganization(head.PersistentFlags(), &organization)
	return tokenCommands{
		group: g, command: "cambio org token", of: "of an organization",
		list: func(c *call) (string, error) {
			id, err := c.organizationOrOwn(organization)
			return organizationsPath + "/" + id + "/access-tokens", err
		},
	}.addTo(head)
}

// newGroupTokens makes the commands for the tokens of a group.
func (g group) newGroupTokens() *cobra.Command {
	head := &cobra.Command{Use: "token", Short: "Create, look at and end the tokens that act for a group"}
	var name string
	head.PersistentFlags().StringVar(&name, "group", "", "id or name of the group")
	return tokenCommands{
		group: g, command: "cambio group token", where: " --group developers", of: "of a group",
		list: func(c *call) (string, error) {
			if name == "" {
				return "", usage("no group is named", "add --group NAME; cambio group list shows them")
			}
			id, err := c.groupID(name)
			return groupsPath + "/" + id + "/access-tokens", err
		},
	}.addTo(head)
}

// addTo adds what can be done with tokens that a technical user owns.
func (t tokenCommands) addTo(head *cobra.Command) *cobra.Command {
	t.under(head)
	head.AddCommand(t.create(), t.listing(), t.get(), t.update(), t.revoke(), t.reactivate(), t.rotate(), t.delete())
	return head
}

// path returns the path of a token, or of what can be done with it.
func (t tokenCommands) path(c *call, id string, verb ...string) (string, error) {
	if err := t.checkIDs([]string{id}); err != nil {
		return "", err
	}
	path, err := t.list(c)
	for _, part := range append([]string{id}, verb...) {
		path += "/" + part
	}
	return path, err
}

// checkIDs refuses what cannot be the id of a token, before it becomes a path.
func (t tokenCommands) checkIDs(ids []string) error {
	for _, id := range ids {
		if !isID(id) {
			return usage(quote(id)+" is no token id", "name the 32 lowercase hexadecimal characters that "+t.command+" list -o id prints")
		}
	}
	return nil
}

// each does something to every token named; see call.each. What is wrong with one
// of the ids is found before anything is done.
func (t tokenCommands) each(c *call, do func(id, path string) (answer, error)) (bodies [][]byte, failed error) {
	if err := t.checkIDs(c.args); err != nil {
		return nil, err
	}
	list, err := t.list(c)
	if err != nil {
		return nil, err
	}
	return c.each(c.args, func(id string) (answer, error) { return do(id, list+"/"+id) })
}

func (t tokenCommands) get() *cobra.Command {
	return t.group.command(action{
		use: "get ID", short: "Show a token", min: 1, max: 1, formats: dataFormats(),
		run: func(c *call) error {
			path, err := t.path(c, c.args[0])
			if err != nil {
				return err
			}
			return tokenKind().do(c, request{method: http.MethodGet, path: path})
		},
	})
}
