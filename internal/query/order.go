package query

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// sorter orders a list by one field.
type sorter struct {
	field      Field
	descending bool
}

// Order is sorters, the most important first. An empty one leaves a list as it
// is: newest first.
type Order []sorter

// String prints the order as Columns.ParseOrder reads it.
func (o Order) String() string {
	texts := make([]string, len(o))
	for i, s := range o {
		texts[i] = string(s.field)
		if s.descending {
			texts[i] = "-" + texts[i]
		}
	}
	return strings.Join(texts, ",")
}

// ParseOrder reads fields separated by commas; a leading minus descends. Any
// error is an *Error.
func (c Columns) ParseOrder(text string) (Order, error) {
	var parsed Order
	sortable := c.names(func(c Column) bool { return c.Sort })
	at := 0
	for part := range strings.SplitSeq(text, ",") {
		name, descending := strings.CutPrefix(part, "-")
		one := sorter{field: Field(name), descending: descending}
		position := utf8.RuneCountInString(text[:at]) + 1
		if !slices.Contains(sortable, one.field) {
			return nil, &Error{Parameter: "sorters", Position: position, Fix: FixSorter, Args: []any{joined(sortable)}}
		}
		if slices.ContainsFunc(parsed, func(s sorter) bool { return s.field == one.field }) {
			return nil, &Error{Parameter: "sorters", Position: position, Fix: FixOnce}
		}
		parsed = append(parsed, one)
		at += len(part) + 1
	}
	return parsed, nil
}

// Natural reports whether a list that is newest first, by this field, is in this
// order already.
func (o Order) Natural(created Field) bool {
	return len(o) == 0 || len(o) == 1 && o[0] == sorter{field: created, descending: true}
}

// Fields lists the fields that the order reads.
func (o Order) Fields() []Field {
	var fields []Field
	for _, s := range o {
		fields = append(fields, s.field)
	}
	return fields
}

// Compare orders two entries by what is read of each; null comes last, whether
// ascending or not.
func (o Order) Compare(a, b func(Field) Value) int {
	for _, s := range o {
		if sign := s.compare(a(s.field), b(s.field)); sign != 0 {
			return sign
		}
	}
	return 0
}

// CompareKeys is Compare of values that were read before, one of each sorter.
func (o Order) CompareKeys(a, b []Value) int {
	for i, s := range o {
		if sign := s.compare(a[i], b[i]); sign != 0 {
			return sign
		}
	}
	return 0
}

func (s sorter) compare(x, y Value) int {
	switch {
	case x.null() && y.null():
		return 0
	case x.null():
		return 1
	case y.null():
		return -1
	case s.descending:
		return y.collate(x)
	default:
		return x.collate(y)
	}
}
