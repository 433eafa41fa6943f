package browser

import (
	"fmt"
	"path/filepath"
	"testing"
)

// Widths are the widths, in CSS pixels, at which pages are looked at.
var Widths = []int{320, 768, 1280}

// Shot is a page to look at.
type Shot struct {
	Name string // of the file
	Path string
	// Status is that of the answer, if it is one of failure.
	Status int
	// Prepare brings the page into the state to look at, such as with a dialog open;
	// nil if it is there when it is loaded. It runs for each picture.
	Prepare func(p *Page)
}

// Shots writes a PNG of each page at each width in both color schemes into a folder,
// as name-width-scheme.png, each in a subtest, and requires its layout and
// accessibility. Each picture is of a page that was loaded at this width and in this
// scheme. Without widths, they are Widths.
func Shots(t *testing.T, p *Page, pages []Shot, dir string, widths ...int) {
	t.Helper()
	if len(widths) == 0 {
		widths = Widths
	}
	before := p.options
	for _, shot := range pages {
		for _, width := range widths {
			for _, dark := range []bool{false, true} {
				p.SetViewport(width, before.Height)
				p.SetDark(dark)
				scheme := map[bool]string{false: "light", true: "dark"}[dark]
				name := fmt.Sprintf("%s-%d-%s", shot.Name, width, scheme)
				t.Run(name, func(t *testing.T) {
					p.For(t).shoot(shot, filepath.Join(dir, name+".png"))
				})
			}
		}
	}
	p.SetViewport(before.Width, before.Height)
	p.SetDark(before.Dark)
}

// shoot writes one picture, also of a page that fails what is required of it.
func (p *Page) shoot(shot Shot, path string) {
	p.tb.Helper()
	if shot.Status != 0 {
		p.GotoStatus(shot.Path, shot.Status)
	} else {
		p.Goto(shot.Path)
	}
	if shot.Prepare != nil {
		shot.Prepare(p)
	}
	if err := write(path, p.Screenshot()); err != nil {
		p.tb.Fatalf("%v", err)
	}
	p.requireAccessible()
	p.RequireLayout(p.tb)
}
