package browser

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
)

//go:embed nowhere.js
var nowhereScript string

// leastSecret is how long a secret must be not to be found by chance.
const leastSecret = 8

// RequireNowhere fails the test if a secret that the page has shown is still
// somewhere: in the document or what its fields hold, in cookies, in the storage of
// scripts, in an address or a title of the history, in a request's address, in the
// HTTP cache, or on a page that is reached by going back, before and after a reload
// (unless that would send a form again). The page is left where it was. At the end
// of the browser, its files are searched too: with Options.OwnProfile at the end of
// the test, else of Main, which a test that calls this needs.
func (p *Page) RequireNowhere(tb testing.TB, secret string) {
	tb.Helper()
	if len(secret) < leastSecret {
		tb.Fatalf("a secret of %d characters would be found by chance", len(secret))
	}
	if !p.options.OwnProfile && !browsers.managed {
		tb.Fatalf("nobody searches the files of the browser: TestMain does not call browser.Main")
	}
	p.chromium.forbid(tb.Name(), secret)
	q := p.For(tb)
	defer q.scripting()()
	p.watch.hush(true) // of what is only tried here
	defer p.watch.hush(false)

	var places []string
	for _, r := range p.watch.sent() {
		if strings.Contains(r.url, secret) {
			places = append(places, "the address of a request: "+r.method+" "+hide(p.watch.short(r.url), secret))
		}
	}
	history := must(q, page.GetNavigationHistory, cdp.Empty{})
	for _, entry := range history.Entries {
		for _, part := range []string{entry.URL, entry.UserTypedURL, entry.Title} {
			if strings.Contains(part, secret) {
				places = append(places, "the history: "+hide(part, secret))
			}
		}
	}
	places = append(places, q.places(secret, "")...)
	here := history.Entries[history.CurrentIndex].ID
	for i := history.CurrentIndex - 1; i >= 0 && p.ours(history.Entries[i].URL); i-- {
		q.enter(history.Entries[i].ID)
		where := fmt.Sprintf("%d back, ", history.CurrentIndex-i)
		places = append(places, q.places(secret, where)...)
		if q.repeatable() {
			q.Reload()
			places = append(places, q.places(secret, where+"loaded anew, ")...)
		}
	}
	if must(q, page.GetNavigationHistory, cdp.Empty{}).CurrentIndex != history.CurrentIndex {
		q.enter(here)
	}
	for _, place := range places {
		tb.Errorf("the secret is in %s", place)
	}
	if len(places) > 0 {
		tb.FailNow()
	}
}

// ours reports whether a URL is of the page's own origin.
func (p *Page) ours(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && origin(parsed) == origin(p.base)
}

// repeatable reports whether the document that is shown was asked for by GET.
func (p *Page) repeatable() bool {
	p.tb.Helper()
	address, _, _ := strings.Cut(p.URL(), "#")
	method := ""
	for _, r := range p.watch.sent() {
		if sent, _, _ := strings.Cut(r.url, "#"); r.kind == network.ResourceTypeDocument && sent == address {
			method = r.method
		}
	}
	return method == http.MethodGet
}

// places returns where in the page of now, or in what it can reach, a secret is.
func (p *Page) places(secret, where string) []string {
	p.tb.Helper()
	seen := map[string]bool{}
	addresses := []string{}
	for _, r := range p.watch.sent() {
		address, _, _ := strings.Cut(r.url, "#")
		if r.method == http.MethodGet && p.ours(address) && !seen[address] {
			seen[address] = true
			addresses = append(addresses, address)
		}
	}
	var found []string
	p.ask(&found, nowhereScript, secret, addresses)
	for _, cookie := range p.Cookies() {
		if strings.Contains(cookie.Value, secret) {
			found = append(found, "the cookie "+cookie.Name)
		}
	}
	var names []string
	if err := p.eval(`Object.keys(window).filter(k => { try { return typeof window[k] === 'string' && window[k].includes(`+quote(secret)+`) } catch { return false } })`, &names); err == nil {
		for _, name := range names {
			found = append(found, "the variable "+name+" of the page's scripts")
		}
	}
	for i := range found {
		found[i] = where + found[i]
	}
	return found
}

// hide blackens the secret in what is printed.
func hide(text, secret string) string { return strings.ReplaceAll(text, secret, "[secret]") }

// searchFiles returns an error for each file below a folder that holds a canary, as
// UTF-8 or UTF-16, also inside a gzip stream, as the cache keeps it.
func searchFiles(dir string, canaries []canary) error {
	if len(canaries) == 0 {
		return nil
	}
	var found []error
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // some process of the browser cleans up
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path) //nolint:gosec // below our own folder
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		for _, c := range canaries {
			if holds(content, c.secret) {
				found = append(found, fmt.Errorf("the secret of %s is in the file %s of the browser", c.test, name))
			}
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("search the browser's files: %w", err)
	}
	return errors.Join(errors.Join(found...), err)
}

var gzipMagic = []byte{0x1f, 0x8b, 0x08} // RFC 1952 section 2.3.1, by the one method there is

func holds(content []byte, secret string) bool {
	wide := make([]byte, 0, 2*len(secret))
	for _, unit := range utf16.Encode([]rune(secret)) {
		wide = append(wide, byte(unit), byte(unit>>8)) //nolint:gosec // the low half and the high half
	}
	if bytes.Contains(content, []byte(secret)) || bytes.Contains(content, wide) {
		return true
	}
	for rest := content; ; {
		at := bytes.Index(rest, gzipMagic)
		if at < 0 {
			return false
		}
		rest = rest[at:]
		if reader, err := gzip.NewReader(bytes.NewReader(rest)); err == nil {
			inside, _ := io.ReadAll(io.LimitReader(reader, 16<<20)) // what can be read before it ends, or is none
			if bytes.Contains(inside, []byte(secret)) {
				return true
			}
		}
		rest = rest[len(gzipMagic):]
	}
}
