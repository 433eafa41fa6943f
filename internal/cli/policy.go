package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
)

// policyChange is what a policy does to the tokens that there are.
type policyChange struct {
	Policy  json.RawMessage `json:"policy"`
	Applied bool            `json:"applied"`
	Ends    []policyEnd     `json:"ends"`
}

// policyEnd is a token that ends earlier than by the policy before.
type policyEnd struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Level      string `json:"level"`
	Owner      string `json:"ownerUsername"`
	Expiration string `json:"expirationDate"` // by the policy before
	EndsAt     string `json:"endsAt"`
	Reason     string `json:"reason"`
}

func policyEndKind() kind[policyEnd] {
	return kind[policyEnd]{
		nouns:  "tokens",
		header: []string{"ID", "NAME", "LEVEL", "OWNER", "ENDS", "REASON", "WOULD HAVE ENDED"},
		row: func(e *policyEnd) []string {
			return []string{e.ID, e.Name, e.Level, e.Owner, e.EndsAt, e.Reason, firstOf(e.Expiration, "never")}
		},
		id: func(e *policyEnd) string { return e.ID },
	}
}

// policyCommands are the commands for the policy of one organization.
type policyCommands struct {
	group

	organization *string // as --org names it
}

func newPolicy(env Env) *cobra.Command {
	head := &cobra.Command{Use: "policy", Short: "Look at what an organization decides about its tokens, try out a change, and make it"}
	p := policyCommands{group: newServerGroup(env, head), organization: new(string)}
	addOrganization(head.PersistentFlags(), p.organization)
	head.AddCommand(p.get(), p.set(), p.preview())
	return head
}

func (p policyCommands) path(c *call) (string, error) {
	id, err := c.organizationOrOwn(*p.organization)
	return organizationsPath + "/" + id + "/policy", err
}

func (p policyCommands) get() *cobra.Command {
	return p.command(action{
		use: "get", short: "Show the policy", formats: []format{formatTable, formatJSON, formatYAML},
		run: func(c *call) error {
			path, err := p.path(c)
			if err != nil {
				return err
			}
			a, err := c.send(request{method: http.MethodGet, path: path})
			if err != nil {
				return err
			}
			return c.printMembers(a.body)
		},
	})
}

func (p policyCommands) preview() *cobra.Command {
	var (
		draft policyDraft
		l     listing
	)
	command := p.command(action{
		use: "preview", short: "Show which tokens a change of the policy would end, and when", formats: dataFormats(),
		long:    "Show which tokens a change of the policy would end, and when. Nothing is changed. Flags and file are those of set.",
		example: "  cambio policy preview --max-lifetime 90d --enforce-on-existing",
		run: func(c *call) error {
			r, err := p.request(c, &draft, l)
			if err != nil {
				return err
			}
			r.query.Set("preview", "true")
			return c.changePolicy(r)
		},
	})
	draft.add(command)
	l.addPage(command)
	return command
}

func (p policyCommands) set() *cobra.Command {
	var (
		draft policyDraft
		l     listing
		yes   bool
	)
	command := p.command(action{
		use: "set", short: "Change the policy, and show which tokens that ends, and when", formats: dataFormats(),
		long: "Change the policy, and show which tokens that ends, and when. What no flag names stays as it is; with --file the policy\n" +
			"is what the file has, and what it leaves out takes its default. If it was changed by somebody else meanwhile, nothing is\n" +
			"changed. At a terminal it asks first if tokens end.",
		example: "  cambio policy set --max-lifetime 90d --enforce-on-existing\n" +
			"  cambio policy get -o json >policy.json\n  cambio policy set --file policy.json",
		run: func(c *call) error {
			r, err := p.request(c, &draft, l)
			if err != nil {
				return err
			}
			if c.env.StdoutIsTerminal && !yes {
				if err := c.confirmPolicy(r, draft.file); err != nil {
					return err
				}
			}
			return c.changePolicy(r)
		},
	})
	draft.add(command)
	l.addPage(command)
	command.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return command
}

// addPage registers the flags of an answer of which the first page is shown.
func (l *listing) addPage(command *cobra.Command) {
	command.Flags().IntVar(&l.limit, "limit", pageSize, "show so many tokens, at most 250")
	command.Flags().IntVar(&l.offset, "offset", 0, "leave out so many")
}

// request makes the whole policy of the present one and the flags, or of the file,
// to be put only where the present one is still there.
func (p policyCommands) request(c *call, draft *policyDraft, l listing) (request, error) {
	if l.limit < 0 || l.offset < 0 || l.limit > pageSize {
		return request{}, usage("--limit and --offset cannot be negative, and --limit not above 250", "leave them out")
	}
	change, err := draft.change(c)
	if err != nil {
		return request{}, err
	}
	path, err := p.path(c)
	if err != nil {
		return request{}, err
	}
	a, err := c.send(request{method: http.MethodGet, path: path})
	if err != nil {
		return request{}, err
	}
	body, err := change(a.body)
	if err != nil {
		return request{}, err
	}
	l.limited, l.uncounted = true, true
	return request{
		method: http.MethodPut, path: path, query: l.query(nil, 0), content: contentJSON, body: body, ifMatch: a.header.Get("ETag"),
	}, nil
}

// confirmPolicy asks a person at a terminal whether the tokens may end that r
// ends.
func (c *call) confirmPolicy(r request, file string) error {
	preview := r
	preview.query = url.Values{"preview": {"true"}, "limit": {"1"}}
	a, err := c.send(preview)
	if err != nil {
		return err
	}
	var change policyChange
	if err := decode(a.body, &change); err != nil {
		return err
	}
	if len(change.Ends) == 0 {
		return nil
	}
	if file == "-" {
		return usage("stdin holds the policy, so the question cannot be answered there", "add --yes")
	}
	return c.confirm(fmt.Sprintf("It ends %s; cambio policy preview shows them. Set the policy?", countOf(a, len(change.Ends))), false)
}

// countOf tells how many tokens an answer speaks of, of which it holds so many.
func countOf(a answer, held int) string {
	switch total := firstOf(a.header.Get("X-Total-Count"), strconv.Itoa(held)); total {
	case "0":
		return "no tokens"
	case "1":
		return "1 token"
	default:
		return total + " tokens"
	}
}

// changePolicy sends r and prints which tokens end.
func (c *call) changePolicy(r request) error {
	a, err := c.send(r)
	if err != nil {
		return err
	}
	var change policyChange
	if err := decode(a.body, &change); err != nil {
		return err
	}
	done := "the policy was not changed: this would end "
	if change.Applied {
		done = "the policy was changed: this ends "
	}
	c.note("%s", done+countOf(a, len(change.Ends)))
	return policyEndKind().printAll(c, [][]byte{a.body}, change.Ends)
}
