package manage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/query"
)

// Organization is an organization as its reader is shown it.
type Organization struct {
	directory.Organization

	PolicyShown   bool       // the caller may see the policy
	Administrator *Reference // made with it
}

// ETag tells states of the organization's name apart.
func (o *Organization) ETag() string { return contentOf(o.Name) }

// showOrganization hides the policy from who may not see it.
func (c *Caller) showOrganization(organization *directory.Organization) *Organization {
	t := inOrganization(organization.ID)
	if c.may(ReadPolicy, t) || c.may(WriteOrganization, t) {
		return &Organization{Organization: *organization, PolicyShown: true}
	}
	return &Organization{Organization: directory.Organization{ID: organization.ID, Name: organization.Name, Created: organization.Created}}
}

// Organizations lists those that the caller may read, by name.
func (m *Manager) Organizations(ctx context.Context, c *Caller, input Input[*Ask]) (Page[*Organization], error) {
	if err := c.could(ReadOrganization); err != nil {
		return Page[*Organization]{}, err
	}
	snapshot, err := m.directory.Snapshot(ctx)
	if err != nil {
		return Page[*Organization]{}, err
	}
	ask, err := input()
	if err != nil {
		return Page[*Organization]{}, err
	}
	all := snapshot.Organizations()
	slices.SortFunc(all, func(a, b *directory.Organization) int { return strings.Compare(a.Name, b.Name) })
	found, err := page(values(all), ask, &listing[*directory.Organization]{
		read:    func(**directory.Organization, query.Field) query.Value { return query.Value{} },
		natural: func(query.Order) bool { return true },
		sees: func(organization **directory.Organization) bool {
			return c.may(ReadOrganization, inOrganization((*organization).ID))
		},
	})
	if err != nil {
		return Page[*Organization]{}, err
	}
	shown := Page[*Organization]{Total: found.Total}
	for _, organization := range found.Entries {
		shown.Entries = append(shown.Entries, c.showOrganization(organization))
	}
	return shown, nil
}

// Organization returns one organization.
func (m *Manager) Organization(ctx context.Context, c *Caller, id string) (*Organization, error) {
	t, err := m.tenant(ctx, c, known(id), ReadOrganization)
	if err != nil {
		return nil, err
	}
	return c.showOrganization(t.organization), nil
}

// known is an id that is named: an empty one names nothing, not the caller's own.
func known(id string) directory.ID {
	if id == "" {
		return "none"
	}
	return directory.ID(id)
}

// OrganizationDraft is an organization as somebody wants it.
type OrganizationDraft struct {
	Name          string
	Policy        directory.Policy
	Administrator *directory.Identity // its first one; nil: none
}

// CreateOrganization makes an organization with its first administrator, if one is
// named; directory.ErrNameTaken, *directory.FieldError. The caller's own is the first:
// this one needs subjects that no two organizations share.
func (m *Manager) CreateOrganization(ctx context.Context, c *Caller, input Input[OrganizationDraft]) (*Organization, error) {
	if err := c.could(WriteOrganization); err != nil {
		return nil, err
	}
	draft, err := input()
	if err != nil {
		return nil, err
	}
	if !m.subject.AcrossOrganizations() {
		return nil, directory.Broken("name", directory.RuleSubject, m.subject)
	}
	if draft.Administrator != nil { // what is wrong with it is told before there is an organization
		prepareFounder(draft.Administrator)
		if err := draft.Administrator.Validate(); err != nil {
			return nil, err
		}
	}
	made, err := m.directory.AddOrganization(ctx, draft.Name, draft.Policy, c.keeper())
	if errors.Is(err, directory.ErrNameTaken) && draft.Administrator != nil {
		made, err = m.unfinished(ctx, draft.Name, err)
	}
	if err != nil {
		return nil, err
	}
	shown := c.showOrganization(&made)
	if draft.Administrator == nil {
		return shown, nil
	}
	administrator, err := m.founder(ctx, c, &made, draft.Administrator)
	if err != nil {
		return nil, err
	}
	shown.Administrator = &Reference{ID: administrator.ID, Name: administrator.DisplayName}
	return shown, nil
}

// unfinished returns the organization of a name if there is nobody in it: it was left
// behind when its administrator could not be made, and whoever asks again goes on.
func (m *Manager) unfinished(ctx context.Context, name string, taken error) (directory.Organization, error) {
	snapshot, err := m.snapshot(ctx, WriteIdentity)
	if err != nil {
		return directory.Organization{}, err
	}
	organization, ok := snapshot.OrganizationByName(name)
	if !ok {
		return directory.Organization{}, taken
	}
	for _, err := range m.directory.ListIdentities(ctx, organization.ID) {
		if err != nil {
			return directory.Organization{}, fmt.Errorf("list identities: %w", err)
		}
		return directory.Organization{}, taken
	}
	return *organization, nil
}

func prepareFounder(draft *directory.Identity) {
	draft.ID, draft.Type, draft.BuiltInAdministrator, draft.Groups = directory.ID(id.New()), directory.User, true, nil
}

// founder makes the first administrator of an organization. The identity comes last:
// without it the roles are nobody's.
func (m *Manager) founder(ctx context.Context, c *Caller, organization *directory.Organization, draft *directory.Identity) (*directory.Identity, error) {
	draft.Organization = organization.ID
	for _, role := range []directory.Role{directory.ManageSystemSecurityRoles, directory.ManageSystemSecurityGroups, directory.OrganizationAdmin} {
		assignment := directory.Assignment{Role: role, Scope: directory.OnOrganization, ScopeID: organization.ID, Holder: draft.ID}
		if err := m.directory.Assign(ctx, organization.ID, assignment, c.keeper()); err != nil {
			return nil, fmt.Errorf("give an administrator a role: %w", err)
		}
	}
	made, err := m.directory.CreateIdentity(ctx, *draft, c.keeper())
	if err != nil {
		return nil, fmt.Errorf("make the administrator of an organization: %w", err)
	}
	return &made, nil
}

// RenameOrganization gives an organization another name; directory.ErrNameTaken.
func (m *Manager) RenameOrganization(ctx context.Context, c *Caller, id string, match Match, rename func(before string) (string, error)) (*Organization, error) {
	t, err := m.tenant(ctx, c, known(id), ReadOrganization)
	if err == nil {
		err = c.need(WriteOrganization, inOrganization(t.organization.ID))
	}
	if err != nil {
		return nil, err
	}
	after, err := m.directory.UpdateOrganization(ctx, t.organization.ID, func(now *directory.Organization) (err error) {
		if err := match.check(contentOf(now.Name)); err != nil {
			return err
		}
		now.Name, err = rename(now.Name)
		return err
	}, c.keeper())
	if err != nil {
		return nil, err
	}
	return c.showOrganization(&after), nil
}
