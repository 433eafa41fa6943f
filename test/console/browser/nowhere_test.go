package browser_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/cambio-sts/cambio/test/console/browser"
)

const secret = "cambio-canary-7f3a9c"

// secretSite shows a secret at /secret, once, and has a page to go on to.
func secretSite(t *testing.T, script string) *site {
	t.Helper()
	s := newSite(t)
	seen := false
	s.handle("/secret", func(w http.ResponseWriter, r *http.Request) {
		text := `<p>It was shown.</p>`
		if !seen || r.FormValue("always") != "" {
			text = `<output id="secret">` + secret + `</output>`
		}
		seen = true
		fmt.Fprint(w, document(`<h1>Secret</h1>`+text+`<script src="/leak.js"></script><a href="/gone">Go on</a>`))
	})
	s.page("/leak.js", script)
	s.page("/gone", document("<h1>Gone</h1>"))
	return s
}

func TestRequireNowhere(t *testing.T) {
	t.Parallel()
	const read = "const secret = document.querySelector('#secret')?.textContent ?? '" + secret + "';\n"
	for _, test := range []struct {
		name, script, path, want string // want is "" for success
	}{
		{"nowhere", "", "/secret", ""},
		{"shown again", "", "/secret?always=1", "1 back, the document: <output>"},
		{"sessionStorage", read + "sessionStorage.setItem('s', secret)", "/secret", "sessionStorage, s"},
		{"localStorage", read + "localStorage.setItem('s', secret)", "/secret", "localStorage, s"},
		{"IndexedDB", read + "indexedDB.open('db').onupgradeneeded = e => e.target.result.createObjectStore('all').put(secret, 1)", "/secret", "IndexedDB, db/all"},
		{"caches", read + "caches.open('c').then(c => c.put('/x', new Response(secret)))", "/secret", "the cache c"},
		{"cookie", read + "document.cookie = 's=' + secret", "/secret", "the cookie s"},
		{"window name", read + "window.name = secret", "/secret", "the name of the window"},
		{"title", read + "document.title = secret", "/secret", "the history: .secret."},
		{"address", read + "history.replaceState(null, '', '/secret?s=' + secret)", "/secret", "the history: "},
		{"history state", read + "history.replaceState({s: secret}, '')", "/secret", "1 back, the state of the history"},
		{"request", read + "fetch('/gone?s=' + secret)", "/secret", "the address of a request: GET /gone\\?s=.secret."},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := secretSite(t, test.script)
			visit := func(v *verdict) {
				p := browser.Open(v, browser.Options{Base: s.URL})
				p.Goto(test.path)
				p.Text("#secret")
				p.Click("Go on")
				p.RequireNowhere(v, secret)
				if p.Path() != "/gone" {
					v.Errorf("it is left at %s", p.Path())
				}
			}
			if test.want == "" {
				requirePass(t, visit)
			} else {
				requireFail(t, test.want, visit)
			}
		})
	}
}

func TestRequireNowhereOnThisPage(t *testing.T) {
	s := newSite(t)
	here := ""
	s.handle("/here", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, document(here)) })
	p := browser.Open(t, browser.Options{Base: s.URL})
	for name, body := range map[string]string{
		"text":      "<p>" + secret + "</p>",
		"in pieces": "<p>cambio-<b>canary</b>-7f3a9c</p>",
		"attribute": `<p data-s="` + secret + `">x</p>`,
		"field":     `<label>A <input value="` + secret + `"></label>`,
		"comment":   `<!--` + secret + `-->`,
		"template":  `<template><p>` + secret + `</p></template>`,
	} {
		t.Run(name, func(t *testing.T) {
			here = body
			p.Goto("/here")
			requireFail(t, "the secret is in the ", func(v *verdict) { p.RequireNowhere(v, secret) })
		})
	}
	requireFail(t, "by chance", func(v *verdict) { p.RequireNowhere(v, "short") })
}

func TestRequireNowhereInTheCache(t *testing.T) {
	t.Parallel()
	for control, want := range map[string]string{"no-store": "", "max-age=600": "the HTTP cache: .*/data.json"} {
		t.Run(control, func(t *testing.T) {
			t.Parallel()
			s := secretSite(t, "fetch('/data.json').then(r => r.text())")
			s.handle("/data.json", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Cache-Control", control)
				fmt.Fprintf(w, "%q", secret)
			})
			visit := func(v *verdict) {
				p := browser.Open(v, browser.Options{Base: s.URL})
				p.Goto("/secret")
				p.Click("Go on")
				p.RequireNowhere(v, secret)
			}
			if want == "" {
				requirePass(t, visit)
			} else {
				requireFail(t, want, visit)
			}
		})
	}
}

// A form that was sent is not sent again by looking at its answer.
func TestRequireNowhereSendsNoForm(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	posts := 0
	s.handle("POST /tokens", func(w http.ResponseWriter, _ *http.Request) {
		posts++
		fmt.Fprint(w, document(`<output id="secret">`+secret+`</output><a href="/gone">Go on</a>`))
	})
	s.page("/gone", document("<h1>Gone</h1>"))
	requirePass(t, func(v *verdict) {
		p := browser.Open(v, browser.Options{Base: s.URL})
		p.Goto("/")
		p.Click("Create token")
		p.Text("#secret")
		p.Click("Go on")
		p.RequireNowhere(v, secret)
		if posts != 1 {
			v.Errorf("it was sent %d times", posts)
		}
	})
}

func TestRequireNowhereInTheProfile(t *testing.T) {
	t.Parallel()
	for control, want := range map[string]string{"no-store": "", "max-age=600": "the secret of TestRequireNowhereInTheProfile/max-age=600 is in the file profile/"} {
		t.Run(control, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.handle("/data.json", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", control)
				w.Header().Set("Vary", "X-Nonce") // what asks later does not find it
				fmt.Fprintf(w, "%q", secret)
			})
			visit := func(v *verdict) {
				p := browser.Open(v, browser.Options{Base: s.URL, OwnProfile: true})
				p.Goto("/")
				p.Eval("fetch('/data.json', {headers: {'X-Nonce': '1'}}).then(r => r.text())", nil)
				p.RequireNowhere(v, secret)
			}
			if want == "" {
				requirePass(t, visit)
			} else {
				requireFail(t, want, visit)
			}
		})
	}
}
