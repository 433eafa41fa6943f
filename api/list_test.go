package api_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/pat"
)

// library is three tokens of alice's and one of bob's, and what a reader of all
// reads by.
func library(w *world) string {
	w.Helper()
	w.assign(&w.bob, "", directory.ReadAllTokens)
	w.clock.advance(2 * time.Second)
	base := w.clock.now()
	reader := w.bearer(&w.bob, pat.ScopeAll)
	for i, draft := range []pat.Draft{
		{Name: "b one", Description: "zeta", Scope: []string{"b:b:b"}},
		{Name: "A two", Scope: []string{"a:a:a"}, Expiration: base.Add(48 * time.Hour)},
		{Name: "c three", Description: "Alpha", Scope: []string{"c:c:c"}, Expiration: base.Add(24 * time.Hour)},
	} {
		w.clock.advance(time.Minute)
		record, token := w.token(&w.alice, draft.Name, func(d *pat.Draft) { *d = draft; d.Level = pat.Personal })
		if i == 1 {
			w.jwtFor(token)
		}
		if i == 2 {
			_, _, err := w.tokens.Revoke(w.Context(), &record, pat.End{}, pat.Actor{Identity: w.alice.ID})
			require.NoError(w, err)
		}
	}
	return reader
}

// jwtFor uses a token, so that it has a last use.
func (w *world) jwtFor(token string) {
	w.Helper()
	record, err := w.tokens.Format().Parse(token)
	require.NoError(w, err)
	stored := w.stored(record.ID())
	require.NoError(w, w.tokens.Touch(w.Context(), &pat.Use{Used: &pat.Used{Record: stored, Now: w.clock.now()}}, pat.Minted, origin()))
}

func TestListSortsAndFilters(t *testing.T) {
	w := newWorld(t)
	reader := library(w)
	alices := `owner.id eq "` + string(w.alice.ID) + `"`
	for _, c := range []struct {
		sorters, filters string
		want             []string
	}{
		{"", alices, []string{"c three", "A two", "b one"}},
		{"-created", alices, []string{"c three", "A two", "b one"}},
		{"created", alices, []string{"b one", "A two", "c three"}},
		{"name", alices, []string{"A two", "b one", "c three"}},
		{"-name", alices, []string{"c three", "b one", "A two"}},
		{"description", alices, []string{"c three", "b one", "A two"}},
		{"-description", alices, []string{"b one", "c three", "A two"}},
		{"expirationDate", alices, []string{"c three", "A two", "b one"}},
		{"-expirationDate", alices, []string{"A two", "c three", "b one"}},
		{"lastUsed,name", alices, []string{"A two", "b one", "c three"}},
		{"-lastUsed,-name", alices, []string{"A two", "c three", "b one"}},
		{"scope", alices, []string{"A two", "b one", "c three"}},
		{"status,name", alices, []string{"A two", "b one", "c three"}},
		{"-status,name", alices, []string{"c three", "A two", "b one"}},
		{"ownerUsername,name", `ownerUsername eq "alice"`, []string{"A two", "b one", "c three"}},
		{"owner.name,ownerStatus,name", alices, []string{"A two", "b one", "c three"}},
		{"name", `name co "T" and ownerUsername sw "AL"`, []string{"A two", "c three"}},
		{"name", alices + ` and status eq "Revoked"`, []string{"c three"}},
		{"name", alices + ` and lastUsed isnull and expirationDate isnull`, []string{"b one"}},
		{"name", alices + ` and lastUsed le 2026-11-22T23:00:00Z`, []string{"A two"}},
		{"name", alices + ` and created gt 2026-11-22T12:01:02.123Z and created le 2026-11-22T12:02:02.123Z`, []string{"A two"}},
		{"name", alices + ` and level eq "group"`, []string{}},
		{"name", alices + ` and managed ne true and name in ("b one", "x")`, []string{"b one"}},
	} {
		query := url.Values{"filters": {c.filters}}
		if c.sorters != "" {
			query.Set("sorters", c.sorters)
		}
		got := w.call(reader, http.MethodGet, collection+"?"+query.Encode(), "")
		require.Equal(t, http.StatusOK, got.StatusCode, string(got.body))
		require.Equal(t, c.want, got.names(t), c.sorters+" "+c.filters)
	}
}

