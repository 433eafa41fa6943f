package api

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/cambio-sts/cambio/internal/httpx"
)

// queryParameters lists the query parameters that a route of openapi.yaml takes;
// the generated code knows them, but not which others there are.
func queryParameters(pattern string) []string {
	switch pattern {
	case "GET " + personalTokens:
		return []string{"owner-id", "limit", "offset", "count", "sorters", "filters"}
	case "POST " + personalTokens + "/{id}/revoke":
		return []string{"cascade"}
	default:
		return nil
	}
}

// checkQuery refuses a query string that cannot be read, and a parameter that the
// route does not know: a mistyped filters would list everything.
func checkQuery(raw string, known []string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return &requestError{key: causeQuery}
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
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
