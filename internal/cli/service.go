package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// service is what the table tells of a service that tokens are meant for.
type service struct {
	Audience string         `json:"audience"`
	Name     string         `json:"name"`
	AnyScope bool           `json:"anyScope"`
	Scopes   []serviceScope `json:"scopes"`
	// Organizations may use it; nil for all.
	Organizations []string `json:"organizations"`
	MaxLifetime   *int64   `json:"maxLifetimeSeconds"` // nil for the organization's
	Alg           string   `json:"alg"`
	Claims        []string `json:"claims"`
}

// serviceScope is a scope and the roles and groups that the service grants it to.
type serviceScope struct {
	Scope     string   `json:"scope"`
	GrantedTo []string `json:"grantedTo"`
}

func serviceKind() kind[service] {
	return kind[service]{
		nouns:  "services",
		header: []string{"AUDIENCE", "NAME", "SCOPES", "ORGANIZATIONS", "ALG", "LIFETIME", "CLAIMS"},
		row: func(s *service) []string {
			lifetime := "default"
			if s.MaxLifetime != nil {
				lifetime = strconv.FormatInt(*s.MaxLifetime, 10) + " s"
			}
			return []string{s.Audience, s.Name, s.scopes(), firstOf(strings.Join(s.Organizations, ", "), "all"), firstOf(s.Alg, "default"), lifetime, strings.Join(s.Claims, " ")}
		},
		id: func(s *service) string { return s.Audience },
	}
}

func (s *service) scopes() string {
	var all []string
	if s.AnyScope {
		all = append(all, "any")
	}
	for _, one := range s.Scopes {
		if len(one.GrantedTo) > 0 {
			one.Scope += " (" + strings.Join(one.GrantedTo, ", ") + ")"
		}
		all = append(all, one.Scope)
	}
	return strings.Join(all, " ")
}

func newServices(env Env) *cobra.Command {
	head := &cobra.Command{Use: "service", Short: "Look at the services that tokens are meant for"}
	g := newServerGroup(env, head)
	var l listing
	list := g.command(action{
		use: "list", short: "List the services of the server's configuration", formats: dataFormats(),
		run: func(c *call) error { return serviceKind().list(c, l, apiRoot+"/services", nil) },
	})
	l.add(list)
	head.AddCommand(list)
	return head
}
