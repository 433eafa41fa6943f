package browser

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// violationBinding is the function by which reportViolations reports.
const violationBinding = "cambioTestViolation"

const reportViolations = `document.addEventListener('securitypolicyviolation', event => ` + violationBinding + `(JSON.stringify({
	directive: event.effectiveDirective, blocked: event.blockedURI, file: event.sourceFile, line: event.lineNumber, sample: event.sample,
})));`

// watch keeps what happens in a tab. It is told by the goroutine that reads from
// the browser, and asked by the test's.
type watch struct {
	frame  cdp.FrameID // of the documents; fixed
	base   *url.URL    // fixed
	origin []string    // where requests may go; fixed
	answer func(accept bool)

	mu        sync.Mutex
	findings  []string
	expected  []*expectation
	pardoned  int // a status that the document may have
	quiet     bool
	requested bool // a script asked for a navigation
	loading   bool
	requests  []*request // all since the tab was opened
	byID      map[network.RequestID]*request
	document  *request // of the current document; nil if it came without
	dialogs   []string
	answers   []bool // to the next dialogs
	downloads []string
}

// request is one exchange over the network, or what the cache answered in its place.
type request struct {
	id       network.RequestID
	loader   cdp.LoaderID
	kind     network.ResourceType
	method   string
	url      string
	response *network.Response
	done     bool
}

func newWatch(base *url.URL, origins []string, frame cdp.FrameID) *watch {
	return &watch{
		frame: frame, base: base, origin: append([]string{origin(base)}, origins...),
		byID: make(map[network.RequestID]*request),
	}
}

// origin returns the origin of a URL (RFC 6454 section 6.2).
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// see takes note of an event.
func (w *watch) see(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventBindingCalled:
		if e.Name == violationBinding {
			w.find("csp", violationText(e.Payload))
		}
	case *runtime.EventExceptionThrown:
		w.find("exception", exceptionText(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			w.find("console", argumentsText(e.Args))
		}
	case *log.EventEntryAdded:
		w.seeEntry(e.Entry)
	case *inspector.EventTargetCrashed:
		w.find("crash", "the page crashed")
	case *page.EventWindowOpen:
		w.find("window", w.short(e.URL))
	case *page.EventJavascriptDialogOpening:
		w.seeDialog(e)
	case *browser.EventDownloadWillBegin:
		w.downloads = append(w.downloads, e.SuggestedFilename)
		w.requested, w.loading = false, false
	default:
		w.seeLoading(event)
		w.seeNetwork(event)
	}
}

// seeEntry takes note of what the browser writes to the console. A failed request is
// known from the network.
func (w *watch) seeEntry(entry *log.Entry) {
	switch {
	case entry.Source == log.EntrySourceNetwork && strings.HasPrefix(entry.Text, "Failed to load resource"):
	case entry.Source == log.EntrySourceSecurity && entry.Level != log.EntryLevelVerbose && entry.Level != log.EntryLevelInfo,
		strings.HasPrefix(entry.Text, "Mixed Content"):
		kind := "security"
		if strings.Contains(entry.Text, "Content Security Policy") {
			kind = "csp"
		}
		w.find(kind, entry.Text+" "+w.short(entry.URL))
	case entry.Level == log.EntryLevelError:
		w.find("console", entry.Text+" "+w.short(entry.URL))
	}
}

// seeLoading takes note of where a navigation stands.
func (w *watch) seeLoading(event any) {
	switch e := event.(type) {
	case *page.EventFrameRequestedNavigation:
		if e.FrameID == w.frame && e.Disposition == page.ClientNavigationDispositionCurrentTab {
			w.requested = true
		}
	case *page.EventFrameStartedNavigating:
		if e.FrameID == w.frame && !strings.HasSuffix(strings.ToLower(string(e.NavigationType)), "samedocument") {
			w.requested = true
		}
	case *page.EventFrameStartedLoading:
		if e.FrameID == w.frame {
			w.loading = true
		}
	case *page.EventFrameStoppedLoading:
		if e.FrameID == w.frame {
			w.requested, w.loading = false, false
		}
	case *page.EventNavigatedWithinDocument:
		if e.FrameID == w.frame {
			w.requested = false
		}
	case *page.EventFrameNavigated:
		if e.Frame.ID == w.frame {
			w.arrive(e)
		}
	case *page.EventJavascriptDialogClosed:
		if !e.Result {
			w.requested = false // the person stays
		}
	}
}

