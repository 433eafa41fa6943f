package manage

import (
	"cmp"
	"context"
	"iter"
	"runtime"
	"slices"
	"time"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/pat"
)

const (
	// ownersAtOnce is for how many tokens owners are looked up together.
	ownersAtOnce = 512
	// passAfter is after how many rows a long list lets others pass: it would keep a
	// processor for ten milliseconds else, and an exchange waiting for it.
	passAfter = 64
	// ownersKept bounds how many owners a list remembers.
	ownersKept = 1 << 14
)

// tokenList is a list of tokens as it is worked out.
type tokenList struct {
	*Manager

	caller      *Caller
	ask         *Ask
	people      *people
	through     lens
	owner       directory.ID // only theirs, if not empty
	level       pat.Level    // only of it, if not empty
	seesManaged bool
}

func (m *Manager) tokenList(c *Caller, ask *Ask, t target) *tokenList {
	return &tokenList{Manager: m, caller: c, ask: ask, people: m.people(c), through: m.lens(c), seesManaged: c.may(SeeManaged, t)}
}

// wants reports whether a record belongs to the list, whatever is filtered.
func (l *tokenList) wants(record *pat.Record) bool {
	return (l.seesManaged || !record.Managed) && (l.owner == "" || record.Owner == l.owner) && (l.level == "" || record.Level == l.level)
}

// fields are those by which the list is filtered and sorted.
func (l *tokenList) fields() []query.Field {
	return slices.Concat(l.ask.Filter.Fields(), l.ask.Order.Fields())
}

// columns is what of each record must be read.
func (l *tokenList) columns() pat.Columns {
	columns := columnsOf(l.fields())
	if !l.seesManaged {
		columns |= pat.ColumnManaged
	}
	if l.owner != "" {
		columns |= pat.ColumnOwner
	}
	if l.level != "" {
		columns |= pat.ColumnLevel
	}
	return columns
}

// ofHolder lists what a person, a group or an organization holds, which is little
// enough to be read whole.
func (l *tokenList) ofHolder(ctx context.Context, holder directory.ID) (Page[*Token], error) {
	return l.found(ctx, l.tokens.List(ctx, pat.Query{Organization: l.caller.Identity.Organization, Holder: holder}))
}

// ofOrganization lists an organization's tokens, of which there may be millions. What
// comes newest first is read as far as the page reaches, and counted by the store;
// for everything else the columns that it takes are read of all.
func (l *tokenList) ofOrganization(ctx context.Context) (Page[*Token], error) {
	wanted := pat.Query{Organization: l.caller.Identity.Organization, Columns: l.columns()}
	natural := l.ask.Order.Natural(fieldCreated)
	if natural && len(l.ask.Filter) == 0 && l.owner == "" {
		return l.newest(ctx, wanted)
	}
	if natural && !l.ask.Count {
		return l.found(ctx, l.tokens.List(ctx, wanted))
	}
	return l.found(ctx, l.tokens.Scan(ctx, wanted))
}

// newest is a page of all that there is.
func (l *tokenList) newest(ctx context.Context, wanted pat.Query) (Page[*Token], error) {
	var ids []pat.ID
	passed, last := 0, l.ask.Offset+l.ask.Limit
	if l.ask.Limit > 0 {
		for record, err := range l.tokens.List(ctx, wanted) {
			if err != nil {
				return Page[*Token]{}, err
			}
			if !l.wants(&record) {
				continue
			}
			if passed++; passed > l.ask.Offset {
				ids = append(ids, record.ID)
			}
			if passed == last {
				break
			}
		}
	}
	total := passed
	if l.ask.Count {
		var err error
		if total, err = l.tokens.Count(ctx, wanted, l.seesManaged); err != nil {
			return Page[*Token]{}, err
		}
	}
	return l.show(ctx, ids, total)
}

// standing is where a token stands in a list: what it is sorted by.
type standing struct {
	id      pat.ID
	created time.Time
	keys    []query.Value // of the sorters
}

