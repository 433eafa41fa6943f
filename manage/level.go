package manage

import (
	"context"
	"errors"
	"fmt"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// Level is the organization or the group that a token acts for.
type Level struct {
	Of pat.Level // pat.Organization or pat.Group
	ID string
}

// place finds the level if the caller knows it exists, else ErrNotFound.
func (m *Manager) place(ctx context.Context, c *Caller, level Level, action Action) (target, error) {
	if err := c.could(action); err != nil {
		return target{}, err
	}
	snapshot, err := m.snapshot(ctx, action)
	if err != nil {
		return target{}, err
	}
	var t target
	visible := ReadOrganization
	if level.Of == pat.Group {
		group, ok := snapshot.Group(directory.ID(level.ID))
		if !ok {
			return target{}, ErrNotFound
		}
		t, visible = ofGroup(group), ReadGroup
	} else {
		organization, ok := snapshot.Organization(directory.ID(level.ID))
		if !ok {
			return target{}, ErrNotFound
		}
		t = inOrganization(organization.ID)
	}
	switch err := c.need(action, t); {
	case err == nil:
		return t, nil
	case t.organization == c.Identity.Organization && c.may(visible, t):
		return target{}, err
	default:
		return target{}, ErrNotFound
	}
}

// levelToken returns a token of the level, for an action.
func (m *Manager) levelToken(ctx context.Context, c *Caller, level Level, text string, action Action) (*pat.Record, error) {
	if _, err := m.place(ctx, c, level, action); err != nil {
		return nil, err
	}
	tokenID, err := pat.ParseID(text)
	if err != nil {
		return nil, ErrNotFound
	}
	record, err := m.tokens.Find(ctx, tokenID)
	if err != nil {
		return nil, err
	}
	hidden := record.Managed && !c.may(SeeManaged, ofToken(&record))
	if record.Level != level.Of || string(record.LevelID) != level.ID || hidden {
		return nil, ErrNotFound
	}
	return &record, nil
}

// LevelToken returns one token of an organization or a group.
func (m *Manager) LevelToken(ctx context.Context, c *Caller, level Level, id string) (*Token, error) {
	record, err := m.levelToken(ctx, c, level, id, ReadLevelToken)
	if err != nil {
		return nil, err
	}
	return m.show(ctx, c, record)
}

// CreateLevelToken makes a token of an organization or a group, with the technical
// user that owns it. The token comes last: what is left behind by a crash is an
// identity that nobody can act as, which the job runner removes.
func (m *Manager) CreateLevelToken(ctx context.Context, c *Caller, level Level, input Input[*pat.Draft]) (pat.Token, *Token, error) {
	t, err := m.place(ctx, c, level, ManageLevelToken)
	if err != nil {
		return pat.Token{}, nil, err
	}
	draft, err := input()
	if err != nil {
		return pat.Token{}, nil, err
	}
	if err := m.checkAudience(ctx, t.organization, draft.Audience, nil); err != nil {
		return pat.Token{}, nil, err
	}
	draft.Level, draft.LevelID = level.Of, directory.ID(level.ID)
	if err := m.tokens.Check(&c.Identity, draft, c.Policy, m.actor(c)); err != nil {
		return pat.Token{}, nil, err
	}
	owner, err := m.technicalUser(ctx, c, t, draft)
	if err != nil {
		return pat.Token{}, nil, err
	}
	token, record, err := m.tokens.Create(ctx, &owner, draft, c.Policy, m.actor(c))
	if err != nil {
		return pat.Token{}, nil, errors.Join(err, m.withdraw(ctx, c, &owner))
	}
	if err := m.stillThere(ctx, level); err != nil { // the group was deleted meanwhile
		return pat.Token{}, nil, errors.Join(err, m.withdraw(ctx, c, &owner))
	}
	people := m.people(c)
	people.known[owner.ID] = &owner // who is told the secret needs nothing more of the store
	shown, err := people.show(ctx, m.lens(c), &record)
	return token, shown, err
}

// stillThere reports ErrNotFound for a group that is gone by now.
func (m *Manager) stillThere(ctx context.Context, level Level) error {
	if level.Of != pat.Group {
		return nil
	}
	if err := m.directory.Refresh(ctx); err != nil {
		return err
	}
	snapshot, err := m.directory.Snapshot(ctx)
	if err != nil {
		return err
	}
	if _, ok := snapshot.Group(directory.ID(level.ID)); !ok {
		return ErrNotFound
	}
	return nil
}

// technicalUser makes the owner of a token, in the shard of its level, with its role.
func (m *Manager) technicalUser(ctx context.Context, c *Caller, t target, draft *pat.Draft) (directory.Identity, error) {
	owner := directory.Identity{
		ID: directory.ID(id.NewIn(string(draft.LevelID))), Organization: t.organization, Type: directory.TechnicalUser,
		DisplayName: draft.Name, Enabled: true,
	}
	owner.Username = "token-" + string(owner.ID)
	owner, err := m.directory.CreateIdentity(ctx, owner, c.keeper())
	if err != nil {
		return directory.Identity{}, fmt.Errorf("make the technical user of a token: %w", err)
	}
	assignment := directory.Assignment{Role: roleOf(draft), Scope: directory.OnOrganization, ScopeID: draft.LevelID, Holder: owner.ID}
	if draft.Level == pat.Group {
		assignment.Scope = directory.OnGroup
	}
	if err := m.directory.Assign(ctx, t.organization, assignment, c.keeper()); err != nil {
		return directory.Identity{}, errors.Join(fmt.Errorf("give a technical user its role: %w", err), m.withdraw(ctx, c, &owner))
	}
	return owner, nil
}

func roleOf(draft *pat.Draft) directory.Role {
	switch {
	case draft.Level == pat.Group && draft.AdminRole:
		return directory.GroupAdmin
	case draft.Level == pat.Group:
		return directory.GroupUser
	case draft.AdminRole:
		return directory.OrganizationAdmin
	default:
		return directory.OrganizationUser
	}
}

// withdraw removes a technical user whose token could not be made.
func (m *Manager) withdraw(ctx context.Context, c *Caller, owner *directory.Identity) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if err := m.directory.RemoveIdentity(ctx, owner, c.keeper()); err != nil {
		return fmt.Errorf("remove a technical user without a token: %w", err)
	}
	return nil
}

