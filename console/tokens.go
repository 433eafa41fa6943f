package console

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/instant"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/manage"
	"github.com/cambio-sts/cambio/pat"
)

// tokensPage is a list of tokens.
type tokensPage struct {
	*shelf

	All       bool // everybody's, not only the caller's own
	MayAll    bool
	MayCreate bool
	List      *ui.List
	Rows      []tokenRow
	Filters   []*ui.Input
	Statuses  []ui.Option
	Counts    *counts // the room for them
	Summary   string  // where they come from
}

// tokenRow is a token in the list.
type tokenRow struct {
	*manage.Token

	Badge, OwnerBadge badge
	Soon              bool
	Tags              []string // the first scopes
	More              int      // scopes besides
	Changes           []action // of its status; of a token that is nobody's own
}

// shownScopes is how many scopes a row tells.
const shownScopes = 1

// newestFirst is the order of lists of tokens unless another is asked for.
const newestFirst = "-created"

// list shows the tokens of the shelf.
func (s *shelf) list() error {
	shown := &tokensPage{shelf: s, MayAll: s.mayReadAll()}
	shown.All, shown.Counts = s.all(), s.counts(nil)
	shown.MayCreate = s.mayCreate()
	asked := url.Values{}
	for _, name := range []string{"of", "q", "who", "status", "expiring"} {
		if value := s.query(name); value != "" {
			asked.Set(name, value)
		}
	}
	if !s.Personal() || !shown.MayAll {
		asked.Del("of")
	}
	shown.List = &ui.List{Path: s.Base, Query: asked, Order: first(s.query("sort"), newestFirst), Offset: offset(s.query("offset"))}
	ask, err := tokenAsk(asked, shown.List, s.now())
	if err != nil {
		return err
	}
	found, err := s.tokens(s.owner(shown.All), ask)
	if err != nil {
		return err
	}
	shown.List.Shown, shown.List.Total = len(found.Entries), found.Total
	for _, token := range found.Entries {
		shown.Rows = append(shown.Rows, s.row(token))
	}
	shown.fill(asked)
	return s.render("tokens", s.Title, shown)
}

// owner is whose tokens are listed; empty: everybody's.
func (s *shelf) owner(all bool) directory.ID {
	if all {
		return ""
	}
	return s.caller.Identity.ID
}

func (s *shelf) mayReadAll() bool {
	return s.Personal() && s.caller.May(directory.ReadAllTokens)
}

// mayCreate reports whether the caller may make a token here.
func (s *shelf) mayCreate() bool {
	if s.Personal() {
		return s.manager.May(s.caller, manage.CreateToken)
	}
	return s.manager.MayLevel(s.context(), s.caller, manage.ManageLevelToken, *s.Level)
}

func (s *shelf) row(token *manage.Token) tokenRow {
	row := tokenRow{
		Token: token, Badge: statusBadge(s.view, token), Tags: token.Scope,
		OwnerBadge: badge{ownerTone(token.OwnerStatus), s.view.Or("person."+string(token.OwnerStatus), string(token.OwnerStatus))},
		Soon:       token.Status == pat.Active && s.view.Within(token.Expires, soonDays),
	}
	if !s.Personal() {
		row.Changes = s.changes(token)
	}
	if len(token.Scope) > shownScopes {
		row.Tags, row.More = token.Scope[:shownScopes], len(token.Scope)-shownScopes
	}
	return row
}

// fill adds what the list can be asked for.
func (p *tokensPage) fill(asked url.Values) {
	p.Filters = []*ui.Input{{Name: "q", Kind: "search", Label: p.t("tokens.search_name"), Value: asked.Get("q"), Bare: true, Max: 255}}
	if p.All {
		p.Filters = append(p.Filters, &ui.Input{Name: "who", Kind: "search", Label: p.t("tokens.search_who"), Value: asked.Get("who"), Bare: true, Max: 255})
	}
	for _, status := range []pat.Status{"", pat.Active, pat.Expired, pat.Revoked, pat.AutoRevoked} {
		text := p.t("tokens.any_status")
		if status != "" {
			text = p.view.Or("status."+string(status), string(status))
		}
		p.Statuses = append(p.Statuses, ui.Option{Value: string(status), Text: text, Selected: asked.Get("status") == string(status)})
	}
	parameters := url.Values{}
	for _, name := range []string{"of", "status", "expiring"} {
		if asked.Has(name) {
			parameters.Set(name, asked.Get(name))
		}
	}
	p.Summary = p.Base + "/summary"
	if len(parameters) > 0 {
		p.Summary += "?" + parameters.Encode()
	}
}

