package ui

import (
	"html/template"
	"strings"
	"time"

	"github.com/cambio-sts/cambio/internal/instant"
)

// NavGroup is a part of the navigation.
type NavGroup struct {
	Title string // name of a text
	Links []NavLink
}

// NavLink is a page that the reader may see.
type NavLink struct {
	Path, Text string // Text is the name of a text
	Hint       string // name of a text that a tile shows
	Icon       string // name of a symbol in icons.svg
	Current    bool
}

// User is who is signed in.
type User struct{ Name, Username, Organization string }

// View is what a template sees: the page's own data, and the words, times and
// components of the one who reads it.
type View struct {
	Title  string
	Path   string
	Nav    []NavGroup
	User   *User  // nil: nobody is signed in
	Notice string // name of a text that says what was done
	Data   any

	texts    *texts
	zone     *time.Location
	now      time.Time
	renderer *Renderer
}

// Lang is the language of the page (BCP 47).
func (v *View) Lang() string { return v.texts.tag.String() }

// T returns a text in the language of the page, filled with the arguments.
func (v *View) T(name string, args ...any) string { return v.texts.text(name, args...) }

// Has reports whether there is a text of that name.
func (v *View) Has(name string) bool { _, has := v.texts.all[name]; return has }

// Or returns a text, or what is given if there is none of that name.
func (v *View) Or(name, other string) string {
	if v.Has(name) {
		return v.T(name)
	}
	return other
}

// Number writes a number as the language does.
func (v *View) Number(n int) string { return v.texts.printer.Sprintf("%d", n) }

// Now is when the page was made.
func (v *View) Now() time.Time { return v.now }

// SetNow makes the page as if it were made then.
func (v *View) SetNow(now time.Time) { v.now = now }

// Time shows an instant in the reader's zone, with UTC on hover; a dash for none.
func (v *View) Time(t time.Time) template.HTML { return v.time(t, v.T("format.time")) }

// Date shows the day of an instant in the reader's zone.
func (v *View) Date(t time.Time) template.HTML { return v.time(t, v.T("format.date")) }

// DateText is Date as plain text.
func (v *View) DateText(t time.Time) string { return t.In(v.zone).Format(v.T("format.date")) }

// TimeText is Time as plain text.
func (v *View) TimeText(t time.Time) string { return t.In(v.zone).Format(v.T("format.time")) }

// Day is the day of an instant in the reader's zone, as an input of type date has it.
func (v *View) Day(t time.Time) string { return t.In(v.zone).Format(time.DateOnly) }

// Zone is the reader's zone.
func (v *View) Zone() *time.Location { return v.zone }

func (v *View) time(t time.Time, layout string) template.HTML {
	if t.IsZero() {
		return v.part("none", v)
	}
	return v.part("time", map[string]string{
		"Machine": instant.Format(t), "UTC": t.UTC().Format(time.DateTime) + " UTC", "Text": t.In(v.zone).Format(layout),
	})
}

const day = 24 * time.Hour

// Away tells how far an instant is from now: "in 5 days", "3 hours ago".
func (v *View) Away(t time.Time) string {
	span, name := t.Sub(v.now), "away.in"
	if span < 0 {
		span, name = -span, "away.ago"
	}
	unit, n := "minutes", int(span/time.Minute)
	switch {
	case span < time.Minute:
		return v.T("away.now")
	case span >= 2*day:
		unit, n = "days", int(span/day)
	case span >= 2*time.Hour:
		unit, n = "hours", int(span/time.Hour)
	}
	if n == 1 {
		unit = strings.TrimSuffix(unit, "s")
	}
	return v.T(name+"."+unit, n)
}

// Within reports whether an instant lies ahead, by so many days at most.
func (v *View) Within(t time.Time, days int) bool {
	return t.After(v.now) && !t.After(v.now.Add(time.Duration(days)*day))
}

// Badge shows a state. tone is ok, warn, bad, info or empty.
func (v *View) Badge(tone, text string) template.HTML {
	return v.part("badge", map[string]string{"Tone": tone, "Text": text})
}

// Icon shows a symbol, for the eye only.
func (v *View) Icon(name string) template.HTML {
	return v.part("icon", v.renderer.assets["icons.svg"]+"#"+name)
}

// Sort is a column's heading, by which the list can be sorted.
func (v *View) Sort(list *List, field, text string) template.HTML {
	return v.part("sort", map[string]any{"V": v, "List": list, "Field": field, "Text": v.T(text)})
}

// Pager leads to the pages before and after.
func (v *View) Pager(list *List) template.HTML {
	return v.part("pager", map[string]any{"V": v, "List": list})
}

// Bars draws a picture of numbers, with a table beside it.
func (v *View) Bars(b *Bars) template.HTML {
	return v.part("bars", map[string]any{"V": v, "P": b.draw()})
}

// Field is an input with its label. See Input.
func (v *View) Field(in *Input) template.HTML {
	return v.part("field", map[string]any{"V": v, "In": in})
}

// Copy is a button that copies the text of the element with that id.
func (v *View) Copy(id, what string) template.HTML {
	return v.part("copy", map[string]any{"V": v, "ID": id, "What": what})
}

// Asset is the address of a file of the console.
func (v *View) Asset(name string) string { return v.renderer.assets[name] }

// part executes a component. A fault in one shows when its page is made.
func (v *View) part(name string, data any) template.HTML {
	var out strings.Builder
	parts, err := v.renderer.parts()
	if err == nil {
		err = parts.ExecuteTemplate(&out, name, data)
	}
	if err != nil {
		panic(err) // a component that does not fit its data: html/template makes it an error of the page
	}
	return template.HTML(out.String()) //nolint:gosec // made by html/template
}
