package console

import (
	"net/url"
	"strconv"

	"github.com/cambio-sts/cambio/console/ui"
	"github.com/cambio-sts/cambio/manage"
)

const inactivityPath = "/console/inactivity"

// inactivityPage is who becomes inactive without another login.
type inactivityPage struct {
	Threshold int    // days; 0: nobody becomes inactive
	Policy    string // where that is decided; empty: the reader may not
	Choices   []countCard
	List      *ui.List
	Rows      []inactivityRow
}

// inactivityRow is a person in the report.
type inactivityRow struct {
	*manage.Inactivity

	Name   string
	Path   string // empty: the reader may not open it
	Status badge
	Left   badge
}

// leftDays are of how many days left at most people can be shown.
var leftDays = []int{0, 7, 30, 90}

// inactivity shows who becomes inactive, the first one first.
func (x *visit) inactivity() error {
	asked, within := url.Values{}, -1
	if days, err := strconv.Atoi(x.query("days")); err == nil && days >= 0 {
		within = days
		asked.Set("days", strconv.Itoa(days))
	}
	shown := &inactivityPage{
		Threshold: x.caller.Policy.LogonInactivityDays, List: &ui.List{Path: inactivityPath, Query: asked, Offset: offset(x.query("offset"))},
	}
	ask := &manage.Ask{Limit: ui.PageSize, Offset: shown.List.Offset, Count: true}
	found, err := x.manager.Inactivity(x.r.Context(), x.caller, within, manage.Given(ask))
	if err != nil {
		return err
	}
	shown.List.Shown, shown.List.Total = len(found.Entries), found.Total
	if x.manager.May(x.caller, manage.WritePolicy) {
		shown.Policy = policyPath
	}
	shown.Choices = []countCard{{Path: inactivityPath, Text: x.t("inactivity.all"), Current: within < 0}}
	for _, days := range leftDays {
		text := x.t("inactivity.within", days)
		if days == 0 {
			text = x.t("inactivity.now")
		}
		shown.Choices = append(shown.Choices, countCard{Path: shown.List.With("days", strconv.Itoa(days)), Text: text, Current: within == days})
	}
	for i := range found.Entries {
		shown.Rows = append(shown.Rows, x.inactivityRow(&found.Entries[i]))
	}
	return x.render("inactivity", x.t("nav.inactivity"), shown)
}

// soonInactive is how many days left are few.
const soonInactive = 7

func (x *visit) inactivityRow(one *manage.Inactivity) inactivityRow {
	row := inactivityRow{
		Inactivity: one, Name: first(one.Identity.DisplayName, one.Identity.Username),
		Status: badge{ownerTone(one.Status), x.view.Or("person."+string(one.Status), string(one.Status))},
	}
	if x.manager.May(x.caller, manage.ReadIdentity) {
		row.Path = "/console/people/" + string(one.Identity.ID)
	}
	switch {
	case !one.At.After(x.now()):
		row.Left = badge{"bad", x.t("inactivity.over")}
	case one.Days <= 1:
		row.Left = badge{"bad", x.view.Away(one.At)}
	case one.Days <= soonInactive:
		row.Left = badge{"warn", x.t("span.days", one.Days)}
	default:
		row.Left = badge{"", x.t("span.days", one.Days)}
	}
	return row
}
