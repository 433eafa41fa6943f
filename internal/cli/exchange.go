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
	command := g.command(action{
		use: "exchange", short: "Exchange a personal access token for a short-lived access token",
		formats: []format{formatTable, formatJSON, formatYAML, formatToken},
		long: "Exchange the personal access token of --token-file, CAMBIO_TOKEN or ~/.config/cambio/token for a short-lived access\n" +
			"token (RFC 8693). -o token prints that alone.",
		example: `  curl -H "Authorization: Bearer $(cambio exchange -o token)" https://api.example.com/orders`,
		run: func(c *call) error {
			body, err := c.exchange(w)
			if err != nil {
				return err
			}
			return c.printExchanged(body)
		},
	})
	flags := command.Flags()
	g.opts.addOutput(command, flags, formatTable, formatJSON, formatYAML, formatToken)
	g.opts.addServer(flags)
	w.add(flags)
	return command
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
