package cli

import (
	"net/url"

	"github.com/spf13/cobra"
)

func newIntrospect(env Env) *cobra.Command {
	g := group{env: env, opts: &options{}}
	var of, clientIP string
	formats := []format{formatTable, formatJSON, formatYAML}
	command := g.command(action{
		use: "introspect", short: "Ask whether a token is active, and what it may do", formats: formats,
		long: "Ask about the token on stdin or in --of FILE (RFC 7662). Who asks is the token of --token-file, CAMBIO_TOKEN or\n" +
			"~/.config/cambio/token: it needs cambio:introspect, or to be the token asked about. That a token is not active is an\n" +
			"answer, not a failure.",
		example: "  cambio exchange -o token | cambio introspect -o json",
		run: func(c *call) error {
			if of == "-" && c.opts.tokenFile == "-" {
				return usage("stdin cannot hold both the token to ask about and the one that asks", "name a file for one of them, with --of or --token-file")
			}
			if _, err := c.client(); err != nil {
				return err
			}
			asked, err := c.credentialAt(of)
			if err != nil {
				return err
			}
			values := url.Values{"token": {asked.text.Reveal()}}
			if clientIP != "" {
				values.Set("client_ip", clientIP)
			}
			a, err := c.send(form("/oauth2/introspect", values))
			if err != nil {
				return err
			}
			return c.printMembers(a.body)
		},
	})
	flags := command.Flags()
	g.opts.addOutput(command, flags, formats...)
	g.opts.addServer(flags)
	flags.StringVar(&of, "of", "-", "file with the token to ask about, - for stdin")
	flags.StringVar(&clientIP, "client-ip", "", "address from where the token was used, to hold it against its allowed networks")
	return command
}

// printMembers prints a JSON object as it came.
func (c *call) printMembers(body []byte) error {
	all, err := members(body)
	if err != nil {
		return err
	}
	return c.print(result{bodies: [][]byte{body}, table: func() *table {
		out := &table{}
		for _, m := range all {
			out.add(m.name, cellOf(m.value))
		}
		return out
	}})
}
