package api

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/manage"
)

// maxOffset is more than any list has, and small enough to be added to.
const maxOffset = 1 << 31

// checkQuery refuses a query string that cannot be read, and a parameter that the
// route does not know: a mistyped filters would list everything.
func checkQuery(raw string, known []string) error {
	parsed, err := url.ParseQuery(raw)
	if err != nil {
		return &requestError{key: causeQuery}
	}
	for _, name := range slices.Sorted(maps.Keys(parsed)) {
		switch {
		case slices.Contains(known, name):
		case len(known) == 0:
			return &requestError{key: causeQueryNone, args: []any{httpx.ShownName(name)}}
		default:
			return &requestError{key: causeQueryName, args: []any{httpx.ShownName(name), strings.Join(known, ", ")}}
		}
	}
	return nil
}

// listParams are the parameters that lists have; nil where one is absent, or where the
// list has none.
type listParams struct {
	limit, offset    *int
	count            *bool
	filters, sorters *string
}

// of returns what reads the parameters, for a list that has these columns.
func (p listParams) of(columns query.Columns) manage.Input[*manage.Ask] {
	return func() (*manage.Ask, error) { return p.ask(columns) }
}

// ask reads what of a list is asked for. Empty filters or sorters are none.
func (p listParams) ask(columns query.Columns) (ask *manage.Ask, err error) {
	ask = &manage.Ask{Limit: manage.MaxPage, Count: orZero(p.count)}
	if p.limit != nil {
		ask.Limit = *p.limit
	}
	if ask.Limit < 0 || ask.Limit > manage.MaxPage {
		return nil, &requestError{key: causeRange, args: []any{"limit", 0, manage.MaxPage}}
	}
	ask.Offset = orZero(p.offset)
	if ask.Offset < 0 {
		return nil, &requestError{key: causeRange, args: []any{"offset", 0, maxOffset}}
	}
	ask.Offset = min(ask.Offset, maxOffset)
	if text := orZero(p.filters); text != "" {
		if ask.Filter, err = columns.ParseFilter(text); err != nil {
			return nil, err
		}
	}
	if text := orZero(p.sorters); text != "" {
		ask.Order, err = columns.ParseOrder(text)
	}
	return ask, err
}

// respondPage answers with a page, each entry as show makes it, and with how many
// there are in all if that was asked for.
func respondPage[T, S any](a *API, w http.ResponseWriter, r *http.Request, count *bool, page manage.Page[T], show func(T) S, err error) {
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if orZero(count) {
		w.Header().Set("X-Total-Count", strconv.Itoa(page.Total))
	}
	write(w, http.StatusOK, typeJSON, shownAll(page.Entries, show))
}

// shownAll is never nil: an empty list is [].
func shownAll[T, S any](entries []T, show func(T) S) []S {
	shown := make([]S, len(entries))
	for i := range entries {
		shown[i] = show(entries[i])
	}
	return shown
}
