package api

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// sorter orders a list by one field.
type sorter struct {
	field      field
	descending bool
}

// order is sorters, the most important first. An empty one leaves a list as it
// is: newest first.
type order []sorter

// String prints the order as parseOrder reads it.
func (o order) String() string {
	texts := make([]string, len(o))
	for i, s := range o {
		texts[i] = string(s.field)
		if s.descending {
			texts[i] = "-" + texts[i]
		}
	}
	return strings.Join(texts, ",")
}

// sortable are the fields by which a list may be sorted.
func sortable() []field {
	return []field{
		fieldName, fieldOwnerName, fieldOwnerUsername, fieldOwnerStatus, fieldStatus, fieldScope, fieldExpiration, fieldCreated,
		fieldDescription, fieldLastUsed,
	}
}

// parseOrder reads fields separated by commas; a leading minus descends. Any
// error is a *listError.
func parseOrder(text string) (order, error) {
	var parsed order
	at := 0
	for part := range strings.SplitSeq(text, ",") {
		name, descending := strings.CutPrefix(part, "-")
		one := sorter{field: field(name), descending: descending}
		position := utf8.RuneCountInString(text[:at]) + 1
		if !slices.Contains(sortable(), one.field) {
			return nil, &listError{parameter: "sorters", position: position, fix: fmt.Sprintf("sort by one of %s; a leading - descends", joined(sortable()))}
		}
		if slices.ContainsFunc(parsed, func(s sorter) bool { return s.field == one.field }) {
			return nil, &listError{parameter: "sorters", position: position, fix: "name each field once"}
		}
		parsed = append(parsed, one)
		at += len(part) + 1
	}
	return parsed, nil
}

// natural reports whether a list that is newest first is in this order already.
func (o order) natural() bool {
	return len(o) == 0 || len(o) == 1 && o[0] == sorter{field: fieldCreated, descending: true}
}

// fields lists the fields that the order reads.
func (o order) fields() []field {
	var fields []field
	for _, s := range o {
		fields = append(fields, s.field)
	}
	return fields
}

// compare orders two entries by what is read of each; null comes last, whether
// ascending or not.
func (o order) compare(a, b func(field) value) int {
	for _, s := range o {
		x, y := a(s.field), b(s.field)
		switch {
		case x.null() && y.null():
			continue
		case x.null():
			return 1
		case y.null():
			return -1
		}
		sign := x.collate(y)
		if s.descending {
			sign = -sign
		}
		if sign != 0 {
			return sign
		}
	}
	return 0
}
