package cli

import "github.com/spf13/cobra"

func (t tokenCommands) update() *cobra.Command {
	var fields tokenFields
	command := t.group.command(action{
		use: "update ID", short: "Change a token " + t.of, min: 1, max: 1, formats: dataFormats(),
		long: "Change a token " + t.of + ". Only what is named by a flag changes; an empty value takes a description away,\n" +
			"and the limits to audiences and networks.",
		example: "  " + t.command + " update ID" + t.where + " --expires 90d\n  " + t.command + " update ID" + t.where + " --network ''",
		run: func(c *call) error {
			if err := t.checkIDs(c.args); err != nil {
				return err
			}
			given, err := fields.draft(c)
			if err != nil {
				return err
			}
			if len(given) == 0 {
				return usage("there is nothing to change", "add what shall change, such as --expires 90d")
			}
			path, err := t.path(c, c.args[0])
			if err != nil {
				return err
			}
			r, err := patchOf(path, given)
			if err != nil {
				return err
			}
			return tokenKind().do(c, r)
		},
	})
	fields.add(command)
	return command
}
