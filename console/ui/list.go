package ui

import (
	"maps"
	"net/url"
	"strconv"
	"strings"
)

// PageSize is how many entries a page of a list shows.
const PageSize = 30

// List is a page of a list: where it is, what was asked for, and how much there is.
type List struct {
	Path   string     // of the page, without query
	Query  url.Values // what was asked for, besides sort and offset
	Order  string     // the sorter in force, such as -created
	Offset int
	Shown  int // entries on this page
	Total  int // in all; -1: unknown
}

// First and Last are the positions of what is shown, from 1.
func (l *List) First() int { return min(l.Offset+1, l.Last()) }

// Last is the position of the last entry that is shown.
func (l *List) Last() int { return l.Offset + l.Shown }

// SortURL is where the list is sorted by a field; once more, the other way round.
func (l *List) SortURL(field string) string {
	if l.Order == field {
		field = "-" + field
	}
	return l.at(field, 0)
}

// Direction is the value of aria-sort for a field.
func (l *List) Direction(field string) string {
	switch l.Order {
	case field:
		return "ascending"
	case "-" + field:
		return "descending"
	default:
		return "none"
	}
}

// Previous is where the page before is; empty if there is none.
func (l *List) Previous() string {
	if l.Offset == 0 {
		return ""
	}
	return l.at(l.Order, max(0, l.Offset-PageSize))
}

// Next is where the page after is; empty if there is none.
func (l *List) Next() string {
	if l.Shown < PageSize || l.Total >= 0 && l.Last() >= l.Total {
		return ""
	}
	return l.at(l.Order, l.Offset+PageSize)
}

// With is where the list is with another value of a parameter, from its beginning;
// an empty value takes the parameter away.
func (l *List) With(name, value string) string {
	other := *l
	other.Query = copied(l.Query)
	other.Query.Del(name)
	if value != "" {
		other.Query.Set(name, value)
	}
	return other.at(l.Order, 0)
}

// Asked reports whether anything besides the order was asked for.
func (l *List) Asked() bool { return len(l.Query) > 0 }

func (l *List) at(order string, offset int) string {
	query := copied(l.Query)
	if order != "" {
		query.Set("sort", order)
	}
	if offset > 0 {
		query.Set("offset", strconv.Itoa(offset))
	}
	if encoded := query.Encode(); encoded != "" {
		return l.Path + "?" + encoded
	}
	return l.Path
}

// Words joins what people read as a list.
func Words(words []string) string { return strings.Join(words, ", ") }

// copied is never nil.
func copied(query url.Values) url.Values {
	other := url.Values{}
	maps.Copy(other, query)
	return other
}
