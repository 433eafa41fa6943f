package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/manage"
)

const (
	auditPath = "/console/audit"
	// maxAuditOffset is how far a list goes back by pages; further back reaches a date.
	maxAuditOffset = 10_000
)

// auditPage is a part of the audit trail.
type auditPage struct {
	Events   []eventGroup
	Filters  []*ui.Input
	More     []*ui.Input // ids, which few ask for
	MoreOpen bool
	List     *ui.List
	Entries  []auditEntry
	Damaged  bool // something could not be read
	Deep     bool // it goes on, but not by pages
	Activity *activityPart
	Days     int // of the activity that is asked for
}

// eventGroup is the events of one kind, to choose from.
type eventGroup struct {
	Label  string
	Events []ui.Option
}

// auditEntry is an event of the trail, with the names of its ids.
type auditEntry struct {
	audit.Entry

	Kind, What string
	Who, About string
	Facts      []auditFact
}

// auditFact is a member of an event.
type auditFact struct {
	Label, Value string
	Name         string // of what the value is the id of
	Only         string // where only entries with it are
	Path         string // where the thing itself is
}

// auditIDs are the ids that entries can be asked for by, with the texts of their names.
var auditIDs = []struct{ name, text string }{
	{"actor", "audit.actor"}, {"owner", "audit.owner"}, {"token", "audit.token"}, {"denial", "audit.denial"}, {"tracking", "audit.tracking"},
}

// audit shows what happened, newest first.
func (x *visit) audit() error {
	asked := url.Values{}
	for _, name := range []string{"event", "outcome", "from", "to", "actor", "owner", "token", "denial", "tracking"} {
		if value := x.query(name); value != "" {
			asked.Set(name, value)
		}
	}
	shown := &auditPage{List: &ui.List{Path: auditPath, Query: asked, Offset: min(offset(x.query("offset")), maxAuditOffset), Total: -1}}
	x.auditFilters(shown, asked)
	ask, wrong := x.auditAsk(shown, asked)
	found, err := x.manager.AuditEvents(x.r.Context(), x.caller, manage.Given(ask))
	if err != nil {
		return err
	}
	if shown.Days, err = strconv.Atoi(x.query("days")); err == nil {
		if shown.Activity, err = x.activity(shown.Days); err != nil {
			return err
		}
	}
	if wrong {
		return x.renderAs(http.StatusBadRequest, "audit", x.t("nav.audit"), shown)
	}
	if err := x.auditEntries(shown, found); err != nil {
		return err
	}
	return x.render("audit", x.t("nav.audit"), shown)
}

// auditAsk is what of the trail is asked for: one entry more than is shown, to know
// whether it goes on.
func (x *visit) auditAsk(p *auditPage, asked url.Values) (ask *manage.AuditAsk, wrong bool) {
	ask = &manage.AuditAsk{
		Event: asked.Get("event"), Outcome: audit.Outcome(asked.Get("outcome")), Actor: asked.Get("actor"), Owner: asked.Get("owner"), Token: asked.Get("token"),
		Denial: asked.Get("denial"), Tracking: asked.Get("tracking"), Limit: ui.PageSize + 1, Offset: p.List.Offset,
	}
	for _, in := range p.Filters {
		if in.Kind != kindDate || in.Value == "" {
			continue
		}
		day, err := time.ParseInLocation(time.DateOnly, in.Value, x.view.Zone())
		switch {
		case err != nil:
			in.Error, wrong = x.t("audit.date.wrong"), true
		case in.Name == "from":
			ask.From = day
		default:
			ask.To = day.AddDate(0, 0, 1)
		}
	}
	if wrong {
		ask.Limit = 0
	}
	return ask, wrong
}

