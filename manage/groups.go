package manage

import (
	"context"
	"fmt"
	"slices"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/pat"
)

// Group is a group as its reader is shown it.
type Group struct {
	directory.Group

	ChildNames map[directory.ID]string
	// Members are the first MaxPage direct members, of a single group and for who may
	// see them; nil otherwise.
	Members []Reference
}

// ETag tells states of the group apart; its members do not belong to it.
func (g *Group) ETag() string { return contentOf(&g.Group) }

// GroupColumns are what lists of groups can be asked for.
func GroupColumns() query.Columns {
	return query.Columns{
		{Field: "id", Kind: query.Text, Filter: true},
		{Field: "name", Kind: query.Text, Filter: true, Sort: true},
		{Field: "description", Kind: query.Text, Filter: true, Sort: true},
	}
}

func groupValue(group *directory.Group, f query.Field) query.Value {
	switch f {
	case "id":
		return query.TextValue(group.ID)
	case "name":
		return query.TextValue(group.Name)
	case "description":
		return query.TextOrNull(group.Description)
	default:
		return query.Value{}
	}
}

// Reserved reports whether the group belongs to each organization.
func (g *Group) Reserved() bool { return reserved(&g.Group) }

func reserved(group *directory.Group) bool {
	return slices.Contains([]string{directory.Nobody, directory.Everyone, directory.Administrators}, group.Name)
}

func showGroup(snapshot *directory.Snapshot, group *directory.Group) *Group {
	shown := &Group{Group: *group, ChildNames: make(map[directory.ID]string, len(group.ChildGroups))}
	for _, id := range group.ChildGroups {
		if child, ok := snapshot.Group(id); ok {
			shown.ChildNames[id] = child.Name
		}
	}
	return shown
}

// Groups lists the groups of the caller's organization that the caller may read, by
// name.
func (m *Manager) Groups(ctx context.Context, c *Caller, input Input[*Ask]) (Page[*Group], error) {
	if err := c.could(ReadGroup); err != nil {
		return Page[*Group]{}, err
	}
	snapshot, err := m.directory.Snapshot(ctx)
	if err != nil {
		return Page[*Group]{}, err
	}
	ask, err := input()
	if err != nil {
		return Page[*Group]{}, err
	}
	return groupPage(snapshot, snapshot.Groups(c.Identity.Organization), ask, func(g *directory.Group) bool { return c.may(ReadGroup, ofGroup(g)) })
}

func groupPage(snapshot *directory.Snapshot, groups []*directory.Group, ask *Ask, sees func(*directory.Group) bool) (Page[*Group], error) {
	found, err := page(values(groups), ask, &listing[*directory.Group]{
		read:    func(group **directory.Group, f query.Field) query.Value { return groupValue(*group, f) },
		natural: func(order query.Order) bool { return len(order) == 0 },
		sees:    func(group **directory.Group) bool { return sees(*group) },
	})
	if err != nil {
		return Page[*Group]{}, err
	}
	shown := Page[*Group]{Total: found.Total}
	for _, group := range found.Entries {
		shown.Entries = append(shown.Entries, showGroup(snapshot, group))
	}
	return shown, nil
}

// group returns a group that exists for the caller, where an action on it is allowed.
func (m *Manager) group(ctx context.Context, c *Caller, id string, action Action) (*directory.Group, *directory.Snapshot, error) {
	if err := c.could(action); err != nil {
		return nil, nil, err
	}
	snapshot, err := m.snapshot(ctx, action)
	if err != nil {
		return nil, nil, err
	}
	group, ok := snapshot.Group(directory.ID(id))
	if !ok || !c.may(ReadGroup, ofGroup(group)) {
		return nil, nil, ErrNotFound
	}
	if err := c.need(action, ofGroup(group)); err != nil {
		return nil, nil, err
	}
	return group, snapshot, nil
}

// Group returns one group, with its first members for who may see them.
func (m *Manager) Group(ctx context.Context, c *Caller, id string) (*Group, error) {
	group, snapshot, err := m.group(ctx, c, id, ReadGroup)
	if err != nil {
		return nil, err
	}
	shown := showGroup(snapshot, group)
	if !c.may(ReadMembers, ofGroup(group)) {
		return shown, nil
	}
	shown.Members = []Reference{}
	for member, err := range m.directory.Members(ctx, group.ID) {
		if err != nil {
			return nil, fmt.Errorf("list members: %w", err)
		}
		shown.Members = append(shown.Members, Reference{ID: member.ID, Name: member.DisplayName})
		if len(shown.Members) == MaxPage {
			break
		}
	}
	return shown, nil
}

