package manage

import (
	"context"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/pat"
)

// The fields of lists of tokens.
const (
	fieldID            query.Field = "id"
	fieldName          query.Field = "name"
	fieldOwnerID       query.Field = "owner.id"
	fieldOwnerName     query.Field = "owner.name"
	fieldOwnerUsername query.Field = "ownerUsername"
	fieldOwnerStatus   query.Field = "ownerStatus"
	fieldStatus        query.Field = "status"
	fieldLevel         query.Field = "level"
	fieldScope         query.Field = "scope"
	fieldDescription   query.Field = "description"
	fieldCreated       query.Field = "created"
	fieldExpiration    query.Field = "expirationDate"
	fieldLastUsed      query.Field = "lastUsed"
	fieldManaged       query.Field = "managed"
)

// TokenColumns are what lists of tokens can be asked for.
func TokenColumns() query.Columns {
	return query.Columns{
		{Field: fieldID, Kind: query.Text, Filter: true},
		{Field: fieldName, Kind: query.Text, Filter: true, Sort: true},
		{Field: fieldOwnerID, Kind: query.Text, Filter: true},
		{Field: fieldOwnerName, Kind: query.Text, Sort: true},
		{Field: fieldOwnerUsername, Kind: query.Text, Filter: true, Sort: true},
		{Field: fieldOwnerStatus, Kind: query.Choice, Sort: true},
		{Field: fieldStatus, Kind: query.Choice, Filter: true, Sort: true, Choices: []string{
			string(pat.Active), string(pat.Revoked), string(pat.Expired), string(pat.AutoRevoked),
		}},
		{Field: fieldLevel, Kind: query.Choice, Filter: true, Choices: []string{string(pat.Personal), string(pat.Group), string(pat.Organization)}},
		{Field: fieldScope, Kind: query.Text, Sort: true},
		{Field: fieldExpiration, Kind: query.Time, Filter: true, Sort: true},
		{Field: fieldCreated, Kind: query.Time, Filter: true, Sort: true},
		{Field: fieldDescription, Kind: query.Text, Sort: true},
		{Field: fieldLastUsed, Kind: query.Time, Filter: true, Sort: true},
		{Field: fieldManaged, Kind: query.Flag, Filter: true},
	}
}

// needsOwner reports whether the owner must be looked up to know the field.
func needsOwner(f query.Field) bool {
	return f == fieldOwnerName || f == fieldOwnerUsername || f == fieldOwnerStatus
}

// row is a token in a list, with its owner where something is asked of them.
type row struct {
	record pat.Record
	owner  *directory.Identity
}

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
	wanted, err := m.tokensOf(ctx, c, owner)
	if err != nil {
		return Page[*Token]{}, err
	}
	return m.list(ctx, c, wanted, ask, func(r *row) bool { return c.sees(&r.record) && (owner == "" || r.record.Owner == owner) })
}

// tokensOf narrows what the store reads: people hold their own tokens, those of a
// technical user lie with its group or organization.
func (m *Manager) tokensOf(ctx context.Context, c *Caller, owner directory.ID) (pat.Query, error) {
	wanted := pat.Query{Organization: c.Identity.Organization}
	if owner == "" {
		return wanted, nil
	}
	identity, err := m.people(c).find(ctx, owner)
	if err != nil {
		return pat.Query{}, err
	}
	if identity == nil || identity.Type == directory.User {
		wanted.Holder = owner
	}
	return wanted, nil
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
	seesManaged := c.may(SeeManaged, t)
	wanted := pat.Query{Organization: t.organization, Holder: directory.ID(level.ID)}
	return m.list(ctx, c, wanted, ask, func(r *row) bool { return r.record.Level == level.Of && (seesManaged || !r.record.Managed) })
}

// list returns a page of what a query selects and the caller sees.
func (m *Manager) list(ctx context.Context, c *Caller, wanted pat.Query, ask *Ask, sees func(*row) bool) (Page[*Token], error) {
	people, through := m.people(c), m.lens(c)
	withOwners := slices.ContainsFunc(slices.Concat(ask.Filter.Fields(), ask.Order.Fields()), needsOwner)
	rows := func(yield func(row, error) bool) {
		for record, err := range m.tokens.List(ctx, wanted) {
			one := row{record: record}
			if err == nil && withOwners {
				one.owner, err = people.find(ctx, record.Owner)
			}
			if !yield(one, err) || err != nil {
				return
			}
		}
	}
	found, err := page(rows, ask, &listing[row]{
		read:    func(r *row, f query.Field) query.Value { return r.value(f, through) },
		natural: func(order query.Order) bool { return order.Natural(fieldCreated) },
		sees:    sees,
	})
	if err != nil {
		return Page[*Token]{}, err
	}
	return m.showAll(ctx, people, through, found)
}

func (m *Manager) showAll(ctx context.Context, people *people, through lens, found Page[row]) (Page[*Token], error) {
	var named []directory.ID
	for i := range found.Entries {
		record := &found.Entries[i].record
		named = append(named, record.Owner, record.CreatedBy, record.RevokedBy)
	}
	if err := people.load(ctx, named); err != nil {
		return Page[*Token]{}, err
	}
	shown := Page[*Token]{Entries: make([]*Token, len(found.Entries)), Total: found.Total}
	for i := range found.Entries {
		var err error
		if shown.Entries[i], err = people.show(ctx, through, &found.Entries[i].record); err != nil {
			return Page[*Token]{}, err
		}
	}
	return shown, nil
}

// value tells what a token has in a field.
func (r *row) value(f query.Field, l lens) query.Value {
	record := &r.record
	switch f {
	case fieldID:
		return query.TextValue(record.ID)
	case fieldName:
		return query.TextValue(record.Name)
	case fieldDescription:
		return query.TextOrNull(record.Description)
	case fieldScope:
		return query.TextOrNull(strings.Join(record.Scope, " "))
	case fieldLevel:
		return query.TextValue(record.Level)
	case fieldStatus:
		return query.TextValue(l.status(record))
	case fieldCreated:
		return query.TimeOrNull(record.Created)
	case fieldExpiration:
		return query.TimeOrNull(l.expiration(record))
	case fieldLastUsed:
		return query.TimeOrNull(record.LastUsed)
	case fieldManaged:
		return query.FlagValue(record.Managed)
	case fieldOwnerID:
		return query.TextValue(record.Owner)
	default:
		return r.ofOwner(f, l)
	}
}

// ofOwner tells what the owner has in a field; null if they are gone.
func (r *row) ofOwner(f query.Field, l lens) query.Value {
	if r.owner == nil {
		return query.Value{}
	}
	switch f {
	case fieldOwnerName:
		return query.TextOrNull(r.owner.DisplayName)
	case fieldOwnerUsername:
		return query.TextValue(r.owner.Username)
	case fieldOwnerStatus:
		return query.TextValue(r.owner.Status(l.policy, l.now))
	default:
		return query.Value{}
	}
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
