package browser

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

const (
	// limit bounds one answer of the browser, and a page's coming to rest.
	limit = 30 * time.Second
	// defaultPatience bounds a wait.
	defaultPatience = 10 * time.Second
	// pollInterval is the time between two looks at a condition that is waited for.
	pollInterval = 10 * time.Millisecond
	// world is where the scripts of this package run, inside the page and unseen by it.
	world = "cambio-test"

	defaultWidth, defaultHeight = 1280, 800
)

// Options say how a page is opened. Base is required.
type Options struct {
	Base string // URL that the paths of Goto follow; its origin is the page's own

	Origins        []string      // further origins that pages may go to and load from
	Language       string        // of the person, BCP 47; default en-US
	TimeZone       string        // IANA name; default UTC
	Width, Height  int           // of the viewport in CSS pixels; default 1280 × 800
	Dark           bool          // the person prefers a dark color scheme
	Motion         bool          // the person does not prefer reduced motion
	NoScript       bool          // JavaScript is off
	AnyCertificate bool          // certificates are not checked
	Patience       time.Duration // how long is waited for what an action needs; default 10 s
	// OwnProfile opens the page in an ordinary window of a Chromium of its own, which
	// writes history, cache and the session to files as a person's does. The other
	// pages are in windows without a past, as incognito ones are.
	OwnProfile bool
}

// Page is a tab. Its methods fail the test if what they do stays impossible for
// Options.Patience. A page belongs to one goroutine.
type Page struct {
	*tab

	tb    testing.TB
	scope string // CSS selector of the one element in which elements are found
}

// tab is what the views of one page share.
type tab struct {
	chromium  *chromium
	browser   *chromedp.Browser
	target    *chromedp.Target
	contextID cdp.BrowserContextID
	base      *url.URL
	options   Options
	watch     *watch
	width     int
}

// Open opens a tab for a test, with no page in it yet. At the end of the test, the
// tab is closed and the test fails on what the pages in it did wrong, unless Expect
// was told.
func Open(tb testing.TB, options Options) *Page {
	tb.Helper()
	base, err := url.Parse(options.Base)
	if err != nil || base.Host == "" {
		tb.Fatalf("Options.Base is no URL: %q", options.Base)
	}
	of := browsers.get
	if options.OwnProfile {
		of = own
	}
	c := of(tb)
	var tabOptions []chromedp.ContextOption
	if !options.OwnProfile {
		tabOptions = append(tabOptions, chromedp.WithNewBrowserContext())
	}
	return open(tb, c, c.ctx, base, options, tabOptions...)
}

// own starts a browser for one test.
func own(tb testing.TB) *chromium {
	tb.Helper()
	c, err := startChromium(find(tb))
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() {
		if err := c.end(); err != nil {
			tb.Errorf("%v", err)
		}
	})
	return c
}

func open(tb testing.TB, c *chromium, parent context.Context, base *url.URL, options Options, tabOptions ...chromedp.ContextOption) *Page { //nolint:revive // the test comes first
	tb.Helper()
	ctx, cancel := chromedp.NewContext(parent, tabOptions...)
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		tb.Fatalf("open a tab: %v", err)
	}
	made := chromedp.FromContext(ctx)
	p := &Page{tb: tb, tab: &tab{
		chromium: c, browser: made.Browser, target: made.Target, contextID: made.BrowserContextID, base: base, options: options,
	}}
	p.watch = newWatch(base, options.Origins, cdp.FrameID(made.Target.TargetID))
	p.watch.answer = func(accept bool) { //nolint:contextcheck // it has the test's
		_, _ = call(p, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: accept}) // the page may have gone
	}
	if err := chromedp.Listen(ctx, p.watch.see); err != nil {
		cancel()
		tb.Fatalf("watch a tab: %v", err)
	}
	tb.Cleanup(func() {
		p.conclude()             //nolint:contextcheck // it has the test's
		_ = chromedp.Cancel(ctx) // a page that crashed cannot be closed
		cancel()
	})
	p.prepare() //nolint:contextcheck // it has the test's
	return p
}

