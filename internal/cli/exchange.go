package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// The parameters of token exchange (RFC 8693 §2.1).
const (
	grantExchange  = "urn:ietf:params:oauth:grant-type:token-exchange"
	subjectTypePAT = "urn:ietf:params:oauth:token-type:pat"
)

// warnBefore is how long before its end a personal access token is warned of.
const warnBefore = 14 * day

// exchanged is what the answer to an exchange tells beside credentials of
// providers (RFC 8693 §2.2.1).
type exchanged struct {
	AccessToken  string `json:"access_token"`
	ExpiresIn    int64  `json:"expires_in"`
	ClientID     string `json:"client_id"`
	PATExpiresAt string `json:"pat_expires_at"`
}

func newExchange(env Env) *cobra.Command {
	g := group{env: env, opts: &options{}}
	var w wants
	var export, exec bool
	command := g.command(action{
		use: "exchange [flags] [--exec -- COMMAND…]", max: anyNumber, short: "Exchange a personal access token for a short-lived access token",
		formats: []format{formatTable, formatJSON, formatYAML, formatToken, formatAWS},
		long: "Exchange the personal access token of --token-file, CAMBIO_TOKEN or ~/.config/cambio/token for a short-lived access\n" +
			"token (RFC 8693). -o token prints that alone.\n\n" +
			"With scope credentials, and a token that holds it, the answer also has short-lived credentials of the systems that\n" +
			"the server is configured for. --export prints them as variables for a shell, --exec runs a command with them, and\n" +
			"-o aws is for credential_process; these three ask for that scope by themselves. The variables are ACCESS_TOKEN;\n" +
			"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_CREDENTIAL_EXPIRATION; PGHOST, PGPORT, PGDATABASE,\n" +
			"PGUSER, PGPASSWORD; and CREDENTIAL_ with the member's name for any other. The command does not get CAMBIO_TOKEN.",
		example: `  curl -H "Authorization: Bearer $(cambio exchange -o token)" https://api.example.com/orders
  eval "$(cambio exchange --export)"
  cambio exchange --exec -- psql -c 'select 1'`,
		run: func(c *call) error {
			if err := c.checkCredentials(export, exec); err != nil {
				return err
			}
			if !c.changed("scope") && (export || exec || c.format() == formatAWS) {
				w.scope = []string{scopeCredentials}
			}
			body, err := c.exchange(w)
			if err != nil {
				return err
			}
			switch {
			case export:
				return c.printExports(body)
			case exec:
				return c.execute(body)
			case c.format() == formatAWS:
				return c.printProcess(body)
			default:
				return c.printExchanged(body)
			}
		},
	})
	flags := command.Flags()
	g.opts.addOutput(command, flags, formatTable, formatJSON, formatYAML, formatToken, formatAWS)
	flags.BoolVar(&export, "export", false, "print the credentials as variables for a POSIX shell")
	flags.BoolVar(&exec, "exec", false, "run the command behind -- with the credentials in its environment")
	g.opts.addServer(flags)
	w.add(flags)
	return command
}

// checkCredentials refuses what does not go together.
func (c *call) checkCredentials(export, exec bool) error {
	switch {
	case export && exec:
		return usage("--export and --exec do not go together", "use one of them")
	case (export || exec) && c.changed("output"):
		return usage("-o does not go with --export and --exec", "use one of them")
	case exec && len(c.args) == 0:
		return usage("there is no command to run", "write cambio exchange --exec -- COMMAND")
	case !exec && len(c.args) > 0:
		return usage("there is no place for the argument "+quote(c.args[0]), "write "+c.command.UseLine()+"; a command needs --exec")
	}
	return nil
}

func (c *call) printExchanged(body []byte) error {
	var got exchanged
	if err := decode(body, &got); err != nil {
		return err
	}
	all, err := members(body)
	if err != nil {
		return err
	}
	c.warnOfExpiry(got)
	if c.format() == formatToken {
		if !got.printable() {
			return errNoAccessToken("look at it with -o json")
		}
		return c.write([]byte(got.AccessToken + "\n"))
	}
	return c.print(result{bodies: [][]byte{body}, table: func() *table {
		out := &table{}
		for _, m := range all {
			out.add(m.name, cellOf(m.value))
			if m.name == "expires_in" {
				out.add("expires_at", c.env.Now().Add(time.Duration(got.ExpiresIn)*time.Second).UTC().Format(timeLayout))
			}
		}
		return out
	}})
}

// warnOfExpiry tells a person that the personal access token ends soon.
func (c *call) warnOfExpiry(got exchanged) {
	ends, err := time.Parse(time.RFC3339, got.PATExpiresAt)
	if left := ends.Sub(c.env.Now()); err == nil && left < warnBefore {
		c.note("warning: the personal access token expires on %s, in %s; its owner can move that: cambio pat update %s --expires 90d",
			got.PATExpiresAt, roughly(left), got.ClientID)
	}
}

// printable reports whether the access token is there and fits in a header.
func (e exchanged) printable() bool {
	return e.AccessToken != "" && !strings.ContainsFunc(e.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' })
}

func errNoAccessToken(fix string) *Error {
	return &Error{Code: "unexpected_answer", Cause: "the answer holds no access token", Fix: fix}
}

// roughly names a time span by its greatest unit below a week.
func roughly(span time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{day, "days"}, {time.Hour, "hours"}} {
		if span >= 2*unit.length {
			return fmt.Sprintf("%d %s", span/unit.length, unit.name)
		}
	}
	switch minutes := span / time.Minute; {
	case minutes < 1:
		return "less than a minute"
	case minutes == 1:
		return "1 minute"
	default:
		return fmt.Sprintf("%d minutes", minutes)
	}
}
