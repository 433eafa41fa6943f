package browser

import (
	_ "embed"
	"testing"
)

//go:embed layout.js
var layoutScript string

// RequireLayout fails the test on what is wrong with the layout of the page at its
// current width:
//
//   - the document scrolls sideways (a container with overflow-x: auto may);
//   - text is cut off, by its container or by the left edge, without an ellipsis;
//   - things to click overlap, of one layer: a dialog, a popover or a bar that stays
//     in place is meant to cover what is below it;
//   - a target is smaller than 24 × 24 CSS pixels (WCAG 2.2, 2.5.8), unless it is a
//     link in a line of text; a field's label is a part of it;
//   - what takes the focus is beside the viewport and stays there when it has it;
//   - things moved after they were painted, other than by an input of the person
//     (cumulative layout shift of 0.01 and more).
func (p *Page) RequireLayout(tb testing.TB) {
	tb.Helper()
	q := p.For(tb)
	q.settle()
	defer q.scripting()()
	var problems []string
	q.ask(&problems, layoutScript)
	for _, problem := range problems {
		tb.Errorf("%s, %s: %s", q.Path(), q.look(), problem)
	}
	if len(problems) > 0 {
		tb.FailNow()
	}
}
