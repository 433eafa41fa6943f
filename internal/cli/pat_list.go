package cli

import (
	"net/url"

	"github.com/spf13/cobra"
)

func (t tokenCommands) listing() *cobra.Command {
	var (
		l             listing
		owner, status string
	)
	short := "List the tokens " + t.of
	if t.personal {
		short = "List tokens: yours, or with --owner all the organization's"
	}
	example := "  " + t.command + " list" + t.where + " --filters 'lastUsed isnull' --status Active --sorters name"
	if t.personal {
		example += "\n  " + t.command + " list" + t.where + " --owner all -o id"
	}
	command := t.group.command(action{
		use: "list", short: short, formats: dataFormats(), example: example,
		run: func(c *call) error {
			path, err := t.list(c)
			if err != nil {
				return err
			}
			query := url.Values{}
			if t.personal && owner != "all" {
				if owner != "me" {
					if owner, err = c.identityID(owner); err != nil {
						return err
					}
				}
				query.Set("owner-id", owner)
			}
			if status != "" {
				l.filters = bothFilters(l.filters, "status eq "+filterText(status))
			}
			return tokenKind().list(c, l, path, query)
		},
	})
	flags := command.Flags()
	if t.personal {
		flags.StringVar(&owner, "owner", "me", "me, the id or username of an identity, or all for the whole organization")
	}
	flags.StringVar(&status, "status", "", "only those of this status: "+join(tokenStatuses(), ", "))
	complete(command, "status", tokenStatuses()...)
	l.addQuery(command, "expirationDate lt 2027-01-01T00:00:00Z", "name,-created (default -created)")
	l.add(command)
	return command
}
