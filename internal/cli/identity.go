package cli

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const identitiesPath = apiRoot + "/identities"

// identity is what the tables tell of a person or a technical user.
type identity struct {
	ID                   string      `json:"id"`
	OrganizationID       string      `json:"organizationId"`
	Type                 string      `json:"type"`
	Username             string      `json:"username"`
	DisplayName          string      `json:"displayName"`
	Email                string      `json:"email"`
	ExternalID           string      `json:"externalId"`
	Issuer               string      `json:"issuer"`
	Subject              string      `json:"subject"`
	BuiltInAdministrator bool        `json:"builtInAdministrator"`
	Status               string      `json:"userStatus"`
	LastLogin            string      `json:"lastLogin"`
	Groups               []reference `json:"groups"`
	Created              string      `json:"created"`
	Modified             string      `json:"modified"`
}

func identityKind() kind[identity] {
	return kind[identity]{
		nouns:  "identities",
		header: []string{"ID", "USERNAME", "NAME", "TYPE", "STATUS", "LAST LOGIN"},
		row: func(i *identity) []string {
			return []string{i.ID, i.Username, i.DisplayName, i.Type, i.Status, firstOf(i.LastLogin, "never")}
		},
		detail: (*identity).table,
		id:     func(i *identity) string { return i.ID },
	}
}

func (i *identity) table() *table {
	out := &table{}
	out.add("id", i.ID)
	out.add("username", i.Username)
	out.addPresent("name", i.DisplayName)
	out.addPresent("email", i.Email)
	out.add("type", i.Type)
	out.add("status", i.Status)
	if i.BuiltInAdministrator {
		out.add("built-in administrator", "yes")
	}
	out.add("organization", i.OrganizationID)
	out.addPresent("external id", i.ExternalID)
	out.addPresent("issuer", i.Issuer)
	out.addPresent("subject", i.Subject)
	out.add("groups", firstOf(namesOf(i.Groups), "none"))
	out.add("last login", firstOf(i.LastLogin, "never"))
	out.add("created", i.Created)
	out.addPresent("modified", i.Modified)
	return out
}

func newIdentities(env Env) *cobra.Command {
	head := &cobra.Command{Use: "identity", Short: "Look at people and technical users, create, change and disable them"}
	g := newServerGroup(env, head)
	head.AddCommand(
		g.identityList(), g.identityGet(), g.identityCreate(), g.identityUpdate(),
		g.identityEnabled("disable", "Disable identities: their tokens are refused until they are enabled again", false),
		g.identityEnabled("enable", "Enable identities that were disabled", true),
		g.identityDelete(), g.identityLogin(),
	)
	return head
}

func (g group) identityList() *cobra.Command {
	var l listing
	command := g.command(action{
		use: "list", short: "List identities", formats: dataFormats(), example: "  cambio identity list --filters 'username sw \"a\"' -o id",
		run: func(c *call) error { return identityKind().list(c, l, identitiesPath, nil) },
	})
	l.addQuery(command, `username co "smith"`, "username,-created (default created)")
	l.add(command)
	return command
}

// identityPath returns the path of the identity of that id or username.
func (c *call) identityPath(name string) (string, error) {
	id, err := c.identityID(name)
	return identitiesPath + "/" + id, err
}

func (g group) identityGet() *cobra.Command {
	return g.command(action{
		use: "get IDENTITY", short: "Show an identity, named by id or username", min: 1, max: 1, formats: dataFormats(),
		run: func(c *call) error {
			path, err := c.identityPath(c.args[0])
			if err != nil {
				return err
			}
			return identityKind().do(c, request{method: http.MethodGet, path: path})
		},
	})
}

// identityEnabled makes the command that disables or enables.
func (g group) identityEnabled(verb, short string, enabled bool) *cobra.Command {
	return g.command(action{
		use: verb + " IDENTITY...", short: short, min: 1, max: anyNumber, formats: dataFormats(),
		run: func(c *call) error {
			bodies, failed := c.each(c.args, func(name string) (answer, error) {
				path, err := c.identityPath(name)
				if err != nil {
					return answer{}, err
				}
				r, err := patchOf(path, map[string]any{"enabled": enabled})
				if err != nil {
					return answer{}, err
				}
				return c.send(r)
			})
			return errors.Join(failed, identityKind().printEach(c, len(c.args), bodies))
		},
	})
}

func (g group) identityDelete() *cobra.Command {
	var yes bool
	command := g.command(action{
		use: "delete IDENTITY...", short: "Delete identities, with their tokens and role assignments", min: 1, max: anyNumber, formats: dataFormats(),
		long: "Delete identities, with their tokens and role assignments; only the audit trail remains. At a terminal it asks first.",
		run: func(c *call) error {
			if err := c.confirm("Delete "+strings.Join(c.args, ", ")+" for good, with all tokens?", yes); err != nil {
				return err
			}
			_, failed := c.each(c.args, func(name string) (answer, error) {
				path, err := c.identityPath(name)
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

func (g group) identityLogin() *cobra.Command {
	var at string
	command := g.command(action{
		use: "login IDENTITY", short: "Record that somebody has logged in: inactivity counts from then", min: 1, max: 1, formats: dataFormats(),
		example: "  cambio identity login alice\n  cambio identity login alice --at 2026-11-20T08:00:00Z",
		run: func(c *call) error {
			given := map[string]any{}
			if c.changed("at") {
				moment, err := time.Parse(time.RFC3339, at)
				if err != nil {
					return usage("--at "+quote(at)+" is no time", "write 2027-01-31T00:00:00Z, or leave it out for now")
				}
				given["time"] = moment.UTC().Format(timeLayout)
			}
			path, err := c.identityPath(c.args[0])
			if err != nil {
				return err
			}
			r := request{method: http.MethodPost, path: path + "/logins"}
			if err := r.setBody(given); err != nil {
				return err
			}
			return identityKind().do(c, r)
		},
	})
	command.Flags().StringVar(&at, "at", "", "when it was, not in the future (default: now)")
	return command
}