// found is a page of those records that match.
func (l *tokenList) found(ctx context.Context, records iter.Seq2[pat.Record, error]) (Page[*Token], error) {
	order := l.ask.Order
	first := newTop(l.ask.Offset+l.ask.Limit, func(a, b *standing) int {
		return cmp.Or(order.CompareKeys(a.keys, b.keys), b.created.Compare(a.created), cmp.Compare(b.id, a.id))
	})
	first.clone = func(s *standing) *standing {
		return &standing{id: s.id, created: s.created, keys: slices.Clone(s.keys)}
	}
	candidate := standing{keys: make([]query.Value, len(order))}
	fields := order.Fields()
	done := order.Natural(fieldCreated) && !l.ask.Count // in order as they come
	err := l.rows(ctx, records, func(r *row) bool {
		if !l.wants(&r.record) || !l.ask.Filter.Match(func(f query.Field) query.Value { return r.value(f, l.through) }) {
			return true
		}
		candidate.id, candidate.created = r.record.ID, r.record.Created
		for i, f := range fields {
			candidate.keys[i] = r.value(f, l.through)
		}
		first.add(&candidate)
		return !done || first.seen < first.most
	})
	if err != nil {
		return Page[*Token]{}, err
	}
	var ids []pat.ID
	for _, one := range first.from(l.ask.Offset) {
		ids = append(ids, one.id)
	}
	return l.show(ctx, ids, first.seen)
}

// rows hands records on one by one until each says that it has enough, with their
// owners where something is asked of them.
func (l *tokenList) rows(ctx context.Context, records iter.Seq2[pat.Record, error], each func(*row) bool) error {
	size := 1
	withOwners := slices.ContainsFunc(l.fields(), needsOwner)
	if withOwners {
		size = ownersAtOnce
	}
	var one row // used again: of a hundred thousand, few are kept
	passed := 0
	for batch, err := range batches(records, size) {
		if err == nil && withOwners {
			err = l.loadOwners(ctx, batch)
		}
		if err != nil {
			return err
		}
		for i := range batch {
			if passed++; passed%passAfter == 0 {
				runtime.Gosched()
			}
			one.record, one.owner = batch[i], l.people.known[batch[i].Owner]
			if !each(&one) {
				return nil
			}
		}
	}
	return nil
}

// loadOwners looks owners up; it forgets those of before if there are too many.
func (l *tokenList) loadOwners(ctx context.Context, records []pat.Record) error {
	if len(l.people.known) > ownersKept {
		l.people = l.Manager.people(l.caller)
	}
	owners := make([]directory.ID, len(records))
	for i := range records {
		owners[i] = records[i].Owner
	}
	return l.people.load(ctx, owners)
}

// batches yields what all yields, so many at once; the slice is used again.
func batches[T any](all iter.Seq2[T, error], size int) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		batch := make([]T, 0, size)
		for one, err := range all {
			if err != nil {
				yield(nil, err)
				return
			}
			if batch = append(batch, one); len(batch) == size {
				if !yield(batch, nil) {
					return
				}
				batch = batch[:0]
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

// show reads the records of a page whole. One that has gone meanwhile, or is not the
// caller's to see any more, is left out.
func (l *tokenList) show(ctx context.Context, ids []pat.ID, total int) (Page[*Token], error) {
	records, err := l.tokens.FindAll(ctx, ids)
	if err != nil {
		return Page[*Token]{}, err
	}
	var named []directory.ID
	for i := range records {
		named = append(named, records[i].Owner, records[i].CreatedBy, records[i].RevokedBy)
	}
	if err := l.people.load(ctx, named); err != nil {
		return Page[*Token]{}, err
	}
	page := Page[*Token]{Total: total}
	for i := range records {
		if !l.wants(&records[i]) {
			continue
		}
		shown, err := l.people.show(ctx, l.through, &records[i])
		if err != nil {
			return Page[*Token]{}, err
		}
		page.Entries = append(page.Entries, shown)
	}
	return page, nil
}
