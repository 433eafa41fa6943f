package pat

import (
	"context"
	"iter"

	"github.com/cambio-sts/cambio/directory"
)

// Reader reads records.
type Reader interface {
	// Find returns ErrNotFound for an unknown id.
	Find(ctx context.Context, id ID) (Record, error)
	// FindAll returns the records of ids, in their order; unknown ones are left out.
	FindAll(ctx context.Context, ids []ID) ([]Record, error)
	// List yields the matching records, newest first, equal times by descending
	// id. It reads as it goes; a record changed or deleted meanwhile may be seen in either form,
	// one that matches throughout is never missed.
	List(ctx context.Context, q Query) iter.Seq2[Record, error]
	// Scan yields what List yields, each once, in no order: whoever needs all of them
	// has them sooner.
	Scan(ctx context.Context, q Query) iter.Seq2[Record, error]
	// Count tells how many records match, exactly, with those that are Managed or
	// without. It takes no longer for an organization that has many.
	Count(ctx context.Context, q Query, managed bool) (int, error)
}

// Query selects records. Organization is always needed; the others narrow when
// they are not empty.
type Query struct {
	Organization directory.ID
	Holder       directory.ID
	Ancestor     ID // made by means of this token, directly or through others
	Columns      Columns
}

// Columns say what of a record is read: a sum of those below, 0 for all of it. ID,
// Organization and Created always are, and a store may read more than it must.
type Columns uint16

// The columns. Whatever has none comes only with all of a record.
const (
	ColumnID Columns = 1 << iota // nothing but what always is read
	ColumnOwner
	ColumnName
	ColumnDescription
	ColumnScope
	ColumnLevel // and LevelID
	ColumnManaged
	ColumnState
	ColumnExpiration
	ColumnLastUsed
	ColumnLastSeen
)

// Has reports whether any of the columns in wanted is read.
func (c Columns) Has(wanted Columns) bool { return c == 0 || c&wanted != 0 }
