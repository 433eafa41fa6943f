package ui

import (
	"fmt"
	"html/template"
	"slices"
	"time"
)

// Span is a part of a lane: what it stands for, and from when to when.
type Span struct {
	Kind     string // wait, use or rest: how it looks, and which of Lanes.Kinds it is
	From, To time.Time
}

// Lane is the life of one thing.
type Lane struct {
	Label string // what it is, beside the picture and in the table
	State string // how it is now
	Spans []Span // in their order; an empty one is not drawn
	Ended time.Time
}

// LaneKind says what the spans of a kind mean.
type LaneKind struct{ Kind, Text string }

// Lanes is a picture of lives side by side, one lane each, with the present marked, and
// the same as a table for who does not see it.
type Lanes struct {
	ID    string // unique on the page
	Title string
	Name  string // heading of the lanes in the table
	State string // heading of their states
	Ended string // heading of what ended early
	Kinds []LaneKind
	Lanes []Lane
}

// The picture's own measures: across in percent of its width, so that texts keep their
// size on every screen; down in pixels.
const (
	lanesTop, lanesFoot  = 22, 20
	laneStep             = 46
	laneTextAt, laneAt   = 14, 20
	laneHeight           = 14
	leastSpan            = 0.6 // percent: what is shorter could not be seen
	nowAtBegin, nowAtEnd = 12.0, 88.0
)

// laneSpan is a span in the picture.
type laneSpan struct {
	Span

	X, Width float64
}

// laneRow is a lane in the picture.
type laneRow struct {
	Lane

	TextY, Y, Bottom int
	Drawn            []laneSpan
	EndX             float64 // where it ended early
	Cells            []Span  // one for each kind, for the table
}

// lanesPicture is what the template draws.
type lanesPicture struct {
	*Lanes

	Height, Base, LaneHeight int
	Rows                     []laneRow
	Begin, End               time.Time
	NowX                     float64
	NowAnchor                string // text-anchor of the mark, so that it is not cut off
	AnyEnded                 bool
}

// draw lays the lanes out over the time from the first begin to the last end, and now.
func (l *Lanes) draw(now time.Time) *lanesPicture {
	p := &lanesPicture{Lanes: l, Begin: now, End: now, Base: lanesTop + laneStep*len(l.Lanes), LaneHeight: laneHeight}
	p.Height = p.Base + lanesFoot
	for _, lane := range l.Lanes {
		for _, span := range lane.Spans {
			if span.To.After(span.From) {
				p.Begin, p.End = earliest(p.Begin, span.From), latest(p.End, span.To)
			}
		}
		p.AnyEnded = p.AnyEnded || !lane.Ended.IsZero()
	}
	for i := range l.Lanes {
		p.Rows = append(p.Rows, p.row(i))
	}
	p.NowX, p.NowAnchor = p.at(now), "middle"
	switch {
	case p.NowX < nowAtBegin:
		p.NowAnchor = "start"
	case p.NowX > nowAtEnd:
		p.NowAnchor = "end"
	}
	return p
}

// at is where an instant is across, in percent.
func (p *lanesPicture) at(t time.Time) float64 {
	if !p.End.After(p.Begin) {
		return 0
	}
	share := float64(t.Sub(p.Begin)) / float64(p.End.Sub(p.Begin))
	return 100 * min(max(share, 0), 1)
}

func (p *lanesPicture) row(i int) laneRow {
	top := lanesTop + laneStep*i
	row := laneRow{Lane: p.Lanes.Lanes[i], TextY: top + laneTextAt, Y: top + laneAt, Bottom: top + laneAt + laneHeight}
	row.Cells = make([]Span, len(p.Kinds))
	for _, span := range row.Spans {
		if !span.To.After(span.From) {
			continue
		}
		from := p.at(span.From)
		width := max(p.at(span.To)-from, leastSpan)
		row.Drawn = append(row.Drawn, laneSpan{Span: span, X: min(from, 100-width), Width: width})
		if kind := slices.IndexFunc(p.Kinds, func(k LaneKind) bool { return k.Kind == span.Kind }); kind >= 0 {
			row.Cells[kind] = span
		}
	}
	if !row.Ended.IsZero() {
		row.EndX = p.at(row.Ended)
	}
	return row
}

// Empty reports whether the span is none.
func (s Span) Empty() bool { return !s.To.After(s.From) }

// Text is what the kind of a span means.
func (l *Lanes) Text(kind string) string {
	for _, one := range l.Kinds {
		if one.Kind == kind {
			return one.Text
		}
	}
	return ""
}

// Lanes draws a picture of lives side by side, with a table beside it.
func (v *View) Lanes(l *Lanes) template.HTML {
	return v.part("lanes", map[string]any{"V": v, "P": l.draw(v.now)})
}

// percent is a share of a width, as SVG has it.
func percent(n float64) string { return fmt.Sprintf("%.2f%%", n) }

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