func TestListPages(t *testing.T) {
	w := newWorld(t)
	reader := library(w)
	for query, want := range map[string]struct {
		names int
		total string
	}{
		"":                                     {4, ""},
		"count=true":                           {4, "4"},
		"count=false":                          {4, ""},
		"limit=0&count=true":                   {0, "4"},
		"limit=0":                              {0, ""},
		"limit=2":                              {2, ""},
		"limit=2&offset=3&count=true":          {1, "4"},
		"offset=4":                             {0, ""},
		"offset=9223372036854775807&limit=250": {0, ""},
		"sorters=name&limit=3&offset=2":        {2, ""},
		"owner-id=" + string(w.alice.ID) + "&count=true&limit=1": {1, "3"},
		"owner-id=" + string(pat.NewID(w.alice.ID)):              {0, ""},
		"owner-id=me":                  {1, ""},
		"filters=&sorters=&count=true": {4, "4"},
	} {
		got := w.call(reader, http.MethodGet, collection+"?"+query, "")
		require.Equal(t, http.StatusOK, got.StatusCode, query+string(got.body))
		require.Len(t, got.list(t), want.names, query)
		require.Equal(t, want.total, got.Header.Get("X-Total-Count"), query)
	}
	require.Equal(t, "[]\n", string(w.call(reader, http.MethodGet, collection+"?limit=0", "").body), "a bare array, never null")
	var seen []string
	for offset := range 4 {
		seen = append(seen, w.call(reader, http.MethodGet, fmt.Sprintf("%s?sorters=name&limit=1&offset=%d", collection, offset), "").names(t)...)
	}
	require.Equal(t, w.call(reader, http.MethodGet, collection+"?sorters=name", "").names(t), seen)
}

func TestListRefuses(t *testing.T) {
	w := newWorld(t)
	reader := library(w)
	for query, cause := range map[string]string{
		"limit=251":               "limit: must be between 0 and 250",
		"limit=-1":                "limit: must be between 0 and 250",
		"limit=ten":               "limit: is not a value of this parameter",
		"limit=1&limit=2":         "limit: is not a value of this parameter, or occurs more than once",
		"offset=-1":               "offset: must be between",
		"count=maybe":             "count: is not a value",
		"owner-id=":               "owner-id: must be me or an id",
		"owner-id=alice":          "owner-id: must be me or an id",
		"owner-id=me&owner-id=me": "owner-id: is not a value",
		"filters=name%20eq%20x":   "filters: at character 9: put the value in double quotes",
		"sorters=id":              "sorters: at character 1: sort by one of name",
		"filters=%20":             "filters: at character 2: begin with one of the fields",
		"sorters=%zz":             "the query string is malformed",
		"a=1;b=2":                 "the query string is malformed",
	} {
		got := w.call(reader, http.MethodGet, collection+"?"+query, "")
		require.Equal(t, http.StatusBadRequest, got.StatusCode, query+string(got.body))
		require.Contains(t, got.cause(t), cause, query)
	}
}

// What is no id is told so, whatever one may list.
func TestListRefusesOwnersThatAreNoID(t *testing.T) {
	w := newWorld(t)
	reader := library(w)
	for _, token := range []string{reader, w.bearer(&w.alice, pat.ScopeAll)} {
		for _, owner := range []string{"ME", "Me", "alice", "me ", "", strings.ToUpper(string(w.alice.ID)), string(w.alice.ID)[1:], string(w.alice.ID) + "0"} {
			got := w.call(token, http.MethodGet, collection+"?owner-id="+url.QueryEscape(owner), "")
			require.Equal(t, http.StatusBadRequest, got.StatusCode, owner)
			require.Equal(t, "owner-id: must be me or an id of 32 lowercase hexadecimal characters", got.cause(t), owner)
		}
	}
}

// A list in its default order reads no further than the page.
func TestListReadsNoFurtherThanItMust(t *testing.T) {
	counted := &counting{}
	w := newWorld(t)
	w.setPolicy(func(p *directory.Policy) { p.MaxTokensPerOwner = 0 })
	for i := range 30 {
		w.token(&w.alice, fmt.Sprint(i))
	}
	w.over(counted)
	token := w.bearer(&w.alice, pat.ScopeAll)
	for query, reads := range map[string]int{"&limit=5": 5, "&limit=5&offset=3": 8, "&limit=5&count=true": 31, "&limit=5&sorters=name": 31} {
		counted.reads = 0
		require.Len(t, w.call(token, http.MethodGet, mine+query, "").list(t), 5)
		require.Equal(t, reads, counted.reads, query)
	}
}

// counting counts what is read of lists.
type counting struct {
	pat.Store

	reads int
}

func (c *counting) List(ctx context.Context, q pat.Query) iter.Seq2[pat.Record, error] {
	return func(yield func(pat.Record, error) bool) {
		for record, err := range c.Store.List(ctx, q) {
			c.reads++
			if !yield(record, err) {
				return
			}
		}
	}
}

// A115: a name is data, wherever it ends up.
func TestListEscapes(t *testing.T) {
	w := newWorld(t)
	token := w.bearer(&w.alice, pat.ScopeAll)
	for _, name := range []string{`<img src=x onerror=alert(1)>`, `=cmd()`, `"quoted" \ & é ☃`} {
		made := w.call(token, http.MethodPost, collection, fmt.Sprintf(`{"name":%q}`, name))
		require.Equal(t, http.StatusOK, made.StatusCode, string(made.body))
		require.Equal(t, name, made.json(t)["name"])
		require.Equal(t, "application/json", made.Header.Get("Content-Type"))
		require.Equal(t, "nosniff", made.Header.Get("X-Content-Type-Options"))
		require.False(t, strings.ContainsAny(string(made.body), "<>&"), "no page that sniffs finds a tag")
	}
}
