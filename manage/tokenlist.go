package manage

import (
	"context"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
)

// Tokens lists the tokens of an owner, or of the whole organization if that is empty.
func (m *Manager) Tokens(ctx context.Context, c *Caller, owner directory.ID, input Input[*Ask]) (Page[*Token], error) {
	t := target{known: true, organization: c.Identity.Organization, owner: owner}
	if err := c.need(ReadToken, t); err != nil {
		return Page[*Token]{}, err
	}
	ask, err := input()
	if err != nil {
		return Page[*Token]{}, err
	}
	list := m.tokenList(c, ask, t)
	if owner == "" {
		return list.ofOrganization(ctx)
	}
	identity, err := list.people.find(ctx, owner)
	if err != nil {
		return Page[*Token]{}, err
	}
	list.owner = owner
	if identity != nil && identity.Type == directory.TechnicalUser { // whose token lies with its group or organization
		return list.ofOrganization(ctx)
	}
	return list.ofHolder(ctx, owner)
}

// LevelTokens lists the tokens of an organization or a group.
func (m *Manager) LevelTokens(ctx context.Context, c *Caller, level Level, input Input[*Ask]) (Page[*Token], error) {
	t, err := m.place(ctx, c, level, ReadLevelToken)
	if err != nil {
		return Page[*Token]{}, err
	}
	ask, err := input()
	if err != nil {
		return Page[*Token]{}, err
	}
	list := m.tokenList(c, ask, t)
	list.level = level.Of
	return list.ofHolder(ctx, directory.ID(level.ID))
}

// Owner reads whose tokens are asked for: me, or an id.
func (c *Caller) Owner(text string) (directory.ID, error) {
	if text == "me" {
		return c.Identity.ID, nil
	}
	if !id.Valid(text) {
		return "", ErrOwner
	}
	return directory.ID(text), nil
}
