package manage

import (
	"strings"

	"github.com/cambio-sts/cambio/directory"
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

// columnsOf is what of a record must be read to know the fields.
func columnsOf(fields []query.Field) pat.Columns {
	columns := pat.ColumnID
	for _, f := range fields {
		switch f {
		case fieldName:
			columns |= pat.ColumnName
		case fieldDescription:
			columns |= pat.ColumnDescription
		case fieldScope:
			columns |= pat.ColumnScope
		case fieldLevel:
			columns |= pat.ColumnLevel
		case fieldStatus:
			columns |= pat.ColumnState | pat.ColumnExpiration
		case fieldExpiration:
			columns |= pat.ColumnExpiration
		case fieldLastUsed:
			columns |= pat.ColumnLastUsed
		case fieldManaged:
			columns |= pat.ColumnManaged
		case fieldOwnerID, fieldOwnerName, fieldOwnerUsername, fieldOwnerStatus:
			columns |= pat.ColumnOwner
		}
	}
	return columns
}

// row is a token in a list, with its owner where something is asked of them.
type row struct {
	record pat.Record
	owner  *directory.Identity
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
