package manage

import (
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/exchange"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/pat"
)

// Caller is who acts, by what and from where.
type Caller struct {
	// Principal is what authentication found. Its Token is zero for a session.
	*exchange.Principal

	Origin audit.Origin

	provisioning bool
}

// Provisioning returns the caller at the provisioning door (SCIM), where the
// technical user behind an organization's administrating token may keep its people
// and groups; ErrNotProvisioner for anybody else.
func (c *Caller) Provisioning() (*Caller, error) {
	technical := c.Identity.Type == directory.TechnicalUser && c.Token.Level == pat.Organization
	if !technical || !c.Access.HoldsOrganizationRole(directory.OrganizationAdmin) {
		return nil, ErrNotProvisioner
	}
	provisioner := *c
	provisioner.provisioning = true
	return &provisioner, nil
}

// actor is the caller as changes of tokens name it.
func (m *Manager) actor(c *Caller) pat.Actor {
	return pat.Actor{Identity: c.Identity.ID, Parent: m.services.Acting(c.Principal), Origin: c.Origin}
}

// keeper is the caller as changes of the directory name it.
func (c *Caller) keeper() directory.Actor {
	return directory.Actor{ID: c.Identity.ID, Origin: c.Origin}
}