// UpdateLevelToken changes a token of an organization or a group.
func (m *Manager) UpdateLevelToken(ctx context.Context, c *Caller, level Level, id string, match Match, change TokenChange) (*Token, error) {
	read := func() (*pat.Record, error) { return m.levelToken(ctx, c, level, id, ManageLevelToken) }
	return m.update(ctx, c, read, match, change)
}

// RotateLevelToken gives a token of an organization or a group a new secret. Who is
// told it has what the technical user was given besides, so the caller must be able
// to give that.
func (m *Manager) RotateLevelToken(ctx context.Context, c *Caller, level Level, id string, match Match, input Input[Rotation]) (pat.Token, *Token, error) {
	record, err := m.levelToken(ctx, c, level, id, ManageLevelToken)
	if err == nil {
		err = m.mayTakeOver(ctx, c, record.Owner)
	}
	if err != nil {
		return pat.Token{}, nil, err
	}
	return m.rotate(ctx, c, record, match, input)
}

// mayTakeOver refuses the caller a way to act as somebody who may do more.
func (m *Manager) mayTakeOver(ctx context.Context, c *Caller, id directory.ID) error {
	if id == c.Identity.ID {
		return nil
	}
	identity, err := m.directory.Find(ctx, id)
	if err != nil {
		return fmt.Errorf("find the owner of a token: %w", err)
	}
	snapshot, err := m.directory.Snapshot(ctx)
	if err != nil {
		return err
	}
	access := snapshot.AccessOf(&identity)
	return c.mayGive(snapshot, access.Assignments())
}

// RevokeLevelToken disables a token of an organization or a group. It can be
// re-enabled, unless it leaked.
func (m *Manager) RevokeLevelToken(ctx context.Context, c *Caller, level Level, id string, match Match, input Input[pat.End]) (*Token, error) {
	record, err := m.levelToken(ctx, c, level, id, ManageLevelToken)
	if err != nil {
		return nil, err
	}
	return m.revoke(ctx, c, record, match, input)
}

// ReactivateLevelToken re-enables a token of an organization or a group; JWTs from
// before stay dead. pat.ErrNotReactivatable.
func (m *Manager) ReactivateLevelToken(ctx context.Context, c *Caller, level Level, id string, match Match) (*Token, error) {
	record, err := m.levelToken(ctx, c, level, id, ManageLevelToken)
	if err == nil {
		err = match.check(etagOf(record))
	}
	if err != nil {
		return nil, err
	}
	revision := int64(0)
	if match != nil {
		revision = record.Revision
	}
	after, err := m.tokens.Reactivate(ctx, record.ID, revision, c.Policy, m.actor(c))
	if err != nil {
		return nil, changedSince(err, match)
	}
	return m.show(ctx, c, &after)
}

// DeleteLevelToken removes a token of an organization or a group, and its owner.
func (m *Manager) DeleteLevelToken(ctx context.Context, c *Caller, level Level, id string, match Match) error {
	record, err := m.levelToken(ctx, c, level, id, ManageLevelToken)
	if err != nil {
		return err
	}
	return m.remove(ctx, c, record, match)
}
