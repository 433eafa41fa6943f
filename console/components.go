package console

import (
	"net/url"
	"time"

	"github.com/cambio-sts/cambio/console/ui"
)

// componentsPage is every component in every state, for who works on them.
type componentsPage struct {
	Inputs   []*ui.Input
	Wrong    []*ui.Input
	Tones    []string
	Counts   []countCard
	Tiles    []ui.NavLink
	List     *ui.List
	Between  *ui.List
	Bars     *ui.Bars
	Lanes    *ui.Lanes
	Ask      *ask
	Times    []time.Time
	Up       []crumb
	LongName string
}

// components shows them. Its texts are not translated: no reader ever comes here.
func (x *visit) components() error {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) // the page looks alike whenever it is looked at
	x.view.SetNow(now)
	shown := &componentsPage{
		Tones: []string{"", "ok", "warn", "bad", "info"}, Times: []time.Time{{}, now, now.Add(-3 * time.Hour), now.Add(90 * 24 * time.Hour)},
		Up:       []crumb{{Path, x.t("nav.home")}, {"/console/components", "Components"}},
		Counts:   []countCard{{"#counts", "All of them", 123456, true}, {"#counts", "None", 0, false}, {"#counts", "A longer description of what is counted", 7, false}},
		Tiles:    []ui.NavLink{{Path: "#tiles", Text: "nav.keys", Hint: "nav.keys.hint", Icon: "key"}, {Path: "#tiles", Text: "nav.audit", Hint: "nav.audit.hint", Icon: "audit"}},
		List:     &ui.List{Path: "/console/components", Query: url.Values{}, Order: "name", Shown: ui.PageSize, Total: 120},
		Between:  &ui.List{Path: "/console/components", Query: url.Values{}, Order: "name", Offset: ui.PageSize, Shown: ui.PageSize, Total: 120},
		LongName: "a-name-without-any-blank-that-is-as-long-as-names-may-get-and-must-break-somewhere-on-a-narrow-screen",
		Ask:      sampleAsk(),
	}
	shown.Inputs, shown.Wrong = sampleInputs(""), sampleInputs("must be something else")
	shown.Bars = sampleBars(now)
	shown.Lanes = sampleLanes(now)
	return x.render("components", "Components", shown)
}

// sampleAsk is a question with all that one can have.
func sampleAsk() *ask {
	return &ask{
		Title: "Delete ci?", Lead: "It was used an hour ago.", Consequences: []string{"It ends at once.", "This cannot be undone."}, Problems: []string{"Something is wrong with it."},
		Inputs: []*ui.Input{{Name: "why", Kind: kindText, Label: "Why"}}, Submit: "Delete", Danger: true, Cancel: "/console/components",
	}
}

// sampleInputs are a field of each kind.
func sampleInputs(wrong string) []*ui.Input {
	options := []ui.Option{{Value: "a", Text: "One"}, {Value: "b", Text: "Another", Selected: true}}
	inputs := []*ui.Input{
		{Name: "text", Kind: kindText, Label: "Text", Hint: "A hint says what to enter.", Value: "entered", Required: true},
		{Name: "area", Kind: kindTextArea, Label: "Lines", Value: "one\ntwo"},
		{Name: "number", Kind: kindNumber, Label: "Number", Value: "7", Least: "1", Most: "9", Required: true},
		{Name: "date", Kind: kindDate, Label: "Date", Value: "2026-11-22"},
		{Name: "select", Kind: kindSelect, Label: "Select", Options: options, Required: true},
		{Name: "ticked", Kind: kindCheckbox, Label: "Ticked", Hint: "With a hint.", Checked: true},
		{Name: "unticked", Kind: kindCheckbox, Label: "Not ticked"},
	}
	for _, in := range inputs {
		if in.Error = wrong; wrong != "" {
			in.Name = "wrong-" + in.Name
		}
	}
	return inputs
}

func sampleBars(now time.Time) *ui.Bars {
	bars := &ui.Bars{ID: "sample-bars", Title: "Bars", Unit: "Granted", Other: "Refused"}
	for i, value := range []int{12, 30, 4, 0, 51, 1280, 640, 33} {
		day := now.AddDate(0, 0, i)
		bars.Series = append(bars.Series, ui.Bar{Label: day.Format(time.DateOnly), Short: day.Format("2"), Value: value, More: value / 4})
	}
	return bars
}

func sampleLanes(now time.Time) *ui.Lanes {
	on := func(days int) time.Time { return now.AddDate(0, 0, days) }
	return &ui.Lanes{
		ID: "sample-lanes", Title: "Lanes", Name: "Key", State: "State", Ended: "Revoked",
		Kinds: []ui.LaneKind{{Kind: "wait", Text: "Waits"}, {Kind: "use", Text: "In use"}, {Kind: "rest", Text: "Rests"}},
		Lanes: []ui.Lane{
			{Label: "first", State: "Retiring", Spans: []ui.Span{{Kind: "use", From: on(-40), To: on(-5)}, {Kind: "rest", From: on(-5), To: on(3)}}},
			{Label: "second", State: "Revoked", Spans: []ui.Span{{Kind: "wait", From: on(-40), To: on(-5)}, {Kind: "use", From: on(-5), To: on(-2)}}, Ended: on(-2)},
			{Label: "third", State: "Active", Spans: []ui.Span{{Kind: "wait", From: on(-5), To: on(-2)}, {Kind: "use", From: on(-2), To: on(28)}, {Kind: "rest", From: on(28), To: on(29)}}},
			{Label: "fourth", State: "Published", Spans: []ui.Span{{Kind: "wait", From: on(-2), To: on(28)}, {Kind: "use", From: on(28), To: on(58)}}},
		},
	}
}
