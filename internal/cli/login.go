package cli

import (
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newLogin(env Env) *cobra.Command {
	g := group{env: env, opts: &options{}}
	command := g.command(action{
		use: "login", short: "Keep a token and the address of its server for the commands to come", formats: dataFormats(),
		long: "Read a token from the terminal, without showing it, or from stdin; ask the server whose it is; and keep it, with the\n" +
			"address of the server, --ca-file and --insecure-http, in ~/.config/cambio, for nobody else to read. A token is kept for\n" +
			"one server at a time.",
		example: "  cambio login --server https://sts.example.com\n  cambio login --server https://sts.example.com <token",
		run:     (*call).login,
	})
	g.opts.addOutput(command, command.Flags(), dataFormats()...)
	g.opts.addServer(command.Flags())
	command.Flags().Lookup("token-file").Usage = "file with the token to keep, - for stdin (default: asked at a terminal, else stdin)"
	return command
}

func newLogout(env Env) *cobra.Command {
	g := group{env: env, opts: &options{}}
	return g.command(action{
		use: "logout", short: "Forget the token and the server of cambio login", formats: []format{""},
		long: "Remove the token, the address and how it is reached, as cambio login kept them. The token itself lives on: cambio pat revoke ends it.",
		run: func(c *call) error {
			if c.home() == "" {
				return errNoHome()
			}
			was, err := c.home().forget()
			switch {
			case err != nil:
				return err
			case was:
				c.note("the token was removed from this machine; it lives on until it expires or is revoked")
			default:
				c.note("there was no token")
			}
			return nil
		},
	})
}

func (c *call) login() error {
	if c.home() == "" {
		return errNoHome()
	}
	to, err := c.target() // before anybody is asked anything
	if err != nil {
		return err
	}
	token, err := c.typedCredential()
	if err != nil {
		return err
	}
	if err := c.open(to, token); err != nil {
		return err
	}
	m, body, err := c.whoAmI()
	if err != nil {
		return err
	}
	expires, err := c.expiry(token)
	if err != nil {
		return err
	}
	server, err := to.kept()
	if err != nil {
		return err
	}
	if err := c.home().keep(server, token.text.Reveal()); err != nil {
		return err
	}
	c.note("the token was kept in %s", c.home().path(homeTokenFile))
	c.noteEnvironment(to.base)
	shown := meKind()
	shown.detail = func(m *me) *table {
		out := &table{}
		out.add("server", server.Server)
		out.addPresent("ca file", server.CAFile)
		if server.InsecureHTTP {
			out.add("insecure http", "yes")
		}
		out.add("username", m.Identity.Username)
		out.addPresent("name", m.Identity.DisplayName)
		out.add("organization", firstOf(m.Organization.Name, m.Organization.ID))
		if m.Token != nil {
			out.add("token", strings.TrimSpace(m.Token.ID+" "+m.Token.Name))
		}
		out.addPresent("expires", expires)
		return out
	}
	return shown.print(c, body, m)
}

// typedCredential returns what a person types or pastes, or a script pipes in.
func (c *call) typedCredential() (credential, error) {
	if c.opts.tokenFile != "" || c.env.ReadHidden == nil {
		return c.credentialAt(firstOf(c.opts.tokenFile, "-"))
	}
	c.ask("Token:")
	line, err := c.env.ReadHidden(c.command.Context())
	c.note("")
	if err != nil {
		return credential{}, err
	}
	return newCredential(strings.TrimSpace(string(line)), "what was typed")
}

// expiry returns when the token ends, as the server tells whoever holds it (RFC
// 7662); none where it does not tell.
func (c *call) expiry(token credential) (string, error) {
	a, err := c.send(form("/oauth2/introspect", url.Values{"token": {token.text.Reveal()}}))
	if err != nil {
		if asError(err).Exit == 0 { // refused: whose it is was told, and that is enough
			return "", nil
		}
		return "", err
	}
	var told struct {
		Active bool   `json:"active"`
		Expiry *int64 `json:"exp"`
	}
	if err := decode(a.body, &told); err != nil {
		return "", err
	}
	switch {
	case !told.Active:
		return "", nil
	case told.Expiry == nil:
		return "never", nil
	}
	return time.Unix(*told.Expiry, 0).UTC().Format(timeLayout), nil
}

// noteEnvironment tells a person what goes before that which was kept.
func (c *call) noteEnvironment(base *url.URL) {
	if c.env.Getenv("CAMBIO_TOKEN") != "" {
		c.note("warning: CAMBIO_TOKEN is set, and goes before what was kept")
	}
	for _, name := range []string{"CAMBIO_SERVER", "CAMBIO_URL"} {
		if text := c.env.Getenv(name); text != "" && strings.TrimRight(text, "/") != base.String() {
			c.note("warning: %s is set to another server, and goes before what was kept", name)
		}
	}
}
