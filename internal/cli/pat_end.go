package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
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

func (g group) patRevoke() *cobra.Command {
	var (
		reason  string
		cascade bool
	)
	command := g.command(action{
		use: "revoke ID...", short: "Revoke tokens, for good", min: 1, max: anyNumber, formats: dataFormats(),
		long: "Revoke tokens: neither they nor the access tokens made from them work any more. The rest are revoked even if\n" +
			"one cannot be.",
		example: "  cambio pat revoke ID --reason compromised",
		run: func(c *call) error {
			r := request{method: http.MethodPost}
			if cascade {
				r.query = url.Values{"cascade": {"true"}}
			}
			if err := r.setBody(reasonBody(c, reason)); err != nil {
				return err
			}
			bodies, failed := c.each(func(id string) (answer, error) {
				r.path = tokenPath(id, "revoke")
				return c.send(r)
			})
			tokens := make([]token, len(bodies))
			for i, body := range bodies {
				if err := decode(body, &tokens[i]); err != nil {
					return err
				}
			}
			return errors.Join(failed, c.printEnded(bodies, tokens))
		},
	})
	command.Flags().StringVar(&reason, "reason", "", "compromised, unused or other (default other)")
	complete(command, "reason", reasonCompromised, reasonUnused, reasonOther)
	command.Flags().BoolVar(&cascade, "cascade", false, "revoke the tokens made by means of them too, as compromised always does")
	return command
}

func (g group) patRotate() *cobra.Command {
	var (
		reason, grace string
		out           tokenOut
	)
	command := g.command(action{
		use: "rotate ID", short: "Give a token of your own a new secret", min: 1, max: 1, formats: dataFormats(),
		long: "Give a token of your own a new secret; its id stays. During the grace time both secrets work. The new one is in\n" +
			"the answer and can never be had again.",
		example: "  cambio pat rotate ID --grace 7d --token-out ci.token\n  cambio pat rotate ID --grace 0 --reason compromised",
		run: func(c *call) error {
			if err := checkIDs(c.args); err != nil {
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
			r := request{method: http.MethodPost, path: tokenPath(c.args[0], "rotate")}
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

func (g group) patDelete() *cobra.Command {
	var yes bool
	command := g.command(action{
		use: "delete ID...", short: "Delete tokens; only the audit trail remains", min: 1, max: anyNumber, formats: dataFormats(),
		long: "Delete tokens; only the audit trail remains. At a terminal it asks first.",
		run: func(c *call) error {
			if err := checkIDs(c.args); err != nil {
				return err
			}
			if err := c.confirm("Delete "+strings.Join(c.args, ", ")+" for good?", yes); err != nil {
				return err
			}
			_, failed := c.each(func(id string) (answer, error) {
				a, err := c.send(request{method: http.MethodDelete, path: tokenPath(id)})
				if err == nil {
					c.note("deleted %s", id)
				}
				return a, err
			})
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

// setBody makes JSON of what was given, and no body of nothing.
func (r *request) setBody(given map[string]any) error {
	if len(given) == 0 {
		return nil
	}
	body, err := json.Marshal(given)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	r.content, r.body = contentJSON, body
	return nil
}

// each does something to every token named, although it may fail for some, and
// returns the answers of those where it did not. It stops where no server is.
func (c *call) each(do func(id string) (answer, error)) (bodies [][]byte, failed error) {
	if err := checkIDs(c.args); err != nil {
		return nil, err
	}
	var first *Error
	var causes []string
	for _, id := range slices.Compact(c.args) {
		a, err := do(id)
		if err == nil {
			bodies = append(bodies, a.body)
			continue
		}
		e := asError(err)
		if first == nil {
			first = e
		}
		causes = append(causes, id+": "+e.Cause)
		if e.Exit != 0 {
			break
		}
	}
	if first == nil {
		return bodies, nil
	}
	if len(c.args) > 1 {
		whole := *first
		whole.Cause = fmt.Sprintf("%d of %d done; %s", len(bodies), len(c.args), strings.Join(causes, "; "))
		first = &whole
	}
	return bodies, first
}

// printEnded prints those tokens that were ended; one as pat get does.
func (c *call) printEnded(bodies [][]byte, tokens []token) error {
	switch {
	case len(tokens) == 0:
		return nil
	case len(c.args) == 1:
		return c.printToken(bodies[0])
	}
	return c.printTokens(bodies, tokens)
}
