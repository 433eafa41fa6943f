package manage

import (
	"slices"

	"github.com/cambio-sts/cambio/exchange"
)

// Offers lists the services that exist for the caller's organization: what a token of
// theirs can be meant for. Anyone may ask. They must not be changed.
func (m *Manager) Offers(c *Caller) []*exchange.Service {
	organization := c.Access.OrganizationName()
	return slices.DeleteFunc(slices.Clone(m.services.All()), func(s *exchange.Service) bool { return !m.services.Has(s.Audience, organization) })
}

// Offered lists the scopes that a service grants the caller now, by name; none for one
// that takes every application scope.
func (m *Manager) Offered(c *Caller, service *exchange.Service) []string {
	return service.Granted(&c.Access)
}
