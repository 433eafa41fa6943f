package cli

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// me is what the tables tell of the caller.
type me struct {
	Identity         identity    `json:"identity"`
	Organization     reference   `json:"organization"`
	Token            *reference  `json:"token"`
	Scope            []string    `json:"scope"`
	Groups           []reference `json:"groups"`
	Roles            []heldRole  `json:"roles"`
	Rights           []string    `json:"rights"`
	DaysToInactivity *int        `json:"daysToInactivity"` // nil for never
	InactiveAt       string      `json:"inactiveAt"`
	MayCreateTokens  bool        `json:"mayCreateTokens"`
	UsableTokens     int         `json:"usableTokens"`
	MaxTokens        int         `json:"maxTokens"` // 0 for any number
}

// heldRole is a role and where it is held.
type heldRole struct {
	Role    string `json:"role"`
	Scope   string `json:"scope"`
	ScopeID string `json:"scopeId"`
}

func meKind() kind[me] {
	return kind[me]{detail: (*me).table, id: func(m *me) string { return m.Identity.ID }}
}

func newMe(env Env) *cobra.Command {
	g := group{env: env, opts: &options{}}
	command := g.command(action{
		use: "me", short: "Show who you are to the server, and what you may do", formats: dataFormats(),
		run: func(c *call) error {
			m, body, err := c.whoAmI()
			if err != nil {
				return err
			}
			return meKind().print(c, body, m)
		},
	})
	g.opts.addOutput(command, command.Flags(), dataFormats()...)
	g.opts.addServer(command.Flags())
	return command
}

// whoAmI asks for the caller.
func (c *call) whoAmI() (*me, []byte, error) {
	a, err := c.send(request{method: http.MethodGet, path: apiRoot + "/me"})
	if err != nil {
		return nil, nil, err
	}
	var m me
	if err := decode(a.body, &m); err != nil {
		return nil, nil, err
	}
	return &m, a.body, nil
}

func (m *me) table() *table {
	out := &table{}
	out.add("username", m.Identity.Username)
	out.addPresent("name", m.Identity.DisplayName)
	out.add("id", m.Identity.ID)
	out.add("status", m.Identity.Status)
	out.add("organization", firstOf(m.Organization.Name, m.Organization.ID))
	if m.Token != nil {
		out.add("token", strings.TrimSpace(m.Token.ID+" "+m.Token.Name))
	}
	out.add("scope", strings.Join(m.Scope, " "))
	out.add("groups", firstOf(namesOf(m.Groups), "none"))
	if len(m.Roles) == 0 {
		out.add("roles", "none")
	}
	for i, held := range m.Roles {
		out.add([]string{"roles", ""}[min(i, 1)], held.Role+" on the "+strings.TrimSpace(held.Scope+" "+held.ScopeID))
	}
	out.add("rights", firstOf(strings.Join(m.Rights, " "), "none"))
	inactive := "never"
	if m.DaysToInactivity != nil {
		inactive = "in " + strconv.Itoa(*m.DaysToInactivity) + " days, on " + m.InactiveAt
	}
	out.add("inactive", inactive)
	limit := "any number"
	if m.MaxTokens > 0 {
		limit = strconv.Itoa(m.MaxTokens)
	}
	out.add("usable tokens", strconv.Itoa(m.UsableTokens)+" of "+limit)
	out.add("may create tokens", yesNo(m.MayCreateTokens))
	return out
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
