package ui

// Bar is a column of a picture, and a line of the table beside it.
type Bar struct {
	Label string // what it stands for, as the table tells it
	Short string // below the column; empty: none
	Value int
	More  int // stands above Value in another colour; 0: nothing
}

// Bars is a picture of numbers, and the same numbers as a table for who does not see
// it.
type Bars struct {
	ID     string // unique on the page
	Title  string
	Unit   string // heading of the values
	Other  string // heading of what stands above them; empty: nothing does
	Series []Bar
}

// The picture's own measures: across in percent of its width, so that texts keep their
// size on every screen; down in pixels.
const (
	barsWidth, barsHeight = 100, 170
	barsTop, barsFoot     = 18, 22
	barGap                = 0.28 // of a column
	fewBars               = 8    // of which the values fit on a phone
)

// column is a bar in the picture.
type column struct {
	Bar

	X, Y, Width, Height, MoreY, MoreHeight, Middle float64
}

// picture is what the template draws.
type picture struct {
	*Bars

	Height, Base int
	Columns      []column
	Top          int  // the greatest value
	Dense        bool // values would not fit on a phone
}

// draw lays the columns out.
func (b *Bars) draw() *picture {
	p := &picture{Bars: b, Height: barsHeight, Base: barsHeight - barsFoot, Dense: len(b.Series) > fewBars}
	for _, bar := range b.Series {
		p.Top = max(p.Top, bar.Value+bar.More)
	}
	if len(b.Series) == 0 {
		return p
	}
	step := float64(barsWidth) / float64(len(b.Series))
	scale := float64(p.Base-barsTop) / float64(max(1, p.Top))
	for i, bar := range b.Series {
		c := column{Bar: bar, X: step * (float64(i) + barGap/2), Width: step * (1 - barGap), Middle: step * (float64(i) + 0.5)}
		c.Height, c.MoreHeight = float64(bar.Value)*scale, float64(bar.More)*scale
		c.Y = float64(p.Base) - c.Height
		c.MoreY = c.Y - c.MoreHeight
		p.Columns = append(p.Columns, c)
	}
	return p
}
