package browser

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"
)

//go:embed testdata/axe/axe.min.js
var axeSource string

// axeScript runs axe-core with the rules of WCAG 2.0 to 2.2, levels A and AA, and
// with its best practices.
const axeScript = `async () => {
	const {violations, incomplete} = await axe.run(document, {
		runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice']},
		rules: {'target-size': {enabled: true}},
		resultTypes: ['violations', 'incomplete'],
	});
	const rows = results => results.flatMap(r => r.nodes.map(n => ({
		rule: r.id, help: r.help, target: n.target.flat().join(' '), summary: n.failureSummary ?? '',
	})));
	return {violations: rows(violations), incomplete: rows(incomplete)};
}`

// axeResults are what axe-core found wrong, and what it cannot judge.
type axeResults struct {
	Violations, Incomplete []axeRow
}

type axeRow struct {
	Rule, Help, Target, Summary string
}

func (r axeRow) String() string {
	return fmt.Sprintf("%s (%s)\n  at %s\n  %s", r.Rule, r.Help, r.Target, strings.ReplaceAll(r.Summary, "\n", "\n  "))
}

// RequireAccessible fails the test on each violation of WCAG 2.0 to 2.2, levels A
// and AA, and of the best practices that axe-core finds in the light and in the dark
// color scheme. Where axe-core cannot tell the contrast of a text, because of what
// is behind it, the pixels are measured. The page is left in the scheme it had.
func (p *Page) RequireAccessible(tb testing.TB) {
	tb.Helper()
	q := p.For(tb)
	before := p.options.Dark
	for _, dark := range []bool{before, !before} { // two changes fewer
		q.SetDark(dark)
		q.requireAccessible()
	}
	q.SetDark(before)
	if tb.Failed() {
		tb.FailNow()
	}
}

// requireAccessible marks the test as failed for the current color scheme.
func (p *Page) requireAccessible() {
	p.tb.Helper()
	p.settle()
	defer p.scripting()()
	var loaded bool
	p.ask(&loaded, `() => typeof axe === 'object'`)
	if !loaded {
		p.ask(nil, "() => {"+axeSource+"\n}")
	}
	var results axeResults
	p.ask(&results, axeScript)
	for _, row := range results.Violations {
		p.tb.Errorf("%s, %s: %s", p.Path(), p.look(), row)
	}
	var unsure []string
	for _, row := range results.Incomplete {
		if row.Rule == "color-contrast" {
			unsure = append(unsure, row.Target)
			continue
		}
		p.tb.Logf("%s, %s: axe cannot tell: %s", p.Path(), p.look(), row)
	}
	for _, problem := range p.lowContrast(unsure) {
		p.tb.Errorf("%s, %s: %s", p.Path(), p.look(), problem)
	}
}

// look names the viewport's width and the color scheme.
func (p *Page) look() string {
	scheme := "light"
	if p.options.Dark {
		scheme = "dark"
	}
	return fmt.Sprintf("%d px, %s", p.width, scheme)
}