// arrive takes note of a new document. What the one before asked for is over.
func (w *watch) arrive(e *page.EventFrameNavigated) {
	w.document = nil
	for _, r := range w.requests {
		if r.loader == e.Frame.LoaderID && r.kind == network.ResourceTypeDocument {
			w.document = r
		} else if r.loader != e.Frame.LoaderID {
			r.done = true
		}
	}
	if e.Type == page.NavigationTypeBackForwardCacheRestore {
		w.requested, w.loading = false, false
	}
}

// seeNetwork takes note of requests.
func (w *watch) seeNetwork(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		r := &request{id: e.RequestID, loader: e.LoaderID, kind: e.Type, method: e.Request.Method, url: e.Request.URL + e.Request.URLFragment}
		w.requests = append(w.requests, r)
		w.byID[r.id] = r // which takes the place of the one that was redirected
		if target, err := url.Parse(r.url); err == nil && target.Host != "" && !slices.Contains(w.origin, httpOrigin(target)) {
			w.find("origin", r.method+" "+r.url)
		}
	case *network.EventResponseReceived:
		r := w.byID[e.RequestID]
		if r == nil {
			return
		}
		r.response = e.Response
		if r.kind == network.ResourceTypeFetch {
			r.done = true // it ends when a script has read it, which may be never
		}
		document := r.kind == network.ResourceTypeDocument && int(e.Response.Status) == w.pardoned
		if e.Response.Status >= http.StatusBadRequest && !document {
			w.find("request", fmt.Sprintf("%d %s %s", e.Response.Status, r.method, w.short(r.url)))
		}
	case *network.EventLoadingFinished:
		if r := w.byID[e.RequestID]; r != nil {
			r.done = true
		}
	case *network.EventLoadingFailed:
		r := w.byID[e.RequestID]
		if r == nil {
			return
		}
		r.done = true
		if e.Canceled || e.ErrorText == "net::ERR_ABORTED" && r.kind == network.ResourceTypeDocument {
			return // by a person or a script who wanted so, or it became a download
		}
		w.find("request", strings.TrimSpace(fmt.Sprintf("%s %s %s %s", e.ErrorText, r.method, w.short(r.url), e.BlockedReason)))
	}
}

// seeDialog takes note of a dialog and answers it.
func (w *watch) seeDialog(e *page.EventJavascriptDialogOpening) {
	text := strings.TrimSuffix(fmt.Sprintf("%s: %s", e.Type, e.Message), ": ")
	w.dialogs = append(w.dialogs, text)
	accept := true
	if len(w.answers) > 0 {
		accept, w.answers = w.answers[0], w.answers[1:]
	} else {
		w.find("dialog", text)
	}
	go w.answer(accept) // not here, where the answer's answer would be read
}

// short returns a URL without the page's own origin.
func (w *watch) short(address string) string {
	if rest, ok := strings.CutPrefix(address, origin(w.base)); ok && strings.HasPrefix(rest, "/") {
		return rest
	}
	return address
}

// httpOrigin returns the origin to which a URL leads, that of a WebSocket's
// handshake.
func httpOrigin(u *url.URL) string {
	changed := *u
	changed.Scheme = map[string]string{"ws": "http", "wss": "https"}[u.Scheme]
	if changed.Scheme == "" {
		changed.Scheme = u.Scheme
	}
	return origin(&changed)
}

// begin takes note that the person asked for a navigation that no event has told
// of yet.
func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requested = true
}

// busy returns what is under way, "" if nothing.
func (w *watch) busy() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.requested || w.loading {
		return "it navigates"
	}
	for _, r := range w.requests {
		if !r.done && (r.kind == network.ResourceTypeXHR || r.kind == network.ResourceTypeFetch) {
			return "waits for " + r.method + " " + w.short(r.url)
		}
	}
	return ""
}

// documentStatus returns the status with which the document came, 0 if there was no
// request for it.
func (w *watch) documentStatus() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.document == nil || w.document.response == nil {
		return 0
	}
	return int(w.document.response.Status)
}

// sent returns all requests since the tab was opened.
func (w *watch) sent() []request {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]request, len(w.requests))
	for i, r := range w.requests {
		all[i] = *r
	}
	return all
}

// current returns the request of the document and those that it made.
func (w *watch) current() []request {
	w.mu.Lock()
	document := w.document
	w.mu.Unlock()
	if document == nil {
		return nil
	}
	return slices.DeleteFunc(w.sent(), func(r request) bool { return r.loader != document.loader })
}

func (w *watch) pardonStatus(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pardoned = status
}

// hush stops taking note of findings, or takes it up again.
func (w *watch) hush(quiet bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.quiet = quiet
}

func (w *watch) dialogsSeen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.dialogs)
}

func (w *watch) downloadsSeen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.downloads)
}
