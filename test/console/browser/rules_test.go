package browser_test

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/test/console/browser"
)

func TestGoodPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	requirePass(t, func(v *verdict) {
		p := browser.Open(v, browser.Options{Base: s.URL})
		p.Goto("/")
		p.RequireAccessible(v)
		for _, width := range browser.Widths {
			p.SetViewport(width, 800)
			p.RequireLayout(v)
		}
	})
}

func TestRequireAccessible(t *testing.T) {
	s := newSite(t)
	p := browser.Open(t, browser.Options{Base: s.URL})
	style := func(rule string) change { return change{".cut {", rule + "\n.cut {"} }
	for _, test := range []struct {
		name   string
		change change
		want   string
	}{
		{"no label", change{`<label for="name">Name</label>`, "Name"}, `light: label \(.*\n  at #name`},
		{"no language", change{` lang="en"`, ""}, "html-has-lang"},
		{"no heading", change{"<h1>Tokens</h1>", ""}, "page-has-heading-one"},
		{"low contrast in light", change{"--quiet: #55565c", "--quiet: #aaa"}, `light: color-contrast \(.*\n  at (.|\n)*note`},
		{"low contrast in dark", change{"--quiet: #b4b5bb", "--quiet: #55565c"}, `dark: color-contrast \(.*\n  at (.|\n)*note`},
		{"on a picture", style(".note { background-image: linear-gradient(#888, #777); color: #aaa } .note a { color: inherit }"), "contrast of .*note.* is [12]\\.\\d+:1, measured by pixels"},
		{"in a picture", change{`<p class="cut">`, drawn("#888", "#777") + `<p class="cut">`}, "contrast of .* is 1\\.\\d+:1, measured by pixels"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.change(t, test.change)
			p.Goto("/")
			requireFail(t, test.want, func(v *verdict) { p.RequireAccessible(v) })
		})
	}
	s.change(t, style(".note { background-image: linear-gradient(#000, #222); color: #eee } .note a { color: inherit }"))
	p.Goto("/")
	before := p.HTML()
	requirePass(t, func(v *verdict) { p.RequireAccessible(v) })
	require.Equal(t, before, p.HTML(), "measuring leaves no traces")

	s.change(t, change{`<p class="cut">`, drawn("#111", "#eee") + `<p class="cut">`})
	p.Goto("/")
	requirePass(t, func(v *verdict) { p.RequireAccessible(v) })
}

// drawn is a picture with a text on a ground.
func drawn(ink, ground string) string {
	return `<svg width="120" height="30" role="img" aria-label="Drawn"><rect width="120" height="30" fill="` + ground + `"/>` +
		`<text x="5" y="20" fill="` + ink + `">Drawn</text></svg>`
}

func TestRequireLayout(t *testing.T) {
	s := newSite(t)
	p := browser.Open(t, browser.Options{Base: s.URL})
	style := func(rule string) change { return change{".cut {", rule + "\n.cut {"} }
	body := func(text string) change { return change{`<p class="cut">`, text + `<p class="cut">`} }
	for _, test := range []struct {
		name   string
		change change
		width  int
		want   string
	}{
		{"scrolls sideways", change{".wide { overflow-x: auto; max-width: 100% }", ""}, 320, "320 px, light: the document scrolls sideways: it is 6\\d\\d px wide in 320 px, because of .*<t"},
		{"cut off in width", change{`<p class="cut">short`, `<p class="cut">so long that it does not fit into two hundred pixels`}, 0, `<p class="cut">.* cuts off [\d.]+ px of the width`},
		{"cut off in height", style(".note { height: 10px; overflow: clip }"), 320, `<p class="note">.* cuts off [\d.]+ px of the height`},
		{"cut off by an ancestor", style("main { height: 30px; overflow: hidden }"), 0, `<main .* cuts off`},
		{"cut off without an ellipsis", change{"text-overflow: ellipsis;", ""}, 0, `<span class="name">.* cuts off`},
		{"cut off by the left edge", style("h1 { margin-left: -40px }"), 0, "<h1> \"Tokens\" is cut off by the left edge"},
		{"overlap", style("#copy { margin-left: -40px }"), 0, `<button> "Create token" and <button id="copy"> "Copy" overlap`},
		{"tiny target", style("#copy { min-height: 0; height: 20px; padding: 0 }"), 0, `<button id="copy"> "Copy" is a target of [\d.]+ × 20 px`},
		{"tiny link alone", body(`<p><a href="/x">more</a></p>`), 0, `<a> "more" is a target`},
		{"tiny checkbox", change{`<label><input type="checkbox" name="pat"> Personal</label>`, `<input type="checkbox" aria-label="Personal">`}, 0, `<input> "Personal" is a target of 13 × 13`},
		{"focus beside the viewport", change{".skip:focus { left: 0 }", ""}, 0, `<a class="skip"> .* takes the focus beside the viewport`},
		{"layout shift", change{"document.querySelector('#copy')", "setTimeout(() => document.querySelector('h1').before(Object.assign(document.createElement('p'), {className: 'late', textContent: 'late'})), 300);\ndocument.querySelector('#copy')"}, 0, "the layout shifted by 0.\\d+: .* moved"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.change(t, test.change, change{".cut {", ".late { height: 200px }\n.cut {"})
			p.SetViewport(cmp.Or(test.width, 1280), 800)
			p.Goto("/")
			if test.name == "layout shift" {
				p.See("late")
			}
			requireFail(t, test.want, func(v *verdict) { p.RequireLayout(v) })
		})
	}
}

func TestALayoutThatOnlyLooksWrong(t *testing.T) {
	s := newSite(t)
	p := browser.Open(t, browser.Options{Base: s.URL, Width: 320, Height: 700})
	for name, body := range map[string]string{
		"a dialog covers the page":       `<dialog><form method="dialog"><button>Close</button></form></dialog>`,
		"a bar stays in place":           `<footer class="bar"><button type="button">Save</button></footer>`,
		"a cut line says so":             `<p class="clamp">one line and another line and another line and another line</p>`,
		"a button is wider than its box": `<div class="wide"><button type="button" class="broad">Broad</button></div>`,
	} {
		t.Run(name, func(t *testing.T) {
			s.change(t,
				change{`<p class="cut">`, body + `<p class="cut">`},
				change{".cut {", `
.bar { position: fixed; inset: auto 0 0 0; height: 400px }
.clamp { width: 100px; display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden }
.broad { width: 600px; max-width: none }
.cut {`},
				change{"document.querySelector('#copy')", "document.querySelector('dialog')?.showModal();\ndocument.querySelector('#copy')"})
			p.Goto("/")
			p.For(t).RequireLayout(t)
		})
	}
}
