package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/spf13/cobra"
)

// patchOperation is one operation of a JSON Patch (RFC 6902).
type patchOperation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

func (g group) patUpdate() *cobra.Command {
	var fields tokenFields
	command := g.command(action{
		use: "update ID", short: "Change a token of your own", min: 1, max: 1, formats: dataFormats(),
		long: "Change a token of your own. Only what is named by a flag changes; an empty value takes a description away,\n" +
			"and the limits to audiences and networks.",
		example: "  cambio pat update ID --expires 90d\n  cambio pat update ID --network ''",
		run: func(c *call) error {
			if err := checkIDs(c.args); err != nil {
				return err
			}
			given, err := fields.draft(c)
			if err != nil {
				return err
			}
			if len(given) == 0 {
				return usage("there is nothing to change", "add what shall change, such as --expires 90d")
			}
			var patch []patchOperation
			for _, name := range slices.Sorted(maps.Keys(given)) {
				patch = append(patch, patchOperation{"replace", "/" + name, given[name]})
			}
			body, err := json.Marshal(patch)
			if err != nil {
				return fmt.Errorf("encode request: %w", err)
			}
			a, err := c.send(request{method: http.MethodPatch, path: tokenPath(c.args[0]), content: contentPatch, body: body})
			if err != nil {
				return err
			}
			return c.printToken(a.body)
		},
	})
	fields.add(command)
	return command
}
