package scim

import (
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/scim/filter"
)

const (
	defaultCount = 100
	maxStart     = math.MaxInt32 // more than any list has, and small enough to be added to
)

// ask is what of a list is asked for (RFC 7644 §3.4.2).
type ask struct {
	filter     filter.Expr // nil: all
	sortBy     string
	descending bool
	start      int // from 1
	count      int // 0 to manage.MaxPage
	show       projection
}

// askQuery reads it from a query string. A parameter that is not SCIM's is passed
// over: identity providers append flags of their own.
func askQuery(r *http.Request) (*ask, error) {
	parsed, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, wrong(invalidSyntax, "the query string cannot be read")
	}
	given := object{}
	for name, values := range parsed {
		if len(values) > 1 {
			return nil, wrong(invalidSyntax, "give each parameter once")
		}
		given[strings.ToLower(name)] = values[0]
	}
	return readAsk(given)
}

// askBody reads it from the body of a search (§3.4.3).
func askBody(w http.ResponseWriter, r *http.Request) (*ask, error) {
	given, err := readObject(w, r)
	if err != nil {
		return nil, err
	}
	if schemas, ok := given["schemas"].([]any); ok && !slices.Contains(schemas, any(messageSearch)) {
		return nil, wrong(invalidSyntax, "schemas must name %s", messageSearch)
	}
	return readAsk(given)
}

func readAsk(given object) (*ask, error) {
	var a ask
	var err error
	if a.start, err = number("startIndex", given["startindex"], 1); err != nil {
		return nil, err
	}
	if a.count, err = number("count", given["count"], defaultCount); err != nil {
		return nil, err
	}
	a.start, a.count = min(max(a.start, 1), maxStart), min(max(a.count, 0), manage.MaxPage)
	if a.show, err = readProjection(given); err != nil {
		return nil, err
	}
	if a.sortBy, err = text("sortBy", given["sortby"]); err != nil {
		return nil, err
	}
	order, err := text("sortOrder", given["sortorder"])
	if err != nil {
		return nil, err
	}
	switch strings.ToLower(order) {
	case "descending":
		a.descending = true
	case "", "ascending":
	default:
		return nil, wrong(invalidValue, "sortOrder is ascending or descending")
	}
	condition, err := text("filter", given["filter"])
	if err == nil && condition != "" {
		a.filter, err = filter.Parse(condition)
	}
	return &a, err
}

// number reads a whole number, or the text of one.
func number(name string, given any, absent int) (int, error) {
	switch given := given.(type) {
	case nil:
		return absent, nil
	case float64:
		if given == math.Trunc(given) {
			return int(max(min(given, maxStart), -1)), nil
		}
	case string:
		if n, err := strconv.Atoi(given); err == nil {
			return n, nil
		}
	}
	return 0, wrong(invalidValue, "%s must be a whole number", name)
}

// order turns sortBy into the order of one of the columns, by the paths of attributes
// in lower case.
func (a *ask) order(schema string, columns map[string]query.Field) (query.Order, error) {
	if a.sortBy == "" {
		return nil, nil
	}
	name := strings.TrimPrefix(strings.ToLower(a.sortBy), strings.ToLower(schema)+":")
	column, known := columns[name]
	if !known {
		return nil, wrong(invalidValue, "sortBy is one of %s", strings.Join(sortedNames(columns), ", "))
	}
	text := string(column)
	if a.descending {
		text = "-" + text
	}
	return query.Columns{{Field: column, Sort: true}}.ParseOrder(text)
}

// page is what of the list is to be read.
func (a *ask) page(order query.Order) manage.Ask {
	return manage.Ask{Order: order, Limit: a.count, Offset: a.start - 1, Count: true}
}

// listBody is RFC 7644 §3.4.2.
type listBody struct {
	Schemas   []string `json:"schemas"`
	Total     int      `json:"totalResults"`
	Start     int      `json:"startIndex"`
	Count     int      `json:"itemsPerPage"`
	Resources []shown  `json:"Resources"`
}

// writeList answers with a part of a list that has total entries.
func (a *ask) writeList(w http.ResponseWriter, total int, entries []shown) {
	body := listBody{Schemas: []string{messageList}, Total: total, Start: a.start, Count: len(entries), Resources: []shown{}}
	for _, entry := range entries {
		body.Resources = append(body.Resources, a.show.of(entry))
	}
	write(w, http.StatusOK, body)
}

func sortedNames[V any](all map[string]V) []string { return slices.Sorted(maps.Keys(all)) }
