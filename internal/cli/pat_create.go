package cli

import (
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func (t tokenCommands) create() *cobra.Command {
	var (
		fields   tokenFields
		out      tokenOut
		validity string
		admin    bool
	)
	command := t.group.command(action{
		use: "create --name NAME", short: "Create a token " + t.of, formats: dataFormats(),
		long: "Create a token " + t.of + ". Its secret is in the answer and can never be had again.",
		example: "  " + t.command + " create" + t.where + " --name ci --scope orders:read,orders:write --expires 90d\n" +
			"  " + t.command + " create" + t.where + " --name ci --token-out ci.token -o id",
		run: func(c *call) error {
			draft, err := fields.draft(c)
			if err != nil {
				return err
			}
			if fields.name == "" {
				return usage("the token has no name", "add --name NAME")
			}
			if c.changed("access-token-validity") {
				seconds, err := parseSeconds(validity)
				if err != nil {
					return err
				}
				draft["accessTokenValiditySeconds"] = seconds
			}
			if c.changed("admin") {
				draft["adminRole"] = admin
			}
			path, err := t.list(c)
			if err != nil {
				return err
			}
			r := request{method: http.MethodPost, path: path}
			if err := r.setBody(draft); err != nil {
				return err
			}
			return c.issue(r, out)
		},
	})
	fields.add(command)
	if !t.personal {
		command.Flags().BoolVar(&admin, "admin", false, "have it act as an administrator there, not as a plain user")
	}
	command.Flags().StringVar(&validity, "access-token-validity", "", "how long the access tokens it is exchanged for are valid, such as 300 or 5m (default: the organization's)")
	out.add(command.Flags())
	return command
}

// parseSeconds reads a number of seconds or a time span.
func parseSeconds(text string) (int64, error) {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && seconds >= 0 {
		return seconds, nil
	}
	span, err := parseSpan(text)
	if err != nil {
		return 0, usage(quote(text)+" "+err.Error(), "write a number of seconds, or a time span such as 5m")
	}
	return int64(span / time.Second), nil
}

// tokenFields are the flags for the members of a token that its owner sets.
type tokenFields struct {
	name, description, expires string
	scope, audience, networks  []string
}

func (f *tokenFields) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&f.name, "name", "", "name, which no other token there has")
	flags.StringVar(&f.description, "description", "", "what it is for")
	flags.StringSliceVar(&f.scope, "scope", nil, "what it may do; repeatable, comma-separated")
	complete(command, "scope", scopes()...)
	flags.StringSliceVar(&f.audience, "audience", nil, "services it is meant for; repeatable, empty for any")
	flags.StringSliceVar(&f.networks, "network", nil, "from where it may be used, such as 192.0.2.0/24; repeatable, empty for anywhere")
	flags.StringVar(&f.expires, "expires", "", "when it ends: 30d, 720h, an RFC 3339 time, or never")
}

// draft returns the members whose flags were given, by their names in the API.
func (f *tokenFields) draft(c *call) (map[string]any, error) {
	given := map[string]any{}
	if c.changed("name") {
		given["name"] = f.name
	}
	if c.changed("description") {
		given["description"] = orNull(f.description, f.description == "")
	}
	if c.changed("scope") {
		given["scope"] = f.scope // none is a choice: nothing that needs a right
	}
	if c.changed("audience") {
		given["audience"] = orNull(f.audience, len(f.audience) == 0)
	}
	if c.changed("network") {
		given["allowedNetworks"] = orNull(f.networks, len(f.networks) == 0)
	}
	if c.changed("expires") {
		ends, err := parseExpiry(f.expires, c.env.Now())
		if err != nil {
			return nil, err
		}
		given["expirationDate"] = ends.json()
		if ends.never() {
			given["userAwareTokenNeverExpires"] = true
		}
	}
	return given, nil
}
