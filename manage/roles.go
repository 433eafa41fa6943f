package manage

import (
	"cmp"
	"context"
	"slices"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/query"
)

// Assignment is a role assignment as an administrator is shown it.
type Assignment struct {
	directory.Assignment

	HolderGroup     bool   // the holder is a group, not an identity
	HolderName      string // empty if it is gone
	HolderUsername  string // of an identity
	HolderTechnical bool   // the technical user of a token
	ScopeName       string // of the organization or the group; empty if it is gone
}

// Name is the role, or the rights.
func (a *Assignment) Name() string { return nameOf(&a.Assignment) }

// compare orders by role, then by where and by whom it is held.
func (a *Assignment) compare(b *Assignment) int {
	return cmp.Or(cmp.Compare(a.Name(), b.Name()), cmp.Compare(a.ScopeName, b.ScopeName), cmp.Compare(a.HolderName, b.HolderName))
}

// AssignmentColumns are what lists of role assignments can be asked for.
func AssignmentColumns() query.Columns {
	return query.Columns{
		{Field: "id", Kind: query.Text, Filter: true},
		{Field: "role", Kind: query.Text, Filter: true, Sort: true},
		{Field: "scope", Kind: query.Choice, Filter: true, Sort: true, Choices: []string{
			string(directory.OnPlatform), string(directory.OnOrganization), string(directory.OnGroup),
		}},
		{Field: "scopeId", Kind: query.Text, Filter: true, Sort: true},
		{Field: "holder.id", Kind: query.Text, Filter: true, Sort: true},
	}
}

func assignmentValue(assignment *directory.Assignment, f query.Field) query.Value {
	switch f {
	case "id":
		return query.TextValue(assignment.ID)
	case "role":
		return query.TextOrNull(assignment.Role)
	case "scope":
		return query.TextValue(assignment.Scope)
	case "scopeId":
		return query.TextOrNull(assignment.ScopeID)
	case "holder.id":
		return query.TextValue(assignment.Holder)
	default:
		return query.Value{}
	}
}

// seesAssignment reports whether an assignment exists for the caller.
func (c *Caller) seesAssignment(snapshot *directory.Snapshot, assignment *directory.Assignment) bool {
	organization, err := organizationOf(snapshot, assignment)
	if err != nil { // of what is gone
		return c.may(AssignPlatform, target{known: true})
	}
	if organization == "" {
		return c.may(AssignPlatform, target{known: true})
	}
	return c.may(ReadRoles, inOrganization(organization))
}

// Assignments lists the role assignments that the caller may see, by id.
func (m *Manager) Assignments(ctx context.Context, c *Caller, input Input[*Ask]) (Page[*Assignment], error) {
	if err := c.could(ReadRoles); err != nil {
		return Page[*Assignment]{}, err
	}
	snapshot, err := m.directory.Snapshot(ctx)
	if err != nil {
		return Page[*Assignment]{}, err
	}
	ask, err := input()
	if err != nil {
		return Page[*Assignment]{}, err
	}
	found, err := page(values(snapshot.Assignments()), ask, &listing[directory.Assignment]{
		read:    assignmentValue,
		natural: func(order query.Order) bool { return len(order) == 0 },
		sees:    func(assignment *directory.Assignment) bool { return c.seesAssignment(snapshot, assignment) },
	})
	if err != nil {
		return Page[*Assignment]{}, err
	}
	people := m.people(c)
	var holders []directory.ID
	for i := range found.Entries {
		if _, isGroup := snapshot.Group(found.Entries[i].Holder); !isGroup {
			holders = append(holders, found.Entries[i].Holder)
		}
	}
	if err := people.load(ctx, holders); err != nil {
		return Page[*Assignment]{}, err
	}
	shown := Page[*Assignment]{Entries: make([]*Assignment, len(found.Entries)), Total: found.Total}
	for i := range found.Entries {
		if shown.Entries[i], err = people.showAssignment(ctx, snapshot, &found.Entries[i]); err != nil {
			return Page[*Assignment]{}, err
		}
	}
	return shown, nil
}

func (p *people) showAssignment(ctx context.Context, snapshot *directory.Snapshot, assignment *directory.Assignment) (*Assignment, error) {
	shown := &Assignment{Assignment: *assignment, ScopeName: scopeName(snapshot, assignment)}
	if group, isGroup := snapshot.Group(assignment.Holder); isGroup {
		shown.HolderGroup, shown.HolderName = true, group.Name
		return shown, nil
	}
	identity, err := p.find(ctx, assignment.Holder)
	if err != nil {
		return nil, err
	}
	if identity != nil {
		shown.HolderName, shown.HolderUsername = cmp.Or(identity.DisplayName, identity.Username), identity.Username
		shown.HolderTechnical = identity.Type == directory.TechnicalUser
	}
	return shown, nil
}

// scopeName is the name of the organization or the group in which something is held.
func scopeName(snapshot *directory.Snapshot, assignment *directory.Assignment) string {
	if group, ok := snapshot.Group(assignment.ScopeID); ok {
		return group.Name
	}
	if organization, ok := snapshot.Organization(assignment.ScopeID); ok {
		return organization.Name
	}
	return ""
}