// prepare makes the tab what its options say.
func (p *Page) prepare() {
	p.tb.Helper()
	options := p.options
	if options.Width == 0 {
		options.Width, options.Height = defaultWidth, defaultHeight
	}
	if options.Language == "" {
		options.Language = "en-US"
	}
	if options.Patience == 0 {
		options.Patience = defaultPatience
	}
	if options.TimeZone == "" {
		options.TimeZone = "UTC"
	}
	p.options = options
	must(p, runtime.AddBinding, runtime.AddBindingParams{Name: violationBinding, ExecutionContextName: world})
	must(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: reportViolations, WorldName: world})
	must(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	must(p, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: options.TimeZone})
	must(p, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: strings.ReplaceAll(options.Language, "-", "_")})
	version := must(p, browser.GetVersion, cdp.Empty{})
	must(p, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: version.UserAgent, AcceptLanguage: options.Language})
	must(p, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, BrowserContextID: p.contextID,
		DownloadPath: p.tb.TempDir(), EventsEnabled: new(true),
	})
	if options.AnyCertificate {
		must(p, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
	}
	if options.NoScript {
		must(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	}
	p.SetViewport(options.Width, options.Height)
	p.SetDark(options.Dark)
}

// conclude fails the test on what the pages did wrong.
func (p *Page) conclude() {
	p.tb.Helper()
	// What the page did before it answers has been seen when it has.
	_, _ = call(p, runtime.Evaluate, runtime.EvaluateParams{Expression: "0"})
	for _, finding := range p.watch.verdict() {
		p.tb.Errorf("%s", finding)
	}
	if p.tb.Failed() {
		p.keep("failed.png", p.capture)
		p.keep("failed.html", func() ([]byte, error) {
			var text string
			err := p.run(&text, `() => document.documentElement.outerHTML`)
			return []byte(text), err
		})
	}
}

// keep writes an artifact of a failed test where the caller of the tests asked for
// some; see artifacts.
func (p *Page) keep(name string, made func() ([]byte, error)) {
	dir := os.Getenv(artifactsVariable)
	if dir == "" {
		return
	}
	content, err := made()
	if err == nil {
		err = write(filepath.Join(artifacts(p.tb), name), content)
	}
	if err != nil {
		p.tb.Logf("keep %s: %v", name, err)
	}
}

// For returns the page with tb as the test that its methods fail, such as a subtest.
func (p *Page) For(tb testing.TB) *Page {
	tb.Helper()
	return &Page{tab: p.tab, tb: tb, scope: p.scope}
}

// Within returns the page with a view on the one element that a CSS selector
// matches: texts, names and selectors are looked for in it only.
func (p *Page) Within(css string) *Page {
	return &Page{tab: p.tab, tb: p.tb, scope: css}
}

// NewTab opens another tab of the same window, with the same cookies.
func (p *Page) NewTab() *Page {
	p.tb.Helper()
	var tabOptions []chromedp.ContextOption
	if p.contextID != "" {
		tabOptions = append(tabOptions, chromedp.WithExistingBrowserContext(p.contextID))
	}
	return open(p.tb, p.chromium, p.chromium.ctx, p.base, p.options, tabOptions...)
}

// Expect allows what would fail the test at its end, by a regular expression for
// the finding, such as `^request: 403 GET /console/keys$`; the test fails if it does
// not happen. Findings begin with csp, exception, console, request, origin, window,
// dialog or crash.
func (p *Page) Expect(pattern string) {
	p.tb.Helper()
	if err := p.watch.expect(pattern); err != nil {
		p.tb.Fatalf("expect: %v", err)
	}
}

// ExpectDialog says how the next dialog of the page's scripts (alert, confirm, or the
// question whether to leave it) is answered. The test fails if none comes, and on
// each that was not expected, which is accepted.
func (p *Page) ExpectDialog(accept bool) { p.watch.expectDialog(accept) }

// Dialogs returns the type and the message of the dialogs so far, such as
// "confirm: Revoke it?".
func (p *Page) Dialogs() []string { return p.watch.dialogsSeen() }

// Downloads returns the names of the files that the page has offered so far.
func (p *Page) Downloads() []string { return p.watch.downloadsSeen() }

// SetViewport sets the size of the viewport in CSS pixels.
func (p *Page) SetViewport(width, height int) {
	p.tb.Helper()
	p.width = width
	must(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(width), Height: int64(height), DeviceScaleFactor: 1,
	})
}

// SetThroughput limits what comes to the page to so many bytes a second, as a slow
// network does: the browser lays out what it has while the rest is on its way.
func (p *Page) SetThroughput(bytesPerSecond float64) {
	p.tb.Helper()
	must(p, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{DownloadThroughput: bytesPerSecond, UploadThroughput: -1}},
	})
}

// SetDark says whether the person prefers a dark color scheme.
func (p *Page) SetDark(dark bool) {
	p.tb.Helper()
	p.options.Dark = dark
	scheme, motion := "light", "reduce"
	if dark {
		scheme = "dark"
	}
	if p.options.Motion {
		motion = "no-preference"
	}
	must(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
	}})
}

// Cookies returns all cookies of the window, also those that scripts cannot read.
func (p *Page) Cookies() []*http.Cookie {
	p.tb.Helper()
	var cookies []*http.Cookie
	for _, c := range p.storedCookies() {
		cookie := &http.Cookie{Name: c.Name, Value: c.Value, Domain: c.Domain, Path: c.Path, Secure: c.Secure, HttpOnly: c.HTTPOnly} //nolint:gosec // it is what the browser has, and is not set
		if !c.Session {
			cookie.Expires = time.Unix(int64(c.Expires), 0)
		}
		switch c.SameSite {
		case "Strict":
			cookie.SameSite = http.SameSiteStrictMode
		case "Lax":
			cookie.SameSite = http.SameSiteLaxMode
		case "None":
			cookie.SameSite = http.SameSiteNoneMode
		}
		cookies = append(cookies, cookie)
	}
	return cookies
}

// storedCookies asks the browser, which tells of its windows; a tab tells only of the
// cookies that it would send.
func (p *Page) storedCookies() []*network.Cookie {
	p.tb.Helper()
	result, err := callOn(p, p.browser, storage.GetCookies, storage.GetCookiesParams{BrowserContextID: p.contextID})
	if err != nil {
		p.tb.Fatalf("%v", err)
	}
	return result.Cookies
}

// Clipboard returns the text that the page has copied.
func (p *Page) Clipboard() string {
	p.tb.Helper()
	must(p, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted,
		Origin: origin(p.base), BrowserContextID: p.contextID,
	})
	var text string
	p.ask(&text, `() => navigator.clipboard.readText()`)
	return text
}
