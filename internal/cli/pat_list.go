package cli

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
)

// pageSize is the greatest number of tokens in one answer of the API.
const pageSize = 250

func (g group) patList() *cobra.Command {
	var l listing
	command := g.command(action{
		use: "list", short: "List tokens: yours, or with --owner all the organization's", formats: dataFormats(),
		example: "  cambio pat list --filters 'status eq \"Active\" and lastUsed isnull' --sorters name\n" +
			"  cambio pat list --owner all -o id",
		run: func(c *call) error { return l.run(c) },
	})
	flags := command.Flags()
	flags.StringVar(&l.owner, "owner", "me", "me, the id of an identity, or all for the whole organization")
	flags.StringVar(&l.filters, "filters", "", "comparisons joined by and, such as 'expirationDate lt 2027-01-01T00:00:00Z'")
	flags.StringVar(&l.sorters, "sorters", "", "comma-separated, - descends, such as name,-created (default -created)")
	flags.IntVar(&l.limit, "limit", 0, "at most so many (default: all)")
	flags.IntVar(&l.offset, "offset", 0, "leave out so many")
	return command
}

// listing is what pat list was asked for.
type listing struct {
	owner, filters, sorters string
	limit, offset           int
	limited                 bool
}

func (l listing) run(c *call) error {
	l.limited = c.changed("limit")
	if l.limit < 0 || l.offset < 0 {
		return usage("--limit and --offset cannot be negative", "write 0 or more")
	}
	bodies, tokens, err := l.pages(c)
	if err != nil {
		return err
	}
	if len(tokens) == 0 && c.format() == formatTable {
		l.noteNone(c)
	}
	return c.printTokens([][]byte{joined(bodies)}, tokens)
}

// noteNone explains an empty table, as far as what was asked tells.
func (l listing) noteNone(c *call) {
	switch {
	case l.limited && l.limit == 0: // nobody looked
	case l.offset > 0:
		c.note("there are no such tokens after the first %d", l.offset)
	default:
		c.note("there are no such tokens")
	}
}

// pages asks for one page after another until the limit is reached or there are
// no more.
func (l listing) pages(c *call) (bodies [][]byte, tokens []token, err error) {
	for {
		a, err := c.send(request{method: http.MethodGet, path: tokensPath, query: l.query(len(tokens))})
		if err != nil {
			return nil, nil, err
		}
		var page []token
		if err := decode(a.body, &page); err != nil {
			return nil, nil, err
		}
		bodies, tokens = append(bodies, a.body), append(tokens, page...)
		total, err := strconv.Atoi(a.header.Get("X-Total-Count"))
		switch {
		case len(page) == 0, l.limited && len(tokens) >= l.limit:
			return bodies, tokens, nil
		case err == nil && l.offset+len(tokens) >= total, err != nil && len(page) < pageSize:
			return bodies, tokens, nil
		}
	}
}

// query asks for the page that begins after so many tokens.
func (l listing) query(have int) url.Values {
	size := pageSize
	if l.limited {
		size = min(size, l.limit-have)
	}
	query := url.Values{"limit": {strconv.Itoa(size)}, "offset": {strconv.Itoa(l.offset + have)}, "count": {"true"}}
	for name, value := range map[string]string{"owner-id": l.owner, "filters": l.filters, "sorters": l.sorters} {
		if value != "" && (name != "owner-id" || value != "all") {
			query.Set(name, value)
		}
	}
	return query
}
