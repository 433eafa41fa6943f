package manage

import (
	"iter"

	"github.com/cambio-sts/cambio/internal/query"
)

// MaxPage is how many entries a page of a list has at most.
const MaxPage = 250

// Ask is what of a list is asked for.
type Ask struct {
	Filter query.Filter
	Order  query.Order
	Limit  int  // 0 to MaxPage
	Offset int  // at least 0
	Count  bool // tell how many there are in all
}

// Page is a part of a list.
type Page[T any] struct {
	Entries []T
	Total   int // with Ask.Count
}

// listing is a list of one kind: what an entry has in each field, and the field by
// which all come in their natural order.
type listing[T any] struct {
	read    func(entry *T, f query.Field) query.Value
	natural func(query.Order) bool
	sees    func(entry *T) bool // nil: all
}

// page reads a list as far as it must, and keeps no more of it than the page needs.
func page[T any](all iter.Seq2[T, error], ask *Ask, how *listing[T]) (Page[T], error) {
	last := ask.Offset + ask.Limit
	natural := how.natural(ask.Order)
	found := newTop(last, func(a, b *T) int {
		return ask.Order.Compare(
			func(f query.Field) query.Value { return how.read(a, f) },
			func(f query.Field) query.Value { return how.read(b, f) },
		)
	})
	if natural {
		found.compare = func(*T, *T) int { return 0 }
	}
	for entry, err := range all {
		if err != nil {
			return Page[T]{}, err
		}
		reader := func(f query.Field) query.Value { return how.read(&entry, f) }
		if how.sees != nil && !how.sees(&entry) || !ask.Filter.Match(reader) {
			continue
		}
		found.add(&entry)
		if natural && !ask.Count && found.seen >= last {
			break
		}
	}
	return Page[T]{Entries: found.from(ask.Offset), Total: found.seen}, nil
}

// values yields a list that is at hand.
func values[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, one := range all {
			if !yield(one, nil) {
				return
			}
		}
	}
}
