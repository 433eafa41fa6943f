package console

import (
	"net/http"
	"strings"

	"github.com/cambio-sts/cambio/console/ui"
)

// maxForm is the greatest body of a form, in bytes.
const maxForm = 64 << 10

// policy is what a page may load and do (Content Security Policy, level 3): only what
// the console serves itself. Nothing is inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; object-src 'none'"

// transport has a browser that came by https come no other way for two years (RFC 6797
// §6.1). Other hosts below this one are not the console's to decide about.
const transport = "max-age=63072000"

// setHeaders sets what every page has. The shell sets no-store, nosniff and no-referrer.
func (c *Console) setHeaders(header http.Header) {
	if c.secure {
		header.Set("Strict-Transport-Security", transport)
	}
	header.Set("Content-Security-Policy", policy)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), clipboard-write=(self)")
	header.Set("X-Frame-Options", "DENY")
}

// handler lets requests in to a page.
func (c *Console) handler(p page) http.Handler {
	return c.sessions.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.setHeaders(w.Header())
		x := &visit{Console: c, w: w, r: r, view: c.ui.View(r)}
		if err := x.serve(p); err != nil { //nolint:contextcheck // it is the request's
			x.fail(err) //nolint:contextcheck // likewise
		}
	}))
}

// serve finds out who asks, and has them answered.
func (x *visit) serve(p page) error {
	if err := x.guard.Check(x.r); err != nil {
		return errCrossSite
	}
	answer := p.get
	if x.r.Method == http.MethodPost {
		answer = p.post
	}
	if answer == nil || x.r.Method != http.MethodGet && x.r.Method != http.MethodHead && x.r.Method != http.MethodPost {
		x.w.Header().Set("Allow", p.methods())
		return errMethod
	}
	if err := x.resume(p.public); err != nil || x.caller == nil && !p.public {
		return err
	}
	if x.r.Method == http.MethodPost {
		if err := x.readForm(); err != nil {
			return err
		}
	}
	if done := x.query("done"); done != "" && x.fromHere() && x.view.Has("done."+done) {
		x.view.Notice = "done." + done
	}
	return answer(x)
}

// fromHere reports whether a page of the console led here, as far as the browser tells
// (Fetch Metadata Request Headers §2.2): what was done is not said to who follows a link
// that somebody else made.
func (x *visit) fromHere() bool {
	site := x.r.Header.Get("Sec-Fetch-Site")
	return site == "" || site == "same-origin"
}

// readForm reads the body of a POST; what is not a form of a page is refused.
func (x *visit) readForm() error {
	media, _, _ := strings.Cut(x.r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded") {
		return errForm
	}
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, maxForm)
	if err := x.r.ParseForm(); err != nil {
		return errForm
	}
	return nil
}

// static serves the files of the console.
func (c *Console) static() http.Handler {
	files := ui.Static()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.setHeaders(w.Header())
		files.ServeHTTP(w, r)
	})
}
