package cli

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// The reasons to end a token. A compromised secret ends at once; with any other
// it may be given time.
const (
	reasonCompromised = "compromised"
	reasonUnused      = "unused"
	reasonOther       = "other"
)

func (t tokenCommands) revoke() *cobra.Command {
	var (
		reason  string
		cascade bool
	)
	short := "Revoke tokens, for good"
	if !t.personal {
		short = "Revoke tokens, until they are reactivated or, if compromised, for good"
	}
	command := t.group.command(action{
		use: "revoke ID...", short: short, min: 1, max: anyNumber, formats: dataFormats(),
		long: "Revoke tokens: neither they nor the access tokens made from them work any more. The rest are revoked even if\n" +
			"one cannot be.",
		example: "  " + t.command + " revoke ID" + t.where + " --reason compromised",
		run: func(c *call) error {
			r := request{method: http.MethodPost}
			if cascade {
				r.query = url.Values{"cascade": {"true"}}
			}
			if err := r.setBody(reasonBody(c, reason)); err != nil {
				return err
			}
			bodies, failed := t.each(c, func(_, path string) (answer, error) {
				r.path = path + "/revoke"
				return c.send(r)
			})
			return errors.Join(failed, tokenKind().printEach(c, len(c.args), bodies))
		},
	})
	command.Flags().StringVar(&reason, "reason", "", "compromised, unused or other (default other)")
	complete(command, "reason", reasonCompromised, reasonUnused, reasonOther)
	command.Flags().BoolVar(&cascade, "cascade", false, "revoke the tokens made by means of them too, as compromised always does")
	return command
}

func (t tokenCommands) rotate() *cobra.Command {
	var (
		reason, grace string
		out           tokenOut
	)
	command := t.group.command(action{
		use: "rotate ID", short: "Give a token " + t.of + " a new secret", min: 1, max: 1, formats: dataFormats(),
		long: "Give a token " + t.of + " a new secret; its id stays. During the grace time both secrets work. The new one is in\n" +
			"the answer and can never be had again.",
		example: "  " + t.command + " rotate ID" + t.where + " --grace 7d --token-out ci.token\n  " + t.command + " rotate ID" + t.where + " --grace 0 --reason compromised",
		run: func(c *call) error {
			if err := t.checkIDs(c.args); err != nil {
				return err
			}
			given := reasonBody(c, reason)
			if c.changed("grace") {
				span, err := parseSpan(grace)
				if err != nil {
					return usage("--grace "+quote(grace)+" "+err.Error(), "write 24h, 7d, or 0 for none")
				}
				if span > 0 && reason == reasonCompromised {
					return usage("--grace "+quote(grace)+" keeps a secret in use that is compromised", "leave out --grace, or write --grace 0")
				}
				given["gracePeriodSeconds"] = int64(span / time.Second)
			}
			path, err := t.path(c, c.args[0], "rotate")
			if err != nil {
				return err
			}
			r := request{method: http.MethodPost, path: path}
			if err := r.setBody(given); err != nil {
				return err
			}
			return c.issue(r, out)
		},
	})
	command.Flags().StringVar(&grace, "grace", "", "how long the old secret works beside the new one, such as 24h; 0 for not at all (default 24h, 0 if compromised)")
	command.Flags().StringVar(&reason, "reason", "", "compromised, unused or other")
	complete(command, "reason", reasonCompromised, reasonUnused, reasonOther)
	out.add(command.Flags())
	return command
}

func (t tokenCommands) reactivate() *cobra.Command {
	return t.group.command(action{
		use: "reactivate ID...", short: "Put revoked tokens back into use", min: 1, max: anyNumber, formats: dataFormats(),
		long: "Put revoked tokens back into use, of which get says that they are reactivatable. Access tokens from before stay dead.",
		run: func(c *call) error {
			bodies, failed := t.each(c, func(_, path string) (answer, error) {
				return c.send(request{method: http.MethodPost, path: path + "/reactivate"})
			})
			return errors.Join(failed, tokenKind().printEach(c, len(c.args), bodies))
		},
	})
}

func (t tokenCommands) delete() *cobra.Command {
	var yes bool
	command := t.group.command(action{
		use: "delete ID...", short: "Delete tokens; only the audit trail remains", min: 1, max: anyNumber, formats: dataFormats(),
		long: "Delete tokens; only the audit trail remains. At a terminal it asks first.",
		run: func(c *call) error {
			if err := t.checkIDs(c.args); err != nil {
				return err
			}
			if err := c.confirm("Delete "+strings.Join(c.args, ", ")+" for good?", yes); err != nil {
				return err
			}
			_, failed := t.each(c, func(id, path string) (answer, error) { return c.remove(path, "deleted "+id) })
			return failed
		},
	})
	command.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return command
}

// reasonBody is a body with the reason if there is one.
func reasonBody(c *call, reason string) map[string]any {
	given := map[string]any{}
	if c.changed("reason") {
		given["reason"] = reason
	}
	return given
}
