package manage

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/query"
)

// Identity is an identity as an administrator is shown it.
type Identity struct {
	directory.Identity

	Status     directory.Status
	GroupNames map[directory.ID]string // of its direct groups
}

// ETag tells states of the identity apart.
func (i *Identity) ETag() string { return revisionOf(&i.Identity) }

func revisionOf(identity *directory.Identity) string {
	return strconv.FormatInt(identity.Revision, 10)
}

// IdentityColumns are what lists of identities can be asked for.
func IdentityColumns() query.Columns {
	return query.Columns{
		{Field: "id", Kind: query.Text, Filter: true},
		{Field: "username", Kind: query.Text, Filter: true, Sort: true},
		{Field: "displayName", Kind: query.Text, Filter: true, Sort: true},
		{Field: "email", Kind: query.Text, Filter: true, Sort: true},
		{Field: "externalId", Kind: query.Text, Filter: true, Sort: true},
		{Field: "type", Kind: query.Choice, Filter: true, Sort: true, Choices: []string{string(directory.User), string(directory.TechnicalUser)}},
		{Field: "userStatus", Kind: query.Choice, Filter: true, Sort: true, Choices: []string{
			string(directory.Active), string(directory.Disabled), string(directory.Inactive),
		}},
		{Field: "enabled", Kind: query.Flag, Filter: true, Sort: true},
		{Field: "created", Kind: query.Time, Filter: true, Sort: true},
		{Field: "lastLogin", Kind: query.Time, Filter: true, Sort: true},
	}
}

// tenant is an organization as the caller works on it.
type tenant struct {
	snapshot     *directory.Snapshot
	organization *directory.Organization
	now          time.Time
}

// tenant returns an organization, the caller's own if none is named, if the caller may
// do something there; ErrNotFound for others'.
func (m *Manager) tenant(ctx context.Context, c *Caller, named directory.ID, action Action) (*tenant, error) {
	if err := c.could(action); err != nil {
		return nil, err
	}
	if named == "" {
		named = c.Identity.Organization
	}
	snapshot, err := m.snapshot(ctx, action)
	if err != nil {
		return nil, err
	}
	organization, ok := snapshot.Organization(named)
	if !ok {
		return nil, ErrNotFound
	}
	if err := c.need(action, inOrganization(named)); err != nil {
		if named == c.Identity.Organization {
			return nil, err
		}
		return nil, ErrNotFound
	}
	return &tenant{snapshot: snapshot, organization: organization, now: m.now()}, nil
}

func (t *tenant) show(identity *directory.Identity) *Identity {
	shown := &Identity{
		Identity: *identity, Status: identity.Status(&t.organization.Policy, t.now), GroupNames: make(map[directory.ID]string, len(identity.Groups)),
	}
	shown.Groups = nil // without those that are gone
	for _, id := range identity.Groups {
		if group, ok := t.snapshot.Group(id); ok {
			shown.Groups, shown.GroupNames[id] = append(shown.Groups, id), group.Name
		}
	}
	return shown
}

func (t *tenant) value(identity *directory.Identity, f query.Field) query.Value {
	switch f {
	case "id":
		return query.TextValue(identity.ID)
	case "username":
		return query.TextValue(identity.Username)
	case "displayName":
		return query.TextOrNull(identity.DisplayName)
	case "email":
		return query.TextOrNull(identity.Email)
	case "externalId":
		return query.TextOrNull(identity.ExternalID)
	case "type":
		return query.TextValue(identity.Type)
	case "userStatus":
		return query.TextValue(identity.Status(&t.organization.Policy, t.now))
	case "enabled":
		return query.FlagValue(identity.Enabled)
	case "created":
		return query.TimeOrNull(identity.Created)
	case "modified":
		return query.TimeOrNull(cmp.Or(identity.Modified, identity.Created))
	case "lastLogin":
		return query.TimeOrNull(identity.LastLogin)
	default:
		return query.Value{}
	}
}