// assignment returns an assignment that exists for the caller.
func (m *Manager) assignment(ctx context.Context, c *Caller, id string, action Action) (*directory.Assignment, *directory.Snapshot, error) {
	if err := c.could(ReadRoles); err != nil {
		return nil, nil, err
	}
	snapshot, err := m.snapshot(ctx, action)
	if err != nil {
		return nil, nil, err
	}
	assignment, ok := snapshot.Assignment(directory.ID(id))
	if !ok || !c.seesAssignment(snapshot, &assignment) {
		return nil, nil, ErrNotFound
	}
	return &assignment, snapshot, nil
}

// Assignment returns one role assignment.
func (m *Manager) Assignment(ctx context.Context, c *Caller, id string) (*Assignment, error) {
	assignment, snapshot, err := m.assignment(ctx, c, id, ReadRoles)
	if err != nil {
		return nil, err
	}
	return m.people(c).showAssignment(ctx, snapshot, assignment)
}

// Assign gives a role, or rights, to an identity or a group; what is held already is
// returned as it is. Without ScopeID it is the caller's own organization.
func (m *Manager) Assign(ctx context.Context, c *Caller, input Input[directory.Assignment]) (*Assignment, error) {
	if err := c.could(AssignRoles); err != nil {
		return nil, err
	}
	assignment, err := input()
	if err != nil {
		return nil, err
	}
	if assignment.Scope == directory.OnOrganization && assignment.ScopeID == "" {
		assignment.ScopeID = c.Identity.Organization
	}
	if err := checkAssignment(&assignment); err != nil {
		return nil, err
	}
	snapshot, err := m.snapshot(ctx, AssignRoles)
	if err != nil {
		return nil, err
	}
	organization, err := organizationOf(snapshot, &assignment)
	if err != nil {
		return nil, scopeUnknown()
	}
	if err := c.mayAssign(snapshot, &assignment); err != nil {
		if organization != "" && organization != c.Identity.Organization {
			return nil, scopeUnknown()
		}
		return nil, err
	}
	if err := m.checkHolder(ctx, snapshot, organization, assignment.Holder); err != nil {
		return nil, err
	}
	made, err := m.directory.AddAssignment(ctx, organization, assignment, c.keeper())
	if err != nil {
		return nil, err
	}
	return m.people(c).showAssignment(ctx, snapshot, &made)
}

func scopeUnknown() error {
	return directory.Broken("scopeId", directory.RuleUnknown)
}

// checkAssignment refuses a role in a scope where it means nothing.
func checkAssignment(assignment *directory.Assignment) error {
	if (assignment.Role == "") == (len(assignment.Rights) == 0) {
		return directory.Broken("role", directory.RuleRoleOrRights)
	}
	for _, right := range assignment.Rights {
		if !slices.Contains(directory.Rights(), right) {
			return directory.Broken("rights", directory.RuleRight)
		}
	}
	wanted := directory.OnOrganization
	switch assignment.Role {
	case directory.PlatformAdmin:
		wanted = directory.OnPlatform
	case directory.GroupAdmin, directory.GroupUser:
		wanted = directory.OnGroup
	default:
		if assignment.Role != "" && !assignment.Role.Known() {
			return directory.Broken("role", directory.RuleRole)
		}
	}
	switch {
	case assignment.Scope != wanted:
		return directory.Broken("scope", directory.RuleRoleScope, wanted)
	case wanted == directory.OnPlatform && assignment.ScopeID != "":
		return directory.Broken("scopeId", directory.RulePlatformID)
	case wanted != directory.OnPlatform && assignment.ScopeID == "":
		return directory.Broken("scopeId", directory.RuleGroupID)
	default:
		return nil
	}
}

// checkHolder refuses a holder of another organization than the scope's, and technical
// users on the platform.
func (m *Manager) checkHolder(ctx context.Context, snapshot *directory.Snapshot, organization, holder directory.ID) error {
	unknown := directory.Broken("holder", directory.RuleUnknown)
	if group, ok := snapshot.Group(holder); ok {
		if organization != "" && group.Organization != organization {
			return unknown
		}
		return nil
	}
	identity, err := (&people{directory: m.directory, known: map[directory.ID]*directory.Identity{}}).find(ctx, holder)
	switch {
	case err != nil:
		return err
	case identity == nil, organization != "" && identity.Organization != organization:
		return unknown
	case organization == "" && identity.Type == directory.TechnicalUser:
		return &directory.FieldError{Field: "holder", Cause: "a technical user cannot hold a role on the platform"}
	default:
		return nil
	}
}

// Unassign takes a role or rights away.
func (m *Manager) Unassign(ctx context.Context, c *Caller, id string) error {
	assignment, snapshot, err := m.assignment(ctx, c, id, AssignRoles)
	if err != nil {
		return err
	}
	organization, err := organizationOf(snapshot, assignment)
	if err == nil {
		err = c.mayAssign(snapshot, assignment)
	} else {
		err = c.need(AssignPlatform, target{known: true}) // of what is gone
	}
	if err != nil {
		return err
	}
	if assignment.Role == directory.PlatformAdmin {
		if err := m.keepsAdministrator(ctx, snapshot, loss{assignment: assignment.ID}); err != nil {
			return err
		}
	}
	if organization == "" {
		organization = c.Identity.Organization
	}
	return m.directory.RemoveAssignment(ctx, organization, assignment.ID, c.keeper())
}
