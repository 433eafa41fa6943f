package exchange_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/pat"
)

func TestNewServicesRefuses(t *testing.T) {
	service := func(change func(*exchange.Service)) []exchange.Service {
		s := exchange.Service{Audience: api, Scopes: map[string][]string{"orders:read": {directory.Everyone}}}
		change(&s)
		return []exchange.Service{s}
	}
	_, err := exchange.NewServices(issuer, api, service(func(*exchange.Service) {})...)
	require.NoError(t, err)
	for name, services := range map[string][]exchange.Service{
		"no audience":        service(func(s *exchange.Service) { s.Audience = "" }),
		"space in audience":  service(func(s *exchange.Service) { s.Audience = "a b" }),
		"fragment":           service(func(s *exchange.Service) { s.Audience = api + "#x" }),
		"reserved scope":     service(func(s *exchange.Service) { s.Scopes = map[string][]string{"idn:x": nil} }),
		"malformed scope":    service(func(s *exchange.Service) { s.Scopes = map[string][]string{"a b": nil} }),
		"the management API": service(func(s *exchange.Service) { s.Audience = issuer + exchange.ManagementPath }),
		"no organization":    service(func(s *exchange.Service) { s.Organizations = []string{} }),
		"nameless":           service(func(s *exchange.Service) { s.Organizations = []string{"acme", ""} }),
		"twice":              append(service(func(*exchange.Service) {}), service(func(*exchange.Service) {})...),
	} {
		_, err := exchange.NewServices(issuer, "", services...)
		require.Error(t, err, name)
	}
	_, err = exchange.NewServices(issuer, api)
	require.Error(t, err, "a default that no service has")
	services, err := exchange.NewServices(issuer, "")
	require.NoError(t, err)
	require.Empty(t, services.Default())
	require.Equal(t, issuer+"/api/v1", services.Management())
	require.Len(t, services.All(), 1)
	require.True(t, services.Has(issuer+"/api/v1", "acme"))
	require.True(t, services.Has(issuer+"/api/v1", ""), "also for an organization that is not known")
	require.False(t, services.Has(issuer+"/api/v1/", "acme"), "byte-exact")
	require.False(t, services.Has("", "acme"))

	services, err = exchange.NewServices(issuer, api, service(func(s *exchange.Service) { s.Organizations = []string{"acme", "initech"} })...)
	require.NoError(t, err)
	require.True(t, services.Has(api, "acme"))
	require.True(t, services.Has(api, "initech"))
	for _, organization := range []string{"Acme", "acme ", "acm", ""} {
		require.False(t, services.Has(api, organization), organization)
	}
}

// A service of some organizations does not exist for the others, whatever their groups
// are called.
func TestServiceOfAnOrganization(t *testing.T) {
	w := newWorld(t)
	other, err := w.directory.CreateOrganization(t.Context(), "globex", directory.DefaultPolicy(), directory.Actor{})
	require.NoError(t, err)
	clerks, err := w.directory.CreateGroup(t.Context(), directory.Group{Organization: other.ID, Name: "order-clerks"}, directory.Actor{})
	require.NoError(t, err)
	mallory := w.person("mallory", other.ID, clerks.ID)
	ours, _ := w.create(&w.owner)
	theirs, _ := w.create(&mallory)
	named, _ := w.create(&mallory, func(d *pat.Draft) { d.Audience = []string{orders} }) // before it was bounded

	for name, r := range map[string]func(*exchange.Request){
		"audience": func(r *exchange.Request) { r.Audience, r.Scope = []string{orders}, "orders:write" },
		"resource": func(r *exchange.Request) { r.Resource, r.Scope = []string{orders}, "orders:write" },
		"fallback": func(r *exchange.Request) { r.Fallback, r.Scope = orders, "orders:write" },
	} {
		t.Run(name, func(t *testing.T) {
			w.bound(orders)
			issued, err := w.exchange(theirs, r)
			require.NoError(t, err, "as long as the service names no organization")
			require.Equal(t, "orders:write", issued.Scope)
			require.Equal(t, string(other.ID), payload(t, issued.AccessToken)["org"])

			w.bound(orders, "initech", "acme") // the first there is not
			issued, err = w.exchange(ours, r)
			require.NoError(t, err)
			require.Equal(t, "orders:write", issued.Scope)
			for _, token := range []pat.Token{theirs, named} {
				_, err = w.exchange(token, r)
				var target *exchange.TargetError
				require.ErrorAs(t, err, &target)
				require.Equal(t, "unknown or not permitted audience or resource", target.Description)
				require.Equal(t, token.ID(), exchange.Proved(err))
				require.Equal(t, "invalid_target", w.audit.last().Reason)
			}
			_, unknown := w.exchange(theirs, func(r *exchange.Request) { r.Audience = []string{orders + "/none"} })
			require.Equal(t, errors.Unwrap(unknown), errors.Unwrap(err), "nothing tells it from a service that there is not")
			_, err = w.exchange(theirs, r, func(r *exchange.Request) { r.Audience = []string{api, orders} })
			require.Equal(t, unknown, err, "not beside another either")
		})
	}
}