// auditFilters adds what the trail can be asked for.
func (x *visit) auditFilters(p *auditPage, asked url.Values) {
	outcome := &ui.Input{Name: "outcome", Kind: kindSelect, Label: x.t("audit.outcome"), Bare: true}
	for _, one := range []audit.Outcome{"", audit.Success, audit.Failure} {
		outcome.Options = append(outcome.Options, ui.Option{Value: string(one), Text: x.t("outcome." + first(string(one), "any")), Selected: asked.Get("outcome") == string(one)})
	}
	p.Filters = []*ui.Input{
		outcome,
		{Name: "from", Kind: kindDate, Label: x.t("audit.from"), Value: asked.Get("from"), Bare: true},
		{Name: "to", Kind: kindDate, Label: x.t("audit.to"), Value: asked.Get("to"), Bare: true},
	}
	for _, id := range auditIDs {
		p.More = append(p.More, &ui.Input{Name: id.name, Kind: "search", Label: x.t(id.text), Value: asked.Get(id.name), Bare: true, Max: 64})
		p.MoreOpen = p.MoreOpen || asked.Has(id.name)
	}
	for _, name := range audit.Names() {
		kind := kindOf(name)
		if len(p.Events) == 0 || p.Events[len(p.Events)-1].Label != x.kindText(kind) {
			p.Events = append(p.Events, eventGroup{Label: x.kindText(kind)})
			all := kind + "*"
			p.Events[len(p.Events)-1].Events = []ui.Option{{Value: all, Text: x.t("audit.all_of", x.kindText(kind)), Selected: asked.Get("event") == all}}
		}
		group := &p.Events[len(p.Events)-1]
		group.Events = append(group.Events, ui.Option{Value: string(name), Text: x.eventText(name), Selected: asked.Get("event") == string(name)})
	}
}

// eventKinds are the beginnings of events' names.
var eventKinds = []string{"PERSONAL_ACCESS_TOKEN_", "ACCESS_TOKEN_", "IDENTITY_", "GROUP_", "ROLE_", "POLICY_", "LOGIN", "KEY_", "ORGANIZATION_", "AUDIT_"}

// kindOf is the beginning of an event's name, which those of its kind have.
func kindOf(name audit.Name) string {
	at := slices.IndexFunc(eventKinds, func(kind string) bool { return strings.HasPrefix(string(name), kind) })
	if at < 0 {
		return string(name)
	}
	return eventKinds[at]
}

func (x *visit) kindText(kind string) string {
	return x.view.Or("events."+strings.TrimSuffix(kind, "_"), kind)
}

func (x *visit) eventText(name audit.Name) string {
	return x.view.Or("event."+string(name), string(name))
}

// auditEntries adds what was found.
func (x *visit) auditEntries(p *auditPage, found *manage.AuditEvents) error {
	entries := found.Entries
	if len(entries) <= ui.PageSize {
		p.List.Total = p.List.Offset + len(entries)
	} else {
		entries = entries[:ui.PageSize]
	}
	p.Damaged, p.List.Shown = found.Damaged, len(entries)
	if p.Deep = p.List.Total < 0 && p.List.Offset >= maxAuditOffset; p.Deep {
		p.List.Total = p.List.Last()
	}
	var ids []directory.ID
	for i := range entries {
		for _, id := range []string{entries[i].Actor, entries[i].Owner, entries[i].Subject, entries[i].Organization} {
			if id != "" {
				ids = append(ids, directory.ID(id))
			}
		}
	}
	names, err := x.manager.Names(x.r.Context(), x.caller, ids)
	if err != nil {
		return err
	}
	for i := range entries {
		p.Entries = append(p.Entries, x.auditEntry(&entries[i], p.List, names))
	}
	return nil
}

// shortID is how much of an id tells it apart for people.
const shortID = 8