// Identities lists the identities of the caller's organization, oldest first.
func (m *Manager) Identities(ctx context.Context, c *Caller, input Input[*Ask]) (Page[*Identity], error) {
	t, err := m.tenant(ctx, c, "", ReadIdentity)
	if err != nil {
		return Page[*Identity]{}, err
	}
	ask, err := input()
	if err != nil {
		return Page[*Identity]{}, err
	}
	found, err := page(m.directory.ListIdentities(ctx, t.organization.ID), ask, &listing[directory.Identity]{
		read:    t.value,
		natural: func(order query.Order) bool { return len(order) == 0 },
	})
	if err != nil {
		return Page[*Identity]{}, err
	}
	return t.showPage(found), nil
}

func (t *tenant) showPage(found Page[directory.Identity]) Page[*Identity] {
	shown := Page[*Identity]{Entries: make([]*Identity, len(found.Entries)), Total: found.Total}
	for i := range found.Entries {
		shown.Entries[i] = t.show(&found.Entries[i])
	}
	return shown
}

// identity returns an identity that exists for the caller, where an action on it is
// allowed.
func (m *Manager) identity(ctx context.Context, c *Caller, id string, action Action) (*directory.Identity, *tenant, error) {
	if err := c.could(action); err != nil {
		return nil, nil, err
	}
	identity, err := m.directory.Find(ctx, directory.ID(id))
	if err != nil {
		return nil, nil, err
	}
	t, err := m.tenant(ctx, c, identity.Organization, action)
	if err != nil {
		return nil, nil, err
	}
	return &identity, t, nil
}

// Identity returns one identity.
func (m *Manager) Identity(ctx context.Context, c *Caller, id string) (*Identity, error) {
	identity, t, err := m.identity(ctx, c, id, ReadIdentity)
	if err != nil {
		return nil, err
	}
	return t.show(identity), nil
}

// CreateIdentity makes a person in the caller's organization.
func (m *Manager) CreateIdentity(ctx context.Context, c *Caller, input Input[directory.Identity]) (*Identity, error) {
	if err := c.could(WriteIdentity); err != nil {
		return nil, err
	}
	draft, err := input()
	if err != nil {
		return nil, err
	}
	t, err := m.tenant(ctx, c, "", WriteIdentity)
	if err != nil {
		return nil, err
	}
	draft.ID, draft.Organization, draft.Type, draft.BuiltInAdministrator, draft.Groups = "", t.organization.ID, directory.User, false, nil
	if err := m.mayLink(c, t, &directory.Identity{}, &draft); err != nil {
		return nil, err
	}
	made, err := m.directory.CreateIdentity(ctx, draft, c.keeper())
	if err != nil {
		return nil, err
	}
	return t.show(&made), nil
}

// UpdateIdentity changes a person. change must touch no more than names, addresses,
// the logins and whether the identity is enabled.
func (m *Manager) UpdateIdentity(ctx context.Context, c *Caller, id string, match Match, change func(*directory.Identity) error) (*Identity, error) {
	identity, t, err := m.identity(ctx, c, id, WriteIdentity)
	if err == nil {
		err = alterable(identity)
	}
	if err != nil {
		return nil, err
	}
	after, err := m.directory.UpdateIdentity(ctx, identity.ID, func(now *directory.Identity) error {
		if err := match.check(revisionOf(now)); err != nil {
			return err
		}
		before := *now
		if err := change(now); err != nil {
			return err
		}
		return m.mayChange(ctx, c, t, &before, now)
	}, c.keeper())
	if err != nil {
		return nil, err
	}
	return t.show(&after), nil
}