// offset reads where in a list a page begins.
func offset(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// tokenAsk turns what a page of tokens is asked for into what the use case takes.
func tokenAsk(asked url.Values, list *ui.List, now time.Time) (*manage.Ask, error) {
	columns := manage.TokenColumns()
	ask := &manage.Ask{Limit: ui.PageSize, Offset: list.Offset, Count: true}
	var conditions []string
	if text := asked.Get("q"); text != "" {
		conditions = append(conditions, "name co "+query.Quote(text))
	}
	if text := asked.Get("who"); text != "" {
		conditions = append(conditions, "ownerUsername co "+query.Quote(text))
	}
	if text := asked.Get("status"); text != "" {
		conditions = append(conditions, "status eq "+query.Quote(text))
	}
	if days, err := strconv.Atoi(asked.Get("expiring")); err == nil && days > 0 && days <= 366 {
		until := now.Add(time.Duration(days) * 24 * time.Hour)
		conditions = append(conditions, `status eq "Active"`, "expirationDate le "+instant.Format(until))
	}
	return ask, readAsk(ask, columns, conditions, list.Order)
}

// readAsk reads the conditions and the order.
func readAsk(ask *manage.Ask, columns query.Columns, conditions []string, order string) (err error) {
	if ask.Filter, err = columns.ParseFilter(strings.Join(conditions, " and ")); err != nil && len(conditions) > 0 {
		return err
	}
	ask.Order, err = columns.ParseOrder(order)
	return err
}

// counts are the numbers above a list, which lead to what they count.
type counts struct {
	Cards  []countCard
	Status *ui.Bars
	Bars   *ui.Bars
}

// countCard is a number that leads to what it counts.
type countCard struct {
	Path, Text string
	Count      int // -1: not counted yet
	Current    bool
}

// summary is the counts alone: the page has them put in once it is shown, so that a
// great list is not waited for.
func (s *shelf) summary() error {
	counted, err := s.summarize(s.owner(s.all()))
	if err != nil {
		return err
	}
	return s.part("tokens", "counts", s.counts(counted))
}

// counts are the numbers of a summary; without one, the room that they will take.
func (s *shelf) counts(of *manage.TokenSummary) *counts {
	known := of != nil
	if !known {
		of = &manage.TokenSummary{}
	}
	list := &ui.List{Path: s.Base, Query: url.Values{}}
	if s.all() {
		list.Query.Set("of", "all")
	}
	status, expiring := s.query("status"), s.query("expiring")
	shown := &counts{Status: &ui.Bars{ID: "statuses", Title: s.t("tokens.by_status"), Unit: s.t("tokens.count")}, Bars: &ui.Bars{ID: "months", Title: s.t("tokens.by_month"), Unit: s.t("tokens.count")}}
	add := func(path, text string, count int, current bool) {
		if !known {
			count = -1
		}
		shown.Cards = append(shown.Cards, countCard{path, text, count, current})
	}
	add(list.With("", ""), s.t("tokens.every"), of.Total(), status == "" && expiring == "")
	for _, one := range []struct {
		status pat.Status
		count  int
	}{{pat.Active, of.Active}, {pat.Expired, of.Expired}, {pat.Revoked, of.Revoked}, {pat.AutoRevoked, of.AutoRevoked}} {
		name := string(one.status)
		text := s.view.Or("status."+name, name)
		add(list.With("status", name), text, one.count, status == name)
		shown.Status.Series = append(shown.Status.Series, ui.Bar{Label: text, Short: text, Value: one.count})
	}
	add(list.With("expiring", strconv.Itoa(soonDays)), s.t("tokens.expiring_soon"), of.Within30Days, expiring != "")
	for _, month := range of.Months {
		shown.Bars.Series = append(shown.Bars.Series, ui.Bar{
			Label: month.Month.Format("2006-01"), Short: s.t("month." + strconv.Itoa(int(month.Month.Month()))), Value: month.Count,
		})
	}
	return shown
}

// all reports whether everybody's tokens are asked for, by who may see them.
func (s *shelf) all() bool { return s.query("of") == "all" && s.mayReadAll() }
