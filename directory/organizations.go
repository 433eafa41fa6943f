package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
)

// CreateOrganization makes an organization with its reserved groups, or returns
// the one that has the name already.
func (d *Directory) CreateOrganization(ctx context.Context, name string, policy Policy, actor Actor) (Organization, error) {
	organization := Organization{ID: ID(id.New()), Name: name, Policy: policy, Created: d.now().UTC().Truncate(time.Millisecond)}
	err := d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		if existing, ok := s.OrganizationByName(name); ok {
			organization = *existing
			return nil, nil, nil
		}
		changes, events := d.founding(&organization, actor)
		return changes, events, nil
	})
	return organization, err
}

// AddOrganization makes an organization with its reserved groups. *FieldError,
// ErrNameTaken.
func (d *Directory) AddOrganization(ctx context.Context, name string, policy Policy, actor Actor) (Organization, error) {
	organization := Organization{ID: ID(id.New()), Name: name, Policy: policy.clone(), Created: d.now().UTC().Truncate(time.Millisecond)}
	if err := errors.Join(validName("name", name), policy.Validate()); err != nil {
		return Organization{}, err
	}
	err := d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		if _, taken := s.OrganizationByName(name); taken {
			return nil, nil, fmt.Errorf("organization %q: %w", name, ErrNameTaken)
		}
		changes, events := d.founding(&organization, actor)
		return changes, events, nil
	})
	if err != nil {
		return Organization{}, err
	}
	return organization, nil
}

// founding is what a new organization begins with.
func (d *Directory) founding(organization *Organization, actor Actor) ([]Change, []audit.Event) {
	changes := []Change{{Organization: organization}}
	for _, reserved := range []string{Nobody, Everyone, Administrators} {
		changes = append(changes, Change{Group: &Group{ID: ID(id.NewIn(string(organization.ID))), Organization: organization.ID, Name: reserved}})
	}
	return changes, []audit.Event{d.event(audit.OrganizationCreated, organization.ID, organization.ID, actor)}
}

// UpdateOrganization changes the name or the policy of an organization and returns
// it as it is stored then; where change leaves both as they were, nothing is
// written. An error of change is returned as it is. *FieldError, ErrNotFound,
// ErrNameTaken; ErrReserved for another name of the organization that a deployment
// starts with, which would make a second one at its next start.
func (d *Directory) UpdateOrganization(ctx context.Context, id ID, change func(*Organization) error, actor Actor) (Organization, error) {
	var after Organization
	err := d.write(ctx, func(s *Snapshot) ([]Change, []audit.Event, error) {
		before, ok := s.organizations[id]
		if !ok {
			return nil, nil, fmt.Errorf("organization %s: %w", id, ErrNotFound)
		}
		after = *before
		after.Policy = before.Policy.clone()
		if err := change(&after); err != nil {
			return nil, nil, err
		}
		after.ID, after.Created = before.ID, before.Created
		var events []audit.Event
		if after.Name != before.Name {
			events = append(events, d.event(audit.OrganizationUpdated, id, id, actor))
		}
		if !after.Policy.equal(&before.Policy) {
			events = append(events, d.event(audit.PolicyUpdated, id, id, actor))
		}
		if len(events) == 0 {
			after = *before
			return nil, nil, nil
		}
		if err := s.checkOrganization(before, &after); err != nil {
			return nil, nil, err
		}
		return []Change{{Organization: &after}}, events, nil
	})
	if err != nil {
		return Organization{}, err
	}
	return after, nil
}

// checkOrganization refuses what before must not become. What it is already stays: a
// configuration may have made it by bounds of its own.
func (s *Snapshot) checkOrganization(before, after *Organization) error {
	if !after.Policy.equal(&before.Policy) {
		if err := after.Policy.Validate(); err != nil {
			return err
		}
	}
	if after.Name == before.Name {
		return nil
	}
	if err := validName("name", after.Name); err != nil {
		return err
	}
	if before.Name == DefaultOrganizationName {
		return fmt.Errorf("organization %q: %w", before.Name, ErrReserved)
	}
	if _, taken := s.OrganizationByName(after.Name); taken {
		return fmt.Errorf("organization %q: %w", after.Name, ErrNameTaken)
	}
	return nil
}