// CreateGroup makes a group in the caller's organization.
func (m *Manager) CreateGroup(ctx context.Context, c *Caller, input Input[directory.Group]) (*Group, error) {
	if err := c.could(WriteGroup); err != nil {
		return nil, err
	}
	draft, err := input()
	if err != nil {
		return nil, err
	}
	t, err := m.tenant(ctx, c, "", WriteGroup)
	if err != nil {
		return nil, err
	}
	draft.Organization = t.organization.ID
	for _, child := range draft.ChildGroups {
		if group, ok := t.snapshot.Group(child); !ok || group.Organization != draft.Organization {
			return nil, &directory.FieldError{Field: "childGroups", Cause: "each entry must be the id of a group"}
		}
	}
	made, err := m.directory.CreateGroup(ctx, draft, c.keeper())
	if err != nil {
		return nil, err
	}
	return showGroup(t.snapshot, &made), nil
}

// UpdateGroup changes the name or description of a group.
func (m *Manager) UpdateGroup(ctx context.Context, c *Caller, id string, match Match, change func(*directory.Group) error) (*Group, error) {
	group, snapshot, err := m.group(ctx, c, id, WriteGroup)
	if err != nil {
		return nil, err
	}
	after, err := m.directory.UpdateGroup(ctx, group.ID, func(now *directory.Group) error {
		if err := match.check(contentOf(now)); err != nil {
			return err
		}
		return change(now)
	}, c.keeper())
	if err != nil {
		return nil, err
	}
	return showGroup(snapshot, &after), nil
}

// DeleteGroup removes a group with its tokens; directory.ErrReserved for one that
// belongs to each organization.
func (m *Manager) DeleteGroup(ctx context.Context, c *Caller, id string, match Match) error {
	group, snapshot, err := m.group(ctx, c, id, WriteGroup)
	if err != nil {
		return err
	}
	if reserved(group) {
		return directory.ErrReserved
	}
	if err := match.check(contentOf(group)); err != nil {
		return err
	}
	if givesPlatform(snapshot.Given(group.ID)) {
		if err := m.keepsAdministrator(ctx, snapshot, loss{group: group.ID}); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if err := m.endTokensOf(ctx, c, group); err != nil {
		return err
	}
	if err := m.directory.DeleteGroup(ctx, group.ID, c.keeper()); err != nil {
		return err
	}
	return m.endTokensOf(ctx, c, group) // of who began to make one before the group was gone
}

// endTokensOf deletes the tokens of a group.
func (m *Manager) endTokensOf(ctx context.Context, c *Caller, group *directory.Group) error {
	for record, err := range m.tokens.List(ctx, pat.Query{Organization: group.Organization, Holder: group.ID}) {
		if err != nil {
			return fmt.Errorf("list the tokens of a group: %w", err)
		}
		if err := m.remove(ctx, c, &record, nil); err != nil {
			return fmt.Errorf("delete a token of a group: %w", err)
		}
	}
	return nil
}

// Children lists the groups that are nested in a group, by name.
func (m *Manager) Children(ctx context.Context, c *Caller, id string, input Input[*Ask]) (Page[*Group], error) {
	group, snapshot, err := m.group(ctx, c, id, ReadGroup)
	if err != nil {
		return Page[*Group]{}, err
	}
	ask, err := input()
	if err != nil {
		return Page[*Group]{}, err
	}
	var children []*directory.Group
	for _, candidate := range snapshot.Groups(group.Organization) {
		if slices.Contains(group.ChildGroups, candidate.ID) {
			children = append(children, candidate)
		}
	}
	return groupPage(snapshot, children, ask, func(*directory.Group) bool { return true })
}

// AddChild nests a group in another. What the members of the child get by it the
// caller must be able to give.
func (m *Manager) AddChild(ctx context.Context, c *Caller, parent, child string) error {
	into, snapshot, err := m.group(ctx, c, parent, WriteGroup)
	if err != nil {
		return err
	}
	nested, _, err := m.group(ctx, c, child, ReadGroup)
	if err != nil {
		return err
	}
	if err := c.mayGive(snapshot, snapshot.Given(into.ID)); err != nil {
		return err
	}
	return m.directory.NestGroup(ctx, into.ID, nested.ID, c.keeper())
}

// RemoveChild takes a group out of another.
func (m *Manager) RemoveChild(ctx context.Context, c *Caller, parent, child string) error {
	from, snapshot, err := m.group(ctx, c, parent, WriteGroup)
	if err != nil {
		return err
	}
	if givesPlatform(snapshot.Given(from.ID)) {
		if err := m.keepsAdministrator(ctx, snapshot, loss{group: from.ID, child: directory.ID(child)}); err != nil {
			return err
		}
	}
	return m.directory.UnnestGroup(ctx, from.ID, directory.ID(child), c.keeper())
}