// mayChange refuses what would hand somebody's power over or give it back, and what
// would end the caller or the last administrator.
func (m *Manager) mayChange(ctx context.Context, c *Caller, t *tenant, before, after *directory.Identity) error {
	if before.Enabled && !after.Enabled {
		if err := c.mayEnd(before); err != nil {
			return err
		}
	}
	if err := m.mayLink(c, t, before, after); err != nil {
		return err
	}
	access := t.snapshot.AccessOf(after)
	if !after.Enabled || !givesPlatform(access.Assignments()) {
		if err := m.keepsAdministratorWithout(ctx, t.snapshot, before); err != nil {
			return err
		}
	}
	relogged := before.Username != after.Username || before.ExternalID != after.ExternalID || before.Email != after.Email ||
		before.Issuer != after.Issuer || before.Subject != after.Subject
	if !relogged && (before.Enabled || !after.Enabled) {
		return nil
	}
	return c.mayGiveTo(t.snapshot, before)
}

// mayLink refuses to say who somebody is at the identity provider that people of every
// organization log in to, but in the one where they log in first: whoever could would
// have a stranger's first login end in their own organization. Who administers the
// platform may.
func (m *Manager) mayLink(c *Caller, t *tenant, before, after *directory.Identity) error {
	same := before.Issuer == after.Issuer && before.Subject == after.Subject
	if m.loginOrganization == "" || t.organization.Name == m.loginOrganization || same || after.Issuer == "" && after.Subject == "" {
		return nil
	}
	if !c.may(AssignPlatform, target{known: true}) {
		return &LackError{Role: directory.PlatformAdmin}
	}
	return nil
}

// mayGiveTo refuses to let somebody act, or somebody else in their place, who holds
// what the caller may not give.
func (c *Caller) mayGiveTo(snapshot *directory.Snapshot, identity *directory.Identity) error {
	access := snapshot.AccessOf(identity)
	return c.mayGive(snapshot, access.Assignments())
}

// alterable refuses technical users, which live and die with their tokens.
func alterable(identity *directory.Identity) error {
	if identity.Type == directory.TechnicalUser {
		return ErrTechnical
	}
	return nil
}

// mayEnd refuses to disable or delete the caller, and the built-in administrator
// unless the caller administers the platform.
func (c *Caller) mayEnd(identity *directory.Identity) error {
	switch {
	case identity.ID == c.Identity.ID:
		return ErrSelf
	case identity.BuiltInAdministrator && !c.may(AssignPlatform, target{known: true}):
		return ErrBuiltIn
	default:
		return nil
	}
}

// DeleteIdentity removes a person with their tokens and role assignments.
func (m *Manager) DeleteIdentity(ctx context.Context, c *Caller, id string, match Match) error {
	identity, t, err := m.identity(ctx, c, id, WriteIdentity)
	if err != nil {
		return err
	}
	if err := alterable(identity); err != nil {
		return err
	}
	if err := c.mayEnd(identity); err != nil {
		return err
	}
	if err := match.check(revisionOf(identity)); err != nil {
		return err
	}
	if err := m.keepsAdministratorWithout(ctx, t.snapshot, identity); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	return m.directory.RemoveIdentity(ctx, identity, c.keeper())
}

// RecordLogin records an interactive login, now if no time is given.
func (m *Manager) RecordLogin(ctx context.Context, c *Caller, id string, input Input[time.Time]) (*Identity, error) {
	identity, t, err := m.identity(ctx, c, id, WriteIdentity)
	if err == nil {
		err = alterable(identity)
	}
	if err != nil {
		return nil, err
	}
	at, err := input()
	if err != nil {
		return nil, err
	}
	if at.IsZero() {
		at = t.now
	}
	if at.After(t.now) {
		return nil, directory.Broken("time", directory.RuleNotFuture)
	}
	if identity.Status(&t.organization.Policy, t.now) == directory.Inactive {
		if err := c.mayGiveTo(t.snapshot, identity); err != nil {
			return nil, err
		}
	}
	after, err := m.directory.RecordLogin(ctx, identity.ID, at, c.keeper())
	if err != nil {
		return nil, fmt.Errorf("record a login: %w", err)
	}
	return t.show(&after), nil
}
