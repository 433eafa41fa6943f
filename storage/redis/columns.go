package redis

import (
	"cmp"
	"context"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// table reads the tokens that an index of an organization names, as far as a query
// asks for them.
type table struct {
	db     *DB
	q      pat.Query
	fields []any // of a hash
	// marked says that the rows tell by themselves whether they are managed.
	marked bool
}

func (s tokens) table(q pat.Query) *table {
	t := &table{db: s.db, q: q}
	for _, name := range columnFields(q.Columns) {
		t.fields = append(t.fields, name)
	}
	return t
}

// row is a token that is not decoded yet.
type row struct {
	entry

	values  []any // of the fields; nil where none are read
	managed bool  // only in a table that is marked
}

// load reads the rows of entries.
func (t *table) load(ctx context.Context, entries []entry) ([]row, error) {
	out := make([]row, len(entries))
	for i := range entries {
		out[i].entry = entries[i]
	}
	if len(t.fields) == 0 {
		return out, nil
	}
	err := t.db.pipeline(ctx, "list tokens", func(pipe goredis.Pipeliner) func() {
		replies := make([]*goredis.SliceCmd, 0, len(entries))
		for i := range entries {
			args := append(make([]any, 0, 2+len(t.fields)), "hmget", tokenKey(pat.ID(entries[i].id)))
			reply := goredis.NewSliceCmd(ctx, append(args, t.fields...)...)
			_ = pipe.Process(ctx, reply) // a pipeline only takes it up
			replies = append(replies, reply)
		}
		return func() {
			for i := range replies {
				out[i].values = replies[i].Val()
			}
		}
	})
	return out, err
}

// decode returns the record of a row; false if it is gone meanwhile.
func (t *table) decode(one *row) (record pat.Record, ok bool, err error) {
	if t.q.Columns == 0 {
		record, ok, err = readToken(pat.ID(one.id), read(one.values...))
	} else {
		record = pat.Record{ID: pat.ID(one.id), Organization: t.q.Organization, Created: time.UnixMilli(int64(one.score)).UTC()}
		ok = true
		if len(t.fields) > 0 {
			ok, err = readColumns(&record, t.q.Columns, read(one.values...))
		}
	}
	if err != nil {
		return pat.Record{}, false, unavailable("list tokens", err)
	}
	if t.marked {
		record.Managed = one.managed
	}
	return record, ok && matches(&record, t.q), nil
}

// hand yields the records of rows, and reports whether more are wanted.
func (t *table) hand(rows []row, yield func(pat.Record, error) bool) bool {
	for i := range rows {
		record, ok, err := t.decode(&rows[i])
		if err != nil {
			yield(pat.Record{}, err)
			return false
		}
		if ok && !yield(record, nil) {
			return false
		}
	}
	return true
}

// packedColumns are those that lie in the packed record.
const packedColumns = pat.ColumnDescription | pat.ColumnScope | pat.ColumnManaged

// columnFields names the fields that readColumns reads, in its order. The first tells
// whether there is a token at all.
func columnFields(c pat.Columns) []string {
	if c == 0 {
		return tokenFields()
	}
	if c == pat.ColumnID {
		return nil // the index has it
	}
	fields := []string{"state"}
	add := func(column pat.Columns, names ...string) {
		if c.Has(column) {
			fields = append(fields, names...)
		}
	}
	add(pat.ColumnExpiration, "expires")
	add(pat.ColumnOwner, "owner")
	add(pat.ColumnName, "name")
	add(packedColumns, "record", "record1", "record2", "record3")
	add(pat.ColumnLastUsed, "last_used")
	add(pat.ColumnLastSeen, "last_seen")
	add(pat.ColumnLevel, "level", "level_id")
	return fields
}

// readColumns reads the columns of a token into record; false if there is none.
func readColumns(record *pat.Record, c pat.Columns, r *reader) (bool, error) {
	record.State = pat.State(r.text())
	if record.State == "" {
		return false, r.err
	}
	if c.Has(pat.ColumnExpiration) {
		record.Expiration = r.time()
	}
	if c.Has(pat.ColumnOwner) {
		record.Owner = directory.ID(r.text())
	}
	if c.Has(pat.ColumnName) {
		record.Name = r.text()
	}
	packed := ""
	if c.Has(packedColumns) {
		packed = r.text() + r.text() + r.text() + r.text()
	}
	if c.Has(pat.ColumnLastUsed) {
		record.LastUsed = r.time()
	}
	if c.Has(pat.ColumnLastSeen) {
		record.LastSeen = r.time()
	}
	if c.Has(pat.ColumnLevel) {
		record.Level = pat.Level(r.unless(string(pat.Personal)))
		record.LevelID = directory.ID(r.text())
	}
	return true, cmp.Or(r.err, unpackColumns(record, c, packed))
}

// unpackColumns reads the columns of a packed record, which packToken wrote, and
// passes over the rest.
func unpackColumns(record *pat.Record, c pat.Columns, packed string) error {
	for place := 0; packed != ""; place++ {
		wanted := packedColumn(place)
		if wanted == 0 || !c.Has(wanted) {
			_, _, rest, ok := cutOne(packed)
			if !ok {
				return errReply
			}
			packed = rest
			continue
		}
		text, rest, ok := unpackOne(packed)
		if !ok {
			return errReply
		}
		packed = rest
		one := &reader{texts: []string{text}, plain: true}
		switch wanted {
		case pat.ColumnScope:
			record.Scope = listed[string](one)
		case pat.ColumnDescription:
			record.Description = text
		default:
			record.Managed = one.flag()
		}
		if one.err != nil {
			return one.err
		}
	}
	return nil
}

// packedColumn is the column that is a text of the packed record; 0: none.
func packedColumn(place int) pat.Columns {
	switch place {
	case 2:
		return pat.ColumnScope
	case 3:
		return pat.ColumnDescription
	case 7:
		return pat.ColumnManaged
	default:
		return 0
	}
}