// A service follows the name of an organization: one that has another name by now has
// lost it.
func TestServiceOfARenamedOrganization(t *testing.T) {
	w := newWorld(t)
	w.bound(orders, "acme")
	token, _ := w.create(&w.owner)
	atOrders := func(r *exchange.Request) { r.Audience = []string{orders} }
	_, err := w.exchange(token, atOrders)
	require.NoError(t, err)
	_, err = w.directory.UpdateOrganization(t.Context(), w.owner.Organization, func(o *directory.Organization) error {
		o.Name = "acme-old"
		return nil
	}, directory.Actor{})
	require.NoError(t, err)
	_, err = w.exchange(token, atOrders)
	require.ErrorAs(t, err, new(*exchange.TargetError))
	_, err = w.directory.CreateOrganization(t.Context(), "acme", directory.DefaultPolicy(), directory.Actor{})
	require.NoError(t, err)
	_, err = w.exchange(token, atOrders)
	require.ErrorAs(t, err, new(*exchange.TargetError), "another organization has the name now")
}

// A mint never widens: for every token, owner, service and request, each scope
// granted was asked for (or the token's own), is covered by the token, and is
// granted by a service to the owner.
func TestScopesNeverWiden(t *testing.T) {
	w := newWorld(t)
	names := []string{
		"orders:read", "orders:write", "orders:audit", "invoices:read", pat.ScopeAll, pat.ScopeDefault, pat.ScopeOpenID, pat.ScopeProfile, pat.ScopeCredentials,
		"idn:my-personal-access-tokens:manage", "idn:all-personal-access-tokens:read", "sp:my-personal-access-tokens:read", "cambio:introspect",
	}
	audiences := []string{api, orders, people, issuer + "/api/v1"}
	rapid.Check(t, func(rt *rapid.T) {
		held := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 5, rapid.ID).Draw(rt, "held")
		requested := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 4, rapid.ID).Draw(rt, "requested")
		targets := rapid.SliceOfNDistinct(rapid.SampledFrom(audiences), 1, 3, rapid.ID).Draw(rt, "audience")
		token, record := w.create(&w.owner, func(d *pat.Draft) { d.Scope = held })
		issued, err := w.exchange(token, func(r *exchange.Request) { r.Audience, r.Scope = targets, strings.Join(requested, " ") })
		if err != nil {
			return
		}
		claims := payload(rt, issued.AccessToken)
		require.Equal(rt, string(record.Organization), claims["org"])
		for scope := range strings.FieldsSeq(issued.Scope) {
			require.True(rt, pat.Covers(held, scope), "%s is not the token's", scope)
			if len(requested) > 0 {
				require.Contains(rt, requested, scope)
			}
			require.False(rt, scope == "orders:audit" && slices.Contains(targets, orders), "not granted to the owner")
			require.NotEqual(rt, pat.ScopeCredentials, scope)
			if scope != pat.ScopeAll && scope != pat.ScopeDefault && pat.ReservedScope(scope) {
				require.Contains(rt, targets, issuer+"/api/v1", "%s belongs to the management API", scope)
				require.NotEqual(rt, "cambio:introspect", scope, "the owner has no such right")
				require.NotContains(rt, scope, "all-personal", "the owner has no such right")
			}
		}
	})
}

// A group that has the name of a role is not the role.
func TestAGroupIsNoRole(t *testing.T) {
	w := newWorld(t)
	_, err := w.directory.CreateGroup(t.Context(), directory.Group{Organization: w.owner.Organization, Name: string(directory.OrganizationAdmin)}, directory.Actor{})
	require.ErrorIs(t, err, directory.ErrReserved)

	snapshot, err := w.directory.Snapshot(t.Context())
	require.NoError(t, err)
	impostor := directory.Group{ID: "0a000000000000000000000000000001", Organization: w.owner.Organization, Name: string(directory.OrganizationAdmin)}
	require.NoError(t, w.db.Catalog().Write(t.Context(), snapshot.Version(), []directory.Change{{Group: &impostor}}, nil))
	require.NoError(t, w.directory.Refresh(t.Context()))
	member := w.person("member", w.owner.Organization, impostor.ID)
	token, _ := w.create(&member)
	issued, err := w.exchange(token, func(r *exchange.Request) { r.Audience = []string{orders} })
	require.NoError(t, err)
	require.Equal(t, "orders:read", issued.Scope)
}
