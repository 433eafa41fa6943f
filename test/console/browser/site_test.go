package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/cambio-sts/cambio/test/console/browser"
)

var _ = browser.DeclareUpdate()

func TestMain(m *testing.M) { browser.Main(m) }

// policy is a Content-Security-Policy as strict as the console's.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const goodPage = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tokens</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/style.css">
<script src="/script.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the tokens</a>
<header><nav aria-label="Main"><a href="/">Tokens</a> <a href="/keys">Keys</a></nav></header>
<main id="main" tabindex="-1">
<h1>Tokens</h1>
<p class="note">Read <a href="/help">how tokens end</a> before you make one.</p>
<form action="/tokens" method="post">
<label for="name">Name</label> <input id="name" name="name" autocomplete="off">
<label><input type="checkbox" name="pat"> Personal</label>
<label for="end">Ends</label> <select id="end" name="end"><option>In a day</option><option>In a year</option></select>
<label for="day">On</label> <input id="day" name="day" type="date">
<button>Create token</button> <button type="button" id="copy">Copy</button> <button type="button" disabled>Revoke</button>
</form>
<div class="wide" tabindex="0" role="region" aria-label="All tokens"><table>
<thead><tr><th scope="col">Name</th><th scope="col">Last used</th></tr></thead>
<tbody><tr><td><span class="name">a-token-with-a-very-long-name-that-is-shortened</span></td><td>never</td></tr></tbody>
</table></div>
<p class="cut">short</p>
<p><span class="only">for screen readers only, and so long that it would be cut off by its box</span></p>
</main>
</body>
</html>
`

const goodStyle = `
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fff; --accent: #0b57d0; --quiet: #55565c }
@media (prefers-color-scheme: dark) { :root { --ink: #eee; --paper: #16161a; --accent: #8ab4f8; --quiet: #b4b5bb } }
* { box-sizing: border-box }
body { margin: 0; padding: 16px; font: 16px/1.5 sans-serif; color: var(--ink); background: var(--paper) }
a { color: var(--accent) }
nav a { display: inline-block; padding: 4px 8px }
.note { color: var(--quiet) }
input:not([type=checkbox]), select, button { font: inherit; min-height: 32px; margin: 4px 0; max-width: 100% }
label:has(> [type=checkbox]) { display: inline-block; padding: 4px 0 }
.skip { position: absolute; left: -999px; padding: 8px }
.skip:focus { left: 0 }
.wide { overflow-x: auto; max-width: 100% }
table { min-width: 600px }
.name { display: block; max-width: 120px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.cut { width: 200px; height: 24px; overflow: hidden; white-space: nowrap }
.only { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
`

const goodScript = `
document.querySelector('#copy').addEventListener('click', () => navigator.clipboard.writeText('copied text'));
`

// change is what a page has in place of the good page's text.
type change struct{ old, new string }

// site serves the good page, its parts with changes, and other pages.
type site struct {
	*httptest.Server

	mux *http.ServeMux

	mu    sync.Mutex
	parts map[string]string // of the good page, as they are changed now
}

func newSite(t *testing.T, changes ...change) *site {
	t.Helper()
	s := &site{mux: http.NewServeMux()}
	for _, path := range []string{"/{$}", "/style.css", "/script.js", "/icon.svg", "/favicon.ico"} {
		s.handle(path, func(w http.ResponseWriter, _ *http.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			fmt.Fprint(w, s.parts[path])
		})
	}
	s.change(t, changes...)
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// change serves the good page with other changes.
func (s *site) change(t *testing.T, changes ...change) {
	t.Helper()
	parts := map[string]string{"/{$}": goodPage, "/style.css": goodStyle, "/script.js": goodScript, "/icon.svg": `<svg xmlns="http://www.w3.org/2000/svg"/>`}
	for _, c := range changes {
		changed := false
		for path, text := range parts {
			if strings.Contains(text, c.old) {
				parts[path], changed = strings.Replace(text, c.old, c.new, 1), true
			}
		}
		require.True(t, changed, "the good page has no %q", c.old)
	}
	parts["/favicon.ico"] = parts["/icon.svg"] // which pages without an icon ask for
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts = parts
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Cache-Control", "no-store")
	s.mux.ServeHTTP(w, r)
}

// page serves a text at a path.
func (s *site) page(path, text string) {
	s.handle(path, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
}

func (s *site) handle(path string, handler http.HandlerFunc) {
	s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(path, ".css"):
			w.Header().Set("Content-Type", "text/css")
		case strings.HasSuffix(path, ".js"):
			w.Header().Set("Content-Type", "text/javascript")
		case strings.HasSuffix(path, ".svg"):
			w.Header().Set("Content-Type", "image/svg+xml")
		default:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
		}
		handler(w, r)
	})
}

// newTLSSite serves pages under a policy, by a certificate that nobody trusts.
func newTLSSite(t *testing.T, policy string, pages map[string]string) string {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		fmt.Fprint(w, pages[r.URL.Path])
	}))
	server.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	t.Cleanup(server.Close)
	return server.URL
}

// document is a page with a body.
func document(body string) string {
	return `<!DOCTYPE html><html lang="en"><title>A page</title><link rel="icon" href="/icon.svg"><body>` + body
}

// verdict is a test within a test: it records how it ends.
type verdict struct {
	testing.TB

	failed   bool
	skipped  bool
	log      strings.Builder
	cleanups []func()
}

func (v *verdict) Errorf(format string, args ...any) {
	v.failed = true
	v.Logf(format, args...)
}

func (v *verdict) Fatalf(format string, args ...any) {
	v.Errorf(format, args...)
	v.FailNow()
}

func (v *verdict) Skipf(format string, args ...any) {
	v.skipped = true
	v.Logf(format, args...)
	runtime.Goexit()
}

func (v *verdict) FailNow() {
	v.failed = true
	runtime.Goexit()
}

func (v *verdict) Logf(format string, args ...any) { fmt.Fprintf(&v.log, format+"\n", args...) }
func (v *verdict) Failed() bool                    { return v.failed }
func (v *verdict) Cleanup(cleanup func())          { v.cleanups = append(v.cleanups, cleanup) }

// judge runs a test within a test, with its cleanup, and returns how it ended.
func judge(t *testing.T, run func(v *verdict)) *verdict {
	t.Helper()
	v := &verdict{TB: t}
	alone(func() { run(v) })
	for _, cleanup := range slices.Backward(v.cleanups) {
		alone(cleanup)
	}
	return v
}

// alone runs what may end its goroutine.
func alone(run func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		run()
	}()
	<-done
}

// requirePass fails the test unless what runs passes.
func requirePass(t *testing.T, run func(v *verdict)) {
	t.Helper()
	v := judge(t, run)
	require.False(t, v.failed, v.log.String())
}

// requireFail fails the test unless what runs fails and says so.
func requireFail(t *testing.T, want string, run func(v *verdict)) {
	t.Helper()
	v := judge(t, run)
	require.True(t, v.failed, "it passed")
	require.Regexp(t, want, v.log.String())
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	return content
}
