package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func (g group) patCreate() *cobra.Command {
	var (
		fields   tokenFields
		out      tokenOut
		validity string
	)
	command := g.command(action{
		use: "create --name NAME", short: "Create a token of your own", formats: dataFormats(),
		long: "Create a token of your own. Its secret is in the answer and can never be had again.",
		example: "  cambio pat create --name ci --scope orders:read,orders:write --expires 90d\n" +
			"  cambio pat create --name ci --token-out ci.token -o id",
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
			body, err := json.Marshal(draft)
			if err != nil {
				return fmt.Errorf("encode request: %w", err)
			}
			return c.issue(request{method: http.MethodPost, path: tokensPath, content: contentJSON, body: body}, out)
		},
	})
	fields.add(command)
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
	flags.StringVar(&f.name, "name", "", "name, unique among yours")
	flags.StringVar(&f.description, "description", "", "what it is for")
	flags.StringSliceVar(&f.scope, "scope", nil, "what it may do; repeatable, comma-separated")
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

func orNull(value any, null bool) any {
	if null {
		return nil
	}
	return value
}
