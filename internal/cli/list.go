package cli

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// pageSize is the greatest number of things in one answer of the API.
const pageSize = 250

// listing is which part of a list was asked for.
type listing struct {
	filters, sorters string
	limit, offset    int
	limited          bool
	// pinned are the parameters that keep the later pages in step with the
	// first; nil where the order does.
	pinned func(first []byte) (url.Values, error)
	// uncounted lists do not tell how many there are in all.
	uncounted bool
}

// add registers the flags that every list takes.
func (l *listing) add(command *cobra.Command) {
	command.Flags().IntVar(&l.limit, "limit", 0, "at most so many (default: all)")
	command.Flags().IntVar(&l.offset, "offset", 0, "leave out so many")
}

// addQuery registers the flags of lists that are filtered and sorted by fields.
// Their names in the singular are taken too.
func (l *listing) addQuery(command *cobra.Command, filters, sorters string) {
	flags := command.Flags()
	flags.StringVar(&l.filters, "filters", "", "comparisons joined by and, such as '"+filters+"'")
	flags.StringVar(&l.sorters, "sorters", "", "comma-separated, - descends, such as "+sorters)
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		switch name {
		case "filter":
			name = "filters"
		case "sort":
			name = "sorters"
		}
		return pflag.NormalizedName(name)
	})
}

// list prints what l asks for of the list at path. query is what it asks for
// besides.
func (k kind[T]) list(c *call, l listing, path string, query url.Values) error {
	l.limited = c.changed("limit")
	if l.limit < 0 || l.offset < 0 {
		return usage("--limit and --offset cannot be negative", "write 0 or more")
	}
	bodies, all, err := k.pages(c, l, path, query)
	if err != nil {
		return err
	}
	if len(all) == 0 && c.format() == formatTable {
		l.noteNone(c, k.nouns)
	}
	return k.printAll(c, [][]byte{joined(bodies)}, all)
}

// noteNone explains an empty table, as far as what was asked tells.
func (l *listing) noteNone(c *call, nouns string) {
	switch {
	case l.limited && l.limit == 0: // nobody looked
	case l.offset > 0:
		c.note("there are no such %s after the first %d", nouns, l.offset)
	default:
		c.note("there are no such %s", nouns)
	}
}

// pages asks for one page after another until the limit is reached or there are
// no more.
func (k kind[T]) pages(c *call, l listing, path string, query url.Values) (bodies [][]byte, all []T, err error) {
	for {
		a, err := c.send(request{method: http.MethodGet, path: path, query: l.query(query, len(all))})
		if err != nil {
			return nil, nil, err
		}
		var page []T
		if err := decode(a.body, &page); err != nil {
			return nil, nil, err
		}
		bodies, all = append(bodies, a.body), append(all, page...)
		if warning := a.header.Get("Warning"); warning != "" && len(bodies) == 1 {
			c.note("warning: %s", warning)
		}
		if l.ends(a, len(page), len(all)) {
			return bodies, all, nil
		}
		if len(bodies) == 1 && l.pinned != nil {
			if query, err = l.pinned(a.body); err != nil {
				return nil, nil, err
			}
		}
	}
}

// ends reports whether an answer is the last that is needed, of so many things in
// it and so many in all.
func (l *listing) ends(a answer, page, all int) bool {
	if page == 0 || l.limited && all >= l.limit {
		return true
	}
	total, err := strconv.Atoi(a.header.Get("X-Total-Count"))
	if err != nil {
		return page < pageSize
	}
	return l.offset+all >= total
}

// query asks for the page that begins after so many things.
func (l *listing) query(besides url.Values, have int) url.Values {
	size := pageSize
	if l.limited {
		size = min(size, l.limit-have)
	}
	query := url.Values{"limit": {strconv.Itoa(size)}, "offset": {strconv.Itoa(l.offset + have)}}
	if !l.uncounted {
		query.Set("count", "true")
	}
	setPresent(query, "filters", l.filters)
	setPresent(query, "sorters", l.sorters)
	for name := range besides {
		setPresent(query, name, besides.Get(name))
	}
	return query
}

// setPresent sets a parameter that is not empty.
func setPresent(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

// joined returns the JSON arrays in bodies as one array, its elements byte for
// byte; a single one untouched.
func joined(bodies [][]byte) []byte {
	if len(bodies) == 1 {
		return bodies[0]
	}
	var elements [][]byte
	for _, body := range bodies {
		inside := bytes.TrimSpace(body)
		if inside = bytes.TrimSpace(inside[1 : len(inside)-1]); len(inside) > 0 {
			elements = append(elements, inside)
		}
	}
	return append(append([]byte("["), bytes.Join(elements, []byte(","))...), ']', '\n')
}
