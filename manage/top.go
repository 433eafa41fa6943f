package manage

import (
	"cmp"
	"container/heap"
	"slices"
)

// top keeps the first of what it is given by an order, those that are alike in the
// order in which they came: a page of a long list without the list.
type top[T any] struct {
	most    int
	compare func(a, b *T) int
	clone   func(*T) *T // of an entry that is kept; nil: a copy
	seen    int
	kept    []ranked[T] // a heap, the last one at its root
}

type ranked[T any] struct {
	entry *T
	came  int
}

func newTop[T any](most int, compare func(a, b *T) int) *top[T] {
	return &top[T]{most: most, compare: compare}
}

func (t *top[T]) order(a, b ranked[T]) int {
	return cmp.Or(t.compare(a.entry, b.entry), cmp.Compare(a.came, b.came))
}

// add takes a copy of an entry, and lets another go if there are too many.
func (t *top[T]) add(entry *T) {
	next := ranked[T]{entry, t.seen}
	t.seen++
	switch {
	case len(t.kept) < t.most:
		heap.Push(t, t.copied(next))
	case t.most > 0 && t.order(next, t.kept[0]) < 0:
		t.kept[0] = t.copied(next)
		heap.Fix(t, 0)
	}
}

func (t *top[T]) copied(next ranked[T]) ranked[T] {
	if t.clone != nil {
		return ranked[T]{t.clone(next.entry), next.came}
	}
	entry := *next.entry
	return ranked[T]{&entry, next.came}
}

// from returns what is kept, in order, without the first ones.
func (t *top[T]) from(offset int) []T {
	slices.SortFunc(t.kept, t.order)
	var entries []T
	for _, one := range t.kept[min(offset, len(t.kept)):] {
		entries = append(entries, *one.entry)
	}
	return entries
}

// Len implements heap.Interface.
func (t *top[T]) Len() int { return len(t.kept) }

// Less implements heap.Interface: the last comes first.
func (t *top[T]) Less(i, j int) bool { return t.order(t.kept[i], t.kept[j]) > 0 }

// Swap implements heap.Interface.
func (t *top[T]) Swap(i, j int) { t.kept[i], t.kept[j] = t.kept[j], t.kept[i] }

// Push implements heap.Interface.
func (t *top[T]) Push(x any) {
	if one, ok := x.(ranked[T]); ok {
		t.kept = append(t.kept, one)
	}
}

// Pop implements heap.Interface.
func (t *top[T]) Pop() any {
	last := t.kept[len(t.kept)-1]
	t.kept = t.kept[:len(t.kept)-1]
	return last
}
