package cli

import (
	"net/http"

	"github.com/spf13/cobra"
)

// identityFields are the flags for the members of an identity that may be empty.
type identityFields struct {
	displayName, email, externalID, issuer, subject string
}

// flags returns, for each flag, where it goes, its name in the API and its help.
func (f *identityFields) flags() map[string]struct {
	value     *string
	name, use string
} {
	return map[string]struct {
		value     *string
		name, use string
	}{
		"display-name": {&f.displayName, "displayName", "name for people to read"},
		"email":        {&f.email, "email", "address; logins do not go by it"},
		"external-id":  {&f.externalID, "externalId", "id in another system, which JWTs can name"},
		"issuer":       {&f.issuer, "issuer", "of the identity provider; with --subject what logins go by"},
		"subject":      {&f.subject, "subject", "id at the identity provider"},
	}
}

func (f *identityFields) add(command *cobra.Command) {
	for flag, to := range f.flags() {
		command.Flags().StringVar(to.value, flag, "", to.use)
	}
}

// draft returns the members whose flags were given, by their names in the API.
func (f *identityFields) draft(c *call) map[string]any {
	given := map[string]any{}
	for flag, to := range f.flags() {
		if c.changed(flag) {
			given[to.name] = orNull(*to.value, *to.value == "")
		}
	}
	return given
}

func (g group) identityCreate() *cobra.Command {
	var (
		fields   identityFields
		username string
		disabled bool
	)
	command := g.command(action{
		use: "create USERNAME", short: "Create an identity for a person", max: 1, formats: dataFormats(),
		long: "Create an identity for a person. Technical users come and go with the tokens of groups and organizations.",
		example: "  cambio identity create alice --display-name 'Alice Smith'\n" +
			"  cambio identity create --username bob --issuer https://idp.example.com --subject 4711",
		run: func(c *call) error {
			username, err := c.named("username", username)
			if err != nil {
				return err
			}
			draft := fields.draft(c)
			draft["username"] = username
			if c.changed("disabled") {
				draft["enabled"] = !disabled
			}
			r := request{method: http.MethodPost, path: identitiesPath}
			if err := r.setBody(draft); err != nil {
				return err
			}
			return identityKind().do(c, r)
		},
	})
	fields.add(command)
	command.Flags().StringVar(&username, "username", "", "its username, instead of the argument")
	command.Flags().BoolVar(&disabled, "disabled", false, "not to be used until it is enabled")
	return command
}

func (g group) identityUpdate() *cobra.Command {
	var (
		fields   identityFields
		username string
	)
	command := g.command(action{
		use: "update IDENTITY", short: "Change an identity, named by id or username", min: 1, max: 1, formats: dataFormats(),
		long:    "Change an identity, named by id or username. Only what is named by a flag changes; an empty value takes it away.",
		example: "  cambio identity update alice --email alice@example.com",
		run: func(c *call) error {
			given := fields.draft(c)
			if c.changed("username") {
				given["username"] = username
			}
			if len(given) == 0 {
				return usage("there is nothing to change", "add what shall change, such as --email alice@example.com")
			}
			path, err := c.identityPath(c.args[0])
			if err != nil {
				return err
			}
			r, err := patchOf(path, given)
			if err != nil {
				return err
			}
			return identityKind().do(c, r)
		},
	})
	fields.add(command)
	command.Flags().StringVar(&username, "username", "", "its new username")
	return command
}
