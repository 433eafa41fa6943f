package revocations

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/internal/httpx"
)

// Path is where the feed is, below the issuer.
const Path = "/revocations"

const (
	// maxWait bounds what Prefer: wait asks for (RFC 7240 §4.3).
	maxWait = 30 * time.Second
	// maxWaiting is how many requests are held at once; more are answered at once.
	maxWaiting = 4096
	// mediaType is that of a signed answer (RFC 7519 §10.3.1).
	mediaType = "application/jwt"
)

var errSince = errors.New("since is the `next` of an earlier answer, milliseconds since 1970; leave it out for all there is; there is no other parameter")

// Register adds the feed to mux.
func (f *Feed) Register(mux *http.ServeMux) {
	mux.Handle(Path, httpx.AllowMethods(http.HandlerFunc(f.serve), refuseMethod, http.MethodGet, http.MethodHead, http.MethodOptions))
}

func refuseMethod(w http.ResponseWriter, _ *http.Request) {
	fail(w, http.StatusMethodNotAllowed, "invalid_request", "method not allowed: use GET")
}

// fail answers with an error, of which the texts need no escape.
func fail(w http.ResponseWriter, status int, code, description string) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"error":"`+code+`","error_description":"`+description+`"}`) //nolint:gosec // texts of this file, as JSON
}

// shareWithScripts lets scripts of any origin read answers: no credential takes part.
func shareWithScripts(w http.ResponseWriter, r *http.Request) (preflight bool) {
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Expose-Headers", "ETag, Preference-Applied, Retry-After")
	if r.Method != http.MethodOptions {
		return false
	}
	header.Set("Access-Control-Allow-Methods", "GET, HEAD")
	header.Set("Access-Control-Allow-Headers", "If-None-Match, Prefer")
	header.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
	return true
}

func (f *Feed) serve(w http.ResponseWriter, r *http.Request) {
	if shareWithScripts(w, r) {
		return
	}
	since, err := readSince(r.URL.RawQuery)
	if err != nil {
		fail(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	wait, waits := preferredWait(r)
	header := w.Header()
	header.Set("Vary", "Prefer")
	if err := f.refresh(r.Context()); err != nil {
		f.refuse(w, r, err)
		return
	}
	what, asOf := f.content(since)
	if waits && matches(r, what.etag) {
		if what, asOf, waits, err = f.hold(r, since, wait); err != nil {
			f.refuse(w, r, err)
			return
		}
	}
	header.Set("Cache-Control", "public, max-age=1")
	if waits {
		header.Set("Cache-Control", "no-store")
		header.Set("Preference-Applied", "wait="+strconv.FormatInt(int64(wait/time.Second), 10))
	}
	header.Set("Etag", what.etag)
	if matches(r, what.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	signed, err := f.sign(what, asOf)
	if err != nil {
		header.Del("Etag")
		f.refuse(w, r, err)
		return
	}
	header.Set("Content-Type", mediaType)
	header.Set("Content-Length", strconv.Itoa(len(signed)))
	_, _ = io.WriteString(w, signed) //nolint:gosec // a JWS of ours, not HTML; a client that is gone needs none
}

// refuse answers what cannot be told.
func (f *Feed) refuse(w http.ResponseWriter, r *http.Request, err error) {
	httpx.RequestLogFrom(r.Context()).Add(zap.NamedError("cause", err))
	w.Header().Set("Retry-After", "1")
	fail(w, http.StatusServiceUnavailable, "temporarily_unavailable", "nobody can tell now what was revoked: try again later")
}

// readSince returns the one parameter there is; 0 if it is not there.
func readSince(query string) (int64, error) {
	if query == "" {
		return 0, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil || len(values) != 1 || len(values["since"]) != 1 {
		return 0, errSince
	}
	since, err := strconv.ParseUint(values.Get("since"), 10, 52) // until the year 144,683
	if err != nil {
		return 0, errSince
	}
	return int64(since), nil
}

// preferredWait returns how long a request wants to be held, at most maxWait (RFC 7240 §2,
// §4.3); false if it does not. Only GET is held. What is malformed is no preference.
func preferredWait(r *http.Request) (time.Duration, bool) {
	if r.Method != http.MethodGet {
		return 0, false
	}
	for preference := range strings.SplitSeq(strings.Join(r.Header.Values("Prefer"), ","), ",") {
		token, _, _ := strings.Cut(preference, ";")
		name, value, _ := strings.Cut(token, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
		if err != nil || seconds == 0 {
			return 0, false
		}
		return min(time.Duration(seconds)*time.Second, maxWait), true
	}
	return 0, false
}

// matches reports whether the client has the content already (RFC 9110 §13.1.2).
func matches(r *http.Request, etag string) bool {
	for given := range strings.SplitSeq(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		given = strings.TrimSpace(given)
		if given == "*" || strings.TrimPrefix(given, "W/") == etag {
			return true
		}
	}
	return false
}

// hold waits until there is something else to tell than the client has, wait is over, the
// process is to end or the client has gone. Held is false if too many wait already. It
// fails with fault.ErrUnavailable when nobody can tell any more.
func (f *Feed) hold(r *http.Request, since int64, wait time.Duration) (what *content, asOf time.Time, held bool, err error) {
	ctx := r.Context()
	if held = f.enter(ctx); held {
		defer f.leave()
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	for waiting := held; ; {
		f.mu.Lock()
		changed := f.changed // before the look: what changes after it is not missed
		f.mu.Unlock()
		if err = f.fresh(); err != nil {
			return nil, asOf, held, err
		}
		what, asOf = f.content(since)
		if !waiting || !matches(r, what.etag) {
			return what, asOf, held, nil
		}
		select {
		case <-changed:
		case <-over.C:
			waiting = false
		case <-f.Draining:
			waiting = false
		case <-ctx.Done():
			waiting = false
		}
	}
}

// enter counts a request that is to be held, if it may be, and has passes made while there
// are any.
func (f *Feed) enter(ctx context.Context) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting >= maxWaiting {
		return false
	}
	f.waiting++
	if f.idle == nil {
		f.idle = make(chan struct{})
		go f.watch(context.WithoutCancel(ctx), f.idle)
	}
	return true
}

func (f *Feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		close(f.idle)
		f.idle = nil
	}
}

// watch makes passes until nobody waits any more.
func (f *Feed) watch(ctx context.Context, idle <-chan struct{}) {
	const slack = 5 * time.Millisecond // a tick that comes early would find no pass due
	pause := time.NewTicker(passEvery + slack)
	defer pause.Stop()
	for {
		if err := f.refresh(ctx); err != nil {
			f.mu.Lock()
			f.wake() // who waits is told
			f.mu.Unlock()
		}
		select {
		case <-pause.C:
		case <-idle:
			return
		}
	}
}
