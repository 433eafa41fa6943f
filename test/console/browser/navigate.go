package browser

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
)

// Goto opens a path below the base, or a URL, as typed into the address bar, and
// fails the test unless it is answered with success.
func (p *Page) Goto(path string) {
	p.tb.Helper()
	if status := p.navigate(path); status >= http.StatusBadRequest {
		p.tb.Fatalf("%s is answered with %d", path, status)
	}
}

// GotoStatus opens a path that is answered with a status of failure.
func (p *Page) GotoStatus(path string, want int) {
	p.tb.Helper()
	p.watch.pardonStatus(want)
	if status := p.navigate(path); status != want {
		p.tb.Fatalf("%s is answered with %d, not %d", path, status, want)
	}
	p.watch.pardonStatus(0)
}

// navigate returns the status of the answer, 0 if there was no request.
func (p *Page) navigate(path string) int {
	p.tb.Helper()
	address := p.resolve(path)
	result := must(p, page.Navigate, page.NavigateParams{URL: address})
	if result.ErrorText != "" && !result.IsDownload {
		p.tb.Fatalf("open %s: %s", address, result.ErrorText)
	}
	p.settle()
	return p.watch.documentStatus()
}

func (p *Page) resolve(path string) string {
	p.tb.Helper()
	if strings.Contains(path, "://") || strings.HasPrefix(path, "about:") {
		return path
	}
	reference, err := url.Parse(path)
	if err != nil {
		p.tb.Fatalf("not a path: %v", err)
	}
	return p.base.ResolveReference(reference).String()
}

// Back goes to the page before, as the button of the browser does.
func (p *Page) Back() {
	p.tb.Helper()
	history := must(p, page.GetNavigationHistory, cdp.Empty{})
	if history.CurrentIndex == 0 {
		p.tb.Fatalf("there is no page before %s", p.URL())
	}
	p.enter(history.Entries[history.CurrentIndex-1].ID)
}

// enter goes to an entry of the history.
func (p *Page) enter(id int64) {
	p.tb.Helper()
	p.watch.begin()
	must(p, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: id})
	p.settle()
}

// Reload loads the page anew, as the button of the browser does.
func (p *Page) Reload() {
	p.tb.Helper()
	p.watch.begin()
	must(p, page.Reload, page.ReloadParams{})
	p.settle()
}

// URL returns the address of the page.
func (p *Page) URL() string {
	p.tb.Helper()
	history := must(p, page.GetNavigationHistory, cdp.Empty{})
	return history.Entries[history.CurrentIndex].URL
}

// Path returns path and query of the address of the page.
func (p *Page) Path() string {
	p.tb.Helper()
	address, err := url.Parse(p.URL())
	if err != nil {
		p.tb.Fatalf("the address of the page: %v", err)
	}
	return address.RequestURI()
}

// Title returns the title of the page.
func (p *Page) Title() string {
	p.tb.Helper()
	var title string
	p.ask(&title, `() => document.title`)
	return title
}

// HTML returns the document as it is now.
func (p *Page) HTML() string {
	p.tb.Helper()
	var text string
	p.ask(&text, `() => document.documentElement.outerHTML`)
	return text
}