func (x *visit) auditEntry(entry *audit.Entry, list *ui.List, names map[directory.ID]manage.Reference) auditEntry {
	named := func(id string) string { return names[directory.ID(id)].Name }
	shown := auditEntry{Entry: *entry, Kind: x.kindText(kindOf(entry.Name)), What: x.eventText(entry.Name)}
	told := func(id string) string { return first(named(id), id[:min(shortID, len(id))]) }
	shown.Who = told(entry.Actor)
	switch {
	case entry.PATID != "" && entry.Owner != "" && entry.Owner != entry.Actor:
		shown.About = x.t("audit.token_of", told(entry.PATID), told(entry.Owner))
	case entry.PATID != "":
		shown.About = x.t("audit.token_alone", told(entry.PATID))
	default:
		shown.About = told(first(entry.Subject, entry.Owner))
	}
	add := func(text, value, filter, path string) {
		if value == "" {
			return
		}
		fact := auditFact{Label: x.t(text), Value: value, Name: named(value), Path: path}
		if filter != "" && list.Query.Get(filter) != value {
			fact.Only = list.With(filter, value)
		}
		shown.Facts = append(shown.Facts, fact)
	}
	token := ""
	if entry.PATID != "" && x.caller.May(directory.ReadAllTokens) {
		token = "/console/tokens/" + entry.PATID
	}
	add("audit.event", string(entry.Name), "event", "")
	add("audit.reason", entry.Reason, "", "")
	add("audit.actor", entry.Actor, "actor", "")
	add("audit.token", entry.PATID, "token", token)
	add("audit.owner", entry.Owner, "owner", "")
	add("audit.subject", entry.Subject, "", "")
	add("audit.audience", ui.Words(entry.Audience), "", "")
	add("audit.scope", entry.Scope, "", "")
	add("audit.jti", entry.JTI, "", "")
	add("audit.ip", entry.IP, "", "")
	add("audit.user_agent", entry.UserAgent, "", "")
	add("audit.denial", entry.DenialID, "denial", "")
	add("audit.tracking", entry.TrackingID, "tracking", "")
	add("audit.organization", entry.Organization, "", "")
	add("audit.id", entry.ID, "", "")
	add("audit.place", x.t("audit.line", entry.Seq, entry.Writer), "", "")
	return shown
}

// activityPart is how often tokens are used, day by day.
type activityPart struct {
	*manage.Activity

	Choices       []countCard
	Used, Refused int
	Bars          *ui.Bars
}

// activityDays are of how many days the picture can be.
var activityDays = []int{14, 31}

// showActivity is the picture alone: the page has it put in once it is shown, since the
// first look at a long trail counts all of it.
func (x *visit) showActivity() error {
	days, err := strconv.Atoi(x.query("days"))
	if err != nil {
		days = activityDays[0]
	}
	if !x.swapping() {
		return x.redirect(auditPath + "?days=" + strconv.Itoa(days))
	}
	shown, err := x.activity(days)
	if err != nil {
		return err
	}
	return x.part("audit", "activity", shown)
}

// activity counts the exchanges of the last days.
func (x *visit) activity(days int) (*activityPart, error) {
	if !slices.Contains(activityDays, days) {
		days = activityDays[0]
	}
	counted, err := x.manager.Activity(x.r.Context(), x.caller, manage.ActivityAsk{Days: days})
	if err != nil {
		return nil, err
	}
	shown := &activityPart{Activity: counted, Bars: x.usesByDay(counted)}
	for _, n := range activityDays {
		query := "?days=" + strconv.Itoa(n)
		shown.Choices = append(shown.Choices, countCard{Path: query, Text: x.t("audit.days", n), Current: n == days})
	}
	for _, day := range counted.Days {
		shown.Used, shown.Refused = shown.Used+day.Used, shown.Refused+day.Refused
	}
	return shown, nil
}

// usesByDay draws how often something was used.
func (x *visit) usesByDay(counted *manage.Activity) *ui.Bars {
	bars := &ui.Bars{ID: "exchanges", Title: x.t("audit.per_day"), Unit: x.t("audit.granted"), Other: x.t("audit.refused")}
	for i, day := range counted.Days {
		bar := ui.Bar{Label: day.Begin.Format(x.t("format.date")), Value: day.Used, More: day.Refused}
		if len(counted.Days) <= activityDays[0] || i%3 == 0 {
			bar.Short = strconv.Itoa(day.Begin.Day())
		}
		bars.Series = append(bars.Series, bar)
	}
	return bars
}
